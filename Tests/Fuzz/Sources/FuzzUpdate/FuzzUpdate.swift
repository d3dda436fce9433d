@_spi(Fuzzing) import Journal

/// Whatever the bytes are: refused by name, or an update that encodes to exactly these bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let content = try? UpdateCoding.decode(bytes) {
    guard (try? UpdateCoding.encode(content)) == bytes else { preconditionFailure("a value has two forms") }
    var twice = content
    twice.operations = content.invertedOperations
    precondition(twice.invertedOperations == content.operations, "inverting twice is not the identity")
  }
  if let record = try? UpdateRecord(decoding: bytes) {
    guard (try? record.encoded()) == bytes else { preconditionFailure("a record has two forms") }
  }
  if let shortcut = (try? ShortcutCoding.decode(bytes))?.shortcut {
    guard (try? ShortcutCoding.encode(shortcut)) == bytes else { preconditionFailure("a shortcut has two forms") }
  }
  if let block = try? FreshBlockCoding.decode(bytes) {
    precondition(FreshBlockCoding.encode(block) == bytes, "a block has two forms")
  }
  if let header = (try? TargetHeader.decode(bytes)) ?? nil {
    precondition(header.encoded() == Array(bytes.prefix(TargetHeader.byteCount)), "a header has two forms")
  }
  return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzerDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// SwiftPM links an executable with `main` defined as `FuzzUpdate_main`, which hides the one of libFuzzer.
@_cdecl("FuzzUpdate_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzerDriver(&count, &arguments) { fuzzOne($0, $1) }
}
