/// What every fuzzer has in common: the way to libFuzzer and back.
///
/// A driver is one function, `FuzzNAME_main`: SwiftPM links an executable with `main` defined as that, which hides the one of
/// libFuzzer. So the driver calls `LLVMFuzzerRunDriver` itself.
public typealias FuzzArguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzerDriver(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<FuzzArguments>,
  _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What is done with an input: set once, before the first.
private nonisolated(unsafe) var body: ([UInt8]) -> Void = { _ in }

/// libFuzzer's own main refers to it by name.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  body(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// Runs until an input makes `one` trap, or until the options of libFuzzer say so.
///
/// - Returns: the program's exit status.
public func fuzz(_ count: CInt, _ arguments: FuzzArguments, _ one: @escaping ([UInt8]) -> Void) -> CInt {
  body = one
  var count = count
  var arguments = arguments
  return runFuzzerDriver(&count, &arguments) { fuzzOne($0, $1) }
}
