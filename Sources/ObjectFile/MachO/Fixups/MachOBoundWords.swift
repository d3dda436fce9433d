public import Addressing

/// The words of an image that the loader binds to symbols, by chains and opcodes alike.
public struct MachOBoundWords {
  public private(set) var words: [VirtualAddress: MachOBindTarget] = [:]

  public init(_ file: MachOFile) throws(ObjectFileError) {
    let places = file.segmentPlaces
    if let chains = try file.chainedFixups() {
      for fixup in try chains.fixups(in: file.view, places: places) {
        guard let target = chains.target(fixup.value), let address = places.address(of: fixup.place) else { continue }
        words[address] = target
      }
      return
    }
    for kind in MachOBindStream.allCases {
      for bind in try file.binds(kind).map(Array.init) ?? [] {
        guard let address = places.address(of: bind.place) else { continue }
        words[address] = bind.target
      }
    }
  }
}
