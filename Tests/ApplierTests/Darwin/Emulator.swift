import Addressing
import Foundation

@testable import Applier

/// An arm64 processor (unicorn 2.1.4) whose memory is that of a simulated kernel's task: the same pages, with the protections
/// that they have there. A pointer without the slide, or a cell without its code, faults at once.
final class Emulator {
  private typealias Handle = OpaquePointer

  /// Functions of unicorn.h that are called.
  private struct Library {
    let open: @convention(c) (Int32, Int32, UnsafeMutablePointer<Handle?>) -> Int32
    let close: @convention(c) (Handle) -> Int32
    let mapPointer: @convention(c) (Handle, UInt64, UInt64, UInt32, UnsafeMutableRawPointer?) -> Int32
    let unmap: @convention(c) (Handle, UInt64, UInt64) -> Int32
    let readRegister: @convention(c) (Handle, Int32, UnsafeMutableRawPointer) -> Int32
    let writeRegister: @convention(c) (Handle, Int32, UnsafeRawPointer) -> Int32
    let start: @convention(c) (Handle, UInt64, UInt64, UInt64, Int) -> Int32
    let text: @convention(c) (Int32) -> UnsafePointer<CChar>

    init(_ path: String) throws {
      guard let library = dlopen(path, RTLD_NOW) else { throw Missing(what: path) }
      func function<Function>(_ name: String) throws -> Function {
        guard let address = dlsym(library, name) else { throw Missing(what: name) }
        return unsafeBitCast(address, to: Function.self)
      }
      open = try function("uc_open")
      close = try function("uc_close")
      mapPointer = try function("uc_mem_map_ptr")
      unmap = try function("uc_mem_unmap")
      readRegister = try function("uc_reg_read")
      writeRegister = try function("uc_reg_write")
      start = try function("uc_emu_start")
      text = try function("uc_strerror")
    }
  }

  struct Missing: Error { var what: String }

  /// Numbers of unicorn/arm64.h.
  private enum Register {
    static let framePointer: Int32 = 1
    static let link: Int32 = 2
    static let stackPointer: Int32 = 4
    static let first: Int32 = 199
    static let programCounter: Int32 = 260
    static let floatingPointControl: Int32 = 261
  }

  /// Where a function that was called returns to: nothing is mapped there.
  static let end: UInt64 = 0x7fff_0000

  private let library: Library
  private let handle: Handle
  private var mapped: Set<UInt64> = []
  /// How many instructions are executed before a call of the applier's is answered.
  var pace = 40
  private(set) var isRunning = false

  init(_ mach: SimulatedMach) throws {
    let package = try ToolRun.pythonPackage("unicorn", "2.1.4")
    library = try Library(package + "/unicorn/lib/libunicorn.so.2")
    var handle: Handle?
    guard library.open(2, 0, &handle) == 0, let handle else { throw Missing(what: "an arm64 processor") }
    self.handle = handle
    // Both bits of CPACR_EL1.FPEN: the floating-point registers may be used.
    set(Register.floatingPointControl, 3 << 20)
    for entry in mach.entries { map(entry.start, entry.end, mach) }
    mach.onRemap = { [unowned self, unowned mach] start, end in self.map(start, end, mach) }
    mach.run = { [unowned self] in self.run($0) }
  }

  deinit { _ = library.close(handle) }

  // MARK: Memory

  private func map(_ start: UInt64, _ end: UInt64, _ mach: SimulatedMach) {
    for page in stride(from: start, to: end, by: Int(mach.pageByteCount)) {
      if mapped.remove(page) != nil { _ = library.unmap(handle, page, mach.pageByteCount) }
      guard let entry = mach.leaf(at: page), let bytes = mach.pages[page]?.bytes else { continue }
      if library.mapPointer(handle, page, mach.pageByteCount, UInt32(entry.current.rawValue), bytes.baseAddress) == 0 {
        mapped.insert(page)
      }
    }
  }

  // MARK: Registers

  private func set(_ register: Int32, _ value: UInt64) {
    withUnsafeBytes(of: value) { bytes in
      if let start = bytes.baseAddress { _ = library.writeRegister(handle, register, start) }
    }
  }

  private func get(_ register: Int32) -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { bytes in
      if let start = bytes.baseAddress { _ = library.readRegister(handle, register, start) }
    }
    return value
  }

  /// What thread_get_state tells.
  private func tell(_ thread: inout SimulatedMach.Thread) {
    thread.programCounter = get(Register.programCounter)
    thread.stackPointer = get(Register.stackPointer)
    thread.linkRegister = get(Register.link)
    thread.general = (0..<29).map { get(Register.first + $0) } + [get(Register.framePointer)]
  }

  // MARK: Running

  /// Makes the thread call a function of C. Its result is `result` once `isRunning` is false.
  func call(_ function: UInt64, _ arguments: [UInt64], _ mach: SimulatedMach) {
    for (index, argument) in arguments.enumerated() { set(Register.first + Int32(index), argument) }
    set(Register.stackPointer, SimulatedMach.stack.end - 0x400)
    set(Register.link, Self.end)
    set(Register.programCounter, function)
    isRunning = true
    if !mach.threads.isEmpty { tell(&mach.threads[0]) }
  }

  var result: UInt64 { self.get(Register.first) }

  /// Why the program dies; nil while it does not.
  private func run(_ mach: SimulatedMach) -> String? {
    guard isRunning else { return nil }
    let error = library.start(handle, get(Register.programCounter), Self.end, 0, pace)
    let counter = get(Register.programCounter)
    if counter == Self.end {
      isRunning = false
      // Whoever called has a frame of its own.
      set(Register.stackPointer, SimulatedMach.stack.end - 0x100)
    }
    if !mach.threads.isEmpty { tell(&mach.threads[0]) }
    guard error != 0, isRunning else { return nil }
    return String(cString: library.text(error)) + " at 0x" + String(counter, radix: 16)
  }
}

extension Emulator {
  /// Calls a function and waits for its end.
  func result(of function: UInt64, _ arguments: UInt64..., on mach: SimulatedMach) throws -> UInt64 {
    call(function, arguments, mach)
    try finish(mach)
    return result
  }

  func finish(_ mach: SimulatedMach) throws {
    var patience = 1_000_000
    while isRunning, mach.crash == nil, patience > 0 {
      mach.letThreadsRun()
      patience -= 1
    }
    if isRunning { throw Missing(what: mach.crash ?? "an end") }
  }
}
