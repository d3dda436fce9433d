import Addressing

extension UpdateEncoder {
  mutating func append(_ observation: Observation) throws(JournalError) {
    append(observation.before)
    append(observation.after)
    writer.append(count: observation.places.count)
    var end = VirtualAddress(0)
    for place in observation.places {
      guard end <= place.range.start, !place.range.isEmpty,
        place.fileOffset.advanced(by: place.range.byteCount) != nil
      else { throw refusal("places of an observation overlap, or are empty, or go beyond any file") }
      writer.append(place.range)
      writer.append(varint: place.fileOffset.rawValue)
      end = place.range.end
    }
  }

  private mutating func append(_ file: Observation.File) {
    writer.append(raw: file.digest.bytes)
    writer.append(varint: file.byteCount)
    writer.append(byteString: file.identity)
  }
}

extension UpdateDecoder {
  mutating func observation() throws(JournalError) -> Observation {
    let before = try observedFile()
    let after = try observedFile()
    var places: [Observation.Place] = []
    var end = VirtualAddress(0)
    for _ in 0..<(try reader.count()) {
      let place = Observation.Place(range: try reader.range(), fileOffset: FileOffset(try reader.varint()))
      guard end <= place.range.start, !place.range.isEmpty,
        place.fileOffset.advanced(by: place.range.byteCount) != nil
      else { throw reader.refusal("places of an observation overlap, or are empty, or go beyond any file") }
      places.append(place)
      end = place.range.end
    }
    return Observation(before: before, after: after, places: places)
  }

  private mutating func observedFile() throws(JournalError) -> Observation.File {
    Observation.File(
      digest: try reader.digest(), byteCount: try reader.varint(), identity: try reader.byteString())
  }
}
