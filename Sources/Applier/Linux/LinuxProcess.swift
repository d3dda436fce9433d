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
  /// Who lived at that time: the main thread, unless it has ended and left the process to the others.
  let thread: Int32

  /// Refuses by name what cannot be worked with: nobody there, ended, of 32 bits, someone else's.
  public init(_ id: Int32) throws(ApplyError) {
    try Self.checkNumbers(id)
    let (stat, status) = try Self.look(at: id)
    let target = Self.describe(id, stat.name)
    guard let thread = Self.livingThread(of: id, status) else { throw ApplyError(.processIsZombie, target: target) }
    try Self.refuse(id, thread, target, status)
    do throws(SystemCallFailure) {
      // Of a thread that has ended the kernel shows no memory, no map and no program.
      memory = Descriptor(try LinuxCalls.open("/proc/\(id)/task/\(thread)/mem", writable: true))
    } catch {
      throw Self.refusal(target, status, error)
    }
    self.id = id
    self.thread = thread
    name = stat.name
    startTime = stat.startTime
  }

  /// The file that the process runs, for messages only: it may have been replaced since.
  public var executablePath: String? {
    do throws(SystemCallFailure) { return try LinuxCalls.linkTarget("\(folder)/exe") } catch { return nil }
  }

  /// The start time of a process, anyone's, by which it is known again; nil where there is none or it has ended.
  public static func startTime(of id: Int32) -> UInt64? {
    guard let bytes = try? LinuxCalls.contents("/proc/\(id)/stat"), let stat = ProcessStat(bytes), !stat.isZombie
    else { return nil }
    return stat.startTime
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
  /// Numbers under /proc are those of the pid namespace for which it was mounted, ptrace(2)'s those of our own (pid_namespaces(7)):
  /// where they differ, one process would be read and another one stopped.
  private static func checkNumbers(_ id: Int32) throws(ApplyError) {
    do throws(SystemCallFailure) {
      // Of a process outside of its namespace /proc has no `self`.
      if ProcessStatus.isOfOwnNamespace(try LinuxCalls.contents("/proc/self/status")) { return }
    } catch {
      if !error.isGone { throw ApplyError(.taskCallFailed, target: "pid \(id)", failure: error) }
    }
    throw ApplyError(.procUnusable, target: "pid \(id)", detail: "/proc is of another pid namespace")
  }

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

  private static func refuse(
    _ id: Int32, _ thread: Int32, _ target: String, _ status: ProcessStatus
  ) throws(ApplyError) {
    if status.threadGroup != id {
      throw ApplyError(
        .noSuchProcess, target: target, process: status.threadGroup,
        detail: "\(id) is a thread of process \(status.threadGroup)")
    }
    if id == LinuxCalls.process { throw ApplyError(.notPermitted, target: target, detail: "it is this program itself") }
    let head: [UInt8]
    do throws(SystemCallFailure) {
      let executable = Descriptor(try LinuxCalls.open("/proc/\(id)/task/\(thread)/exe"))
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
    if bytes.isEmpty { throw ApplyError(absence, target: description) }
    throw ApplyError(
      .taskCallFailed, target: description,
      runtimeAddress: RuntimeAddress(rawValue: at.rawValue &+ UInt64(bytes.count)),
      detail: "nothing is mapped there")
  }

  /// Whether this life of the process id is over. That a call says so of a thread is no proof: it may be the only one.
  var hasEnded: Bool {
    do throws(SystemCallFailure) {
      guard let stat = ProcessStat(try LinuxCalls.contents("/proc/\(id)/stat")) else { return false }
      guard stat.startTime == startTime, let status = try status() else { return true }
      if Self.livingThread(of: id, status) == nil { return true }
      // On its way out it gives its memory up first.
      return try LinuxCalls.contents("\(folder)/maps").isEmpty
    } catch {
      return error.isGone
    }
  }

  /// Why memory that was there has gone: the process has ended, or executed another program (execve(2)).
  var absence: ApplyError.Code { hasEnded ? .processExited : .programExchanged }

  /// Whether it still has the memory that was opened.
  func hasItsMemory(at address: RuntimeAddress) -> Bool {
    do throws(SystemCallFailure) {
      return try !LinuxCalls.read(memory.number, at: address.rawValue, count: 1).isEmpty
    } catch {
      return true
    }
  }

  /// Where the kernel shows what all threads share.
  var folder: String {
    let living = Self.hasProgram(id, thread) ? thread : Self.threadWithProgram(id) ?? thread
    return "/proc/\(id)/task/\(living)"
  }

  private static func livingThread(of id: Int32, _ status: ProcessStatus) -> Int32? {
    if !status.isZombie, hasProgram(id, id) { return id }
    // The kernel's own threads have no program either.
    return threadWithProgram(id) ?? (status.isZombie ? nil : id)
  }

  private static func threadWithProgram(_ id: Int32) -> Int32? {
    do throws(SystemCallFailure) {
      return try LinuxCalls.numberedEntries("/proc/\(id)/task").sorted().first { hasProgram(id, $0) }
    } catch {
      // It ends while it is looked at.
      return nil
    }
  }

  /// A thread that ends gives its memory up, and with it the program, before it counts as ended.
  private static func hasProgram(_ id: Int32, _ thread: Int32) -> Bool {
    do throws(SystemCallFailure) {
      _ = try LinuxCalls.linkTarget("/proc/\(id)/task/\(thread)/exe")
      return true
    } catch {
      return !error.isGone
    }
  }

  public func mappings() throws(ApplyError) -> [TaskMapping] { try mapsLines().map(TaskMapping.init) }

  func mapsLines() throws(ApplyError) -> [MapsLine] {
    let bytes: [UInt8]
    do throws(SystemCallFailure) {
      bytes = try LinuxCalls.contents("\(folder)/maps")
    } catch {
      throw ApplyError(error.isGone && hasEnded ? .processExited : .taskCallFailed, target: description, failure: error)
    }
    guard let lines = MapsLine.parse(bytes) else {
      throw ApplyError(.taskMemoryMalformed, target: description, detail: "/proc/\(id)/maps is not as known")
    }
    if lines.isEmpty { throw ApplyError(absence, target: description) }
    return lines
  }

  func auxiliaryVector() throws(ApplyError) -> AuxiliaryVector {
    do throws(SystemCallFailure) {
      return AuxiliaryVector(try LinuxCalls.contents("\(folder)/auxv"))
    } catch {
      throw ApplyError(error.isGone && hasEnded ? .processExited : .taskCallFailed, target: description, failure: error)
    }
  }
}
