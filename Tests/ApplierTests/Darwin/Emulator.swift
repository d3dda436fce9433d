import Addressing
import Foundation

@testable import Applier

/// A processor (unicorn 2.1.4) whose memory is that of a simulated kernel's task: the same pages, with the protections
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

  /// Numbers of a processor and its registers.
  private struct Processor {
    /// uc_arch and uc_mode.
    let number: (architecture: Int32, mode: Int32)
    let programCounter: Int32
    let stackPointer: Int32
    /// Nil where a return address is on the stack.
    let link: Int32?
    let arguments: [Int32]
    let result: Int32
    /// As SimulatedMach.Thread has them.
    let general: [Int32]

    /// unicorn/arm64.h
    static let arm64 = Processor(
      number: (2, 0), programCounter: 260, stackPointer: 4, link: 2, arguments: (0..<8).map { 199 + $0 }, result: 199,
      general: (0..<29).map { 199 + $0 } + [1])
    static let floatingPointControl: Int32 = 261

    /// unicorn/x86.h: rdi, rsi, rdx, rcx, r8, r9; rax, rbx, rcx, rdx, rdi, rsi, rbp, r8…r15
    static let x86 = Processor(
      number: (4, 8), programCounter: 41, stackPointer: 44, link: nil, arguments: [39, 43, 40, 38, 106, 107],
      result: 35,
      general: [35, 37, 38, 40, 39, 43, 36] + (106...113))
  }

  /// Where a function that was called returns to: nothing is mapped there.
  static let end: UInt64 = 0x7fff_0000

  private let library: Library
  private let handle: Handle
  private let processor: Processor
  private var mapped: Set<UInt64> = []
  /// How many instructions are executed before a call of the applier's is answered.
  var pace = 40
  private(set) var isRunning = false

  init(_ mach: SimulatedMach) throws {
    let package = try ToolRun.pythonPackage("unicorn", "2.1.4")
    library = try Library(package + "/unicorn/lib/libunicorn.so.2")
    var handle: Handle?
    processor = mach.architecture == .arm64 ? .arm64 : .x86
    guard library.open(processor.number.architecture, processor.number.mode, &handle) == 0, let handle else {
      throw Missing(what: "an emulated processor")
    }
    self.handle = handle
    // Both bits of CPACR_EL1.FPEN: the floating-point registers may be used.
    if mach.architecture == .arm64 { set(Processor.floatingPointControl, 3 << 20) }
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
    thread.programCounter = get(processor.programCounter)
    thread.stackPointer = get(processor.stackPointer)
    thread.linkRegister = processor.link.map(get) ?? 0
    thread.general = processor.general.map(get)
  }

  // MARK: Running

  /// Makes the thread call a function of C. Its result is `result` once `isRunning` is false.
  func call(_ function: UInt64, _ arguments: [UInt64], _ mach: SimulatedMach) {
    for (register, argument) in zip(processor.arguments, arguments) { set(register, argument) }
    var top = SimulatedMach.stack.end - 0x400
    if let link = processor.link {
      set(link, Self.end)
    } else {
      top -= 8
      mach.poke(Self.end.bytes, at: top)
    }
    set(processor.stackPointer, top)
    set(processor.programCounter, function)
    isRunning = true
    if !mach.threads.isEmpty { tell(&mach.threads[0]) }
  }

  var result: UInt64 { self.get(processor.result) }

  /// Why the program dies; nil while it does not.
  private func run(_ mach: SimulatedMach) -> String? {
    guard isRunning else { return nil }
    let error = library.start(handle, get(processor.programCounter), Self.end, 0, pace)
    let counter = get(processor.programCounter)
    if counter == Self.end {
      isRunning = false
      // Whoever called has a frame of its own.
      set(processor.stackPointer, SimulatedMach.stack.end - 0x100)
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
