public import Addressing

/// A process as it can be looked at without stopping or holding it.
///
/// Reading memory takes the permission that attaching takes (ptrace(2), PTRACE_MODE_ATTACH). What is read is a moving
/// thing until the process is held by a `LinuxTask`.
public final class LinuxProcess {
  public let id: Int32
  /// As the kernel truncates it, to 15 bytes.
  public let name: String
  /// Clock ticks between boot and the process's start: with the id, this one process for ever.
  public let startTime: UInt64
  /// `/proc/PID/mem`. It stays with the memory it was opened on: after an exec or the end it reads as empty.
  let memory: Descriptor

  /// Refuses by name what cannot be worked with: nobody there, ended, of 32 bits, someone else's.
  public init(_ id: Int32) throws(ApplyError) {
    let (stat, status) = try Self.look(at: id)
    let target = Self.describe(id, stat.name)
    try Self.refuse(id, target, status)
    do throws(SystemCallFailure) {
      memory = Descriptor(try LinuxCalls.open("/proc/\(id)/mem", writable: true))
    } catch {
      throw Self.refusal(target, status, error)
    }
    self.id = id
    name = stat.name
    startTime = stat.startTime
  }

  /// The file that the process runs, for messages only: it may have been replaced since.
  public var executablePath: String? {
    do throws(SystemCallFailure) { return try LinuxCalls.linkTarget("/proc/\(id)/exe") } catch { return nil }
  }

  /// Every process that may be looked at; those that may not are passed over.
  public static func all() -> [LinuxProcess] {
    let numbers: [Int32]
    do throws(SystemCallFailure) { numbers = try LinuxCalls.numberedEntries("/proc") } catch { return [] }
    return numbers.filter { $0 != LinuxCalls.process }.compactMap { number in
      do throws(ApplyError) { return try LinuxProcess(number) } catch { return nil }
    }
  }
}

extension LinuxProcess: CustomStringConvertible {
  public var description: String { Self.describe(id, name) }

  static func describe(_ id: Int32, _ name: String) -> String { "pid \(id) (\(name))" }
}

/// A file descriptor that is closed with its last owner.
final class Descriptor {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { LinuxCalls.close(number) }
}

// MARK: Refusals

extension LinuxProcess {
  private static func look(at id: Int32) throws(ApplyError) -> (ProcessStat, ProcessStatus) {
    let stat: [UInt8]
    let status: [UInt8]
    do throws(SystemCallFailure) {
      stat = try LinuxCalls.contents("/proc/\(id)/stat")
      status = try LinuxCalls.contents("/proc/\(id)/status")
    } catch {
      throw ApplyError(error.isGone ? .noSuchProcess : .taskCallFailed, target: "pid \(id)", failure: error)
    }
    guard let stat = ProcessStat(stat), let status = ProcessStatus(status) else {
      throw ApplyError(.taskMemoryMalformed, target: "pid \(id)", detail: "/proc/\(id)/status is not as known")
    }
    return (stat, status)
  }

  private static func refuse(_ id: Int32, _ target: String, _ status: ProcessStatus) throws(ApplyError) {
    if status.isZombie { throw ApplyError(.processIsZombie, target: target) }
    if status.threadGroup != id {
      throw ApplyError(
        .noSuchProcess, target: target, process: status.threadGroup,
        detail: "\(id) is a thread of process \(status.threadGroup)")
    }
    if id == LinuxCalls.process { throw ApplyError(.notPermitted, target: target, detail: "it is this program itself") }
    let head: [UInt8]
    do throws(SystemCallFailure) {
      let executable = Descriptor(try LinuxCalls.open("/proc/\(id)/exe"))
      head = try LinuxCalls.read(executable.number, at: 0, count: 5)
    } catch {
      throw refusal(target, status, error)
    }
    // e_ident[EI_CLASS] (gABI, ELF Identification): 2 is ELFCLASS64.
    guard head.count == 5, head[4] == 2 else { throw ApplyError(.processNot64Bit, target: target) }
  }

  /// Why the system did not let us, as far as it can be told.
  static func refusal(_ target: String, _ status: ProcessStatus, _ failure: SystemCallFailure) -> ApplyError {
    if status.tracer != 0 {
      return ApplyError(.alreadyTraced, target: target, process: owner(ofThread: status.tracer))
    }
    if failure.isGone {
      return ApplyError(.notPermitted, target: target, failure: failure, detail: "it has no program")
    }
    guard failure.isNotPermitted else { return ApplyError(.taskCallFailed, target: target, failure: failure) }
    var detail = "the kernel refuses it"
    if status.effectiveUser != LinuxCalls.user {
      detail = "it belongs to user \(status.effectiveUser), this program runs as user \(LinuxCalls.user)"
    } else if let scope = yamaScope, scope != "0" {
      detail = "kernel.yama.ptrace_scope is \(scope)"
    }
    return ApplyError(.notPermitted, target: target, failure: failure, detail: detail)
  }

  /// A tracer is a thread: whoever reads the message looks for the process.
  private static func owner(ofThread thread: Int32) -> Int32 {
    do throws(SystemCallFailure) {
      return ProcessStatus(try LinuxCalls.contents("/proc/\(thread)/status"))?.threadGroup ?? thread
    } catch {
      return thread
    }
  }

  private static var yamaScope: String? {
    do throws(SystemCallFailure) {
      let bytes = try LinuxCalls.contents("/proc/sys/kernel/yama/ptrace_scope")
      return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    } catch {
      return nil
    }
  }
}

extension ApplyError {
  init(
    _ code: Code, target: String, address: RuntimeAddress? = nil, failure: SystemCallFailure, detail: String? = nil
  ) {
    self.init(
      code, target: target, runtimeAddress: address, call: failure.call, errno: failure.number.rawValue, detail: detail)
  }
}

// MARK: Reading

extension LinuxProcess {
  func status(ofThread thread: Int32? = nil) throws(SystemCallFailure) -> ProcessStatus? {
    ProcessStatus(try LinuxCalls.contents("/proc/\(id)/task/\(thread ?? id)/status"))
  }

  /// The thread's own name, as the kernel truncates it.
  func threadName(_ thread: Int32) -> String {
    do throws(SystemCallFailure) {
      let bytes = try LinuxCalls.contents("/proc/\(id)/task/\(thread)/comm")
      return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    } catch {
      return name
    }
  }

  /// Exactly `count` bytes, or an error that tells an address where nothing is from a process that has ended.
  public func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8] {
    guard count > 0 else { return [] }
    let bytes: [UInt8]
    do throws(SystemCallFailure) {
      bytes = try LinuxCalls.read(memory.number, at: at.rawValue, count: count)
    } catch {
      throw ApplyError(.taskCallFailed, target: description, address: at, failure: error)
    }
    if bytes.count == count { return bytes }
    // A short read ends at unmapped memory; an empty one is memory that nobody has any more (fs/proc/base.c, mem_rw).
    if bytes.isEmpty { throw ApplyError(.processExited, target: description) }
    throw ApplyError(
      .taskCallFailed, target: description,
      runtimeAddress: RuntimeAddress(rawValue: at.rawValue &+ UInt64(bytes.count)),
      detail: "nothing is mapped there")
  }

  public func mappings() throws(ApplyError) -> [TaskMapping] { try mapsLines().map(TaskMapping.init) }

  func mapsLines() throws(ApplyError) -> [MapsLine] {
    let bytes: [UInt8]
    do throws(SystemCallFailure) {
      bytes = try LinuxCalls.contents("/proc/\(id)/maps")
    } catch {
      throw ApplyError(error.isGone ? .processExited : .taskCallFailed, target: description, failure: error)
    }
    guard let lines = MapsLine.parse(bytes) else {
      throw ApplyError(.taskMemoryMalformed, target: description, detail: "/proc/\(id)/maps is not as known")
    }
    if lines.isEmpty { throw ApplyError(.processExited, target: description) }
    return lines
  }

  func auxiliaryVector() throws(ApplyError) -> AuxiliaryVector {
    do throws(SystemCallFailure) {
      return AuxiliaryVector(try LinuxCalls.contents("/proc/\(id)/auxv"))
    } catch {
      throw ApplyError(error.isGone ? .processExited : .taskCallFailed, target: description, failure: error)
    }
  }
}
