import Addressing
import CLinuxTask
import Glibc

/// A system call that failed: its name and errno, wrapped here and nowhere else.
struct SystemCallFailure: Error, Hashable, Sendable {
  var call: String
  var number: SystemErrorNumber

  /// The thread, process or file of either has ended.
  var isGone: Bool { [ESRCH, ENOENT, ECHILD].contains(number.rawValue) }

  var isNotPermitted: Bool { number.rawValue == EPERM || number.rawValue == EACCES }

  /// What writing to a page that does not allow it gives where the kernel does not force it (PROC_MEM_NO_FORCE).
  var isRefusedWrite: Bool { [EIO, EACCES, EPERM, EFAULT].contains(number.rawValue) }
}

extension SystemErrorNumber {
  static let gone = SystemErrorNumber(ESRCH)
  static let notSupported = SystemErrorNumber(ENOTSUP)
  static let badAddress = SystemErrorNumber(EFAULT)
  static let timedOut = SystemErrorNumber(ETIMEDOUT)
  static let exists = SystemErrorNumber(EEXIST)
}

/// What ptrace(2), wait(2) and the files of proc(5) are to this module: the one importer of the C shim.
enum LinuxCalls {
  struct SeizeOptions: OptionSet, Sendable {
    let rawValue: UInt
    static let traceSystemCallsApart = SeizeOptions(rawValue: 0x1)
    static let traceClone = SeizeOptions(rawValue: 0x8)
    static let traceExec = SeizeOptions(rawValue: 0x10)
    static let exitKill = SeizeOptions(rawValue: 0x10_0000)
  }

  static func seize(_ thread: Int32, _ options: SeizeOptions) throws(SystemCallFailure) {
    try check(linux_task_seize(thread, options.rawValue), "ptrace(PTRACE_SEIZE)")
  }

  static func setOptions(_ thread: Int32, _ options: SeizeOptions) throws(SystemCallFailure) {
    try check(linux_task_set_options(thread, options.rawValue), "ptrace(PTRACE_SETOPTIONS)")
  }

  static func interrupt(_ thread: Int32) throws(SystemCallFailure) {
    try check(linux_task_interrupt(thread), "ptrace(PTRACE_INTERRUPT)")
  }

  static func resume(_ thread: Int32, signal: Int32 = 0) throws(SystemCallFailure) {
    try check(linux_task_continue(thread, signal), "ptrace(PTRACE_CONT)")
  }

  static func resumeToSystemCall(_ thread: Int32) throws(SystemCallFailure) {
    try check(linux_task_continue_to_system_call(thread, 0), "ptrace(PTRACE_SYSCALL)")
  }

  static func listen(_ thread: Int32) throws(SystemCallFailure) {
    try check(linux_task_listen(thread), "ptrace(PTRACE_LISTEN)")
  }

  static func detach(_ thread: Int32, signal: Int32 = 0) throws(SystemCallFailure) {
    try check(linux_task_detach(thread, signal), "ptrace(PTRACE_DETACH)")
  }

  static func eventMessage(_ thread: Int32) throws(SystemCallFailure) -> UInt {
    var message: UInt = 0
    try check(linux_task_get_event_message(thread, &message), "ptrace(PTRACE_GETEVENTMSG)")
    return message
  }

  static func poke(_ thread: Int32, _ address: UInt64, _ word: UInt64) throws(SystemCallFailure) {
    try check(linux_task_poke(thread, address, word), "ptrace(PTRACE_POKEDATA)")
  }

  static func registers(_ thread: Int32) throws(SystemCallFailure) -> ThreadRegisters {
    var words = [UInt64](repeating: 0, count: ThreadRegisters.count)
    try check(linux_task_get_registers(thread, &words), "ptrace(PTRACE_GETREGSET)")
    guard let registers = ThreadRegisters(words: words) else {
      throw SystemCallFailure(call: "ptrace(PTRACE_GETREGSET)", number: SystemErrorNumber(EMSGSIZE))
    }
    return registers
  }

  static func setRegisters(_ thread: Int32, _ registers: ThreadRegisters) throws(SystemCallFailure) {
    try check(linux_task_set_registers(thread, registers.words), "ptrace(PTRACE_SETREGSET)")
  }

  static func extendedState(_ thread: Int32) throws(SystemCallFailure) -> [UInt8] {
    // The largest state known, with AMX tiles, is 11,008 bytes; the kernel writes as much as it has.
    var bytes = [UInt8](repeating: 0, count: 16384)
    let count = try check(linux_task_get_extended_state(thread, &bytes, bytes.count), "ptrace(NT_X86_XSTATE)")
    return Array(bytes.prefix(count))
  }

  static func setExtendedState(_ thread: Int32, _ bytes: [UInt8]) throws(SystemCallFailure) {
    try check(linux_task_set_extended_state(thread, bytes, bytes.count), "ptrace(NT_X86_XSTATE)")
  }

  /// - Parameter maps: a descriptor of `/proc/PID/maps`.
  /// - Returns: nil where nothing is mapped at the address.
  static func mapping(
    _ maps: Int32, holding address: UInt64
  ) throws(SystemCallFailure) -> (start: UInt64, end: UInt64, protection: PageProtection)? {
    var start: UInt64 = 0
    var end: UInt64 = 0
    let protection = linux_task_query_mapping(maps, address, &start, &end)
    if protection == -ENOENT { return nil }
    try check(protection, "ioctl(PROCMAP_QUERY)")
    return (start, end, PageProtection(rawValue: UInt8(truncatingIfNeeded: protection)))
  }

  static func signalMask(_ thread: Int32) throws(SystemCallFailure) -> UInt64 {
    var mask: UInt64 = 0
    try check(linux_task_get_signal_mask(thread, &mask), "ptrace(PTRACE_GETSIGMASK)")
    return mask
  }

  static func setSignalMask(_ thread: Int32, _ mask: UInt64) throws(SystemCallFailure) {
    try check(linux_task_set_signal_mask(thread, mask), "ptrace(PTRACE_SETSIGMASK)")
  }

  static let signalInfoByteCount = 128

  static func signalInfo(_ thread: Int32) throws(SystemCallFailure) -> [UInt8] {
    var info = [UInt8](repeating: 0, count: signalInfoByteCount)
    try check(linux_task_get_signal_info(thread, &info), "ptrace(PTRACE_GETSIGINFO)")
    return info
  }

  /// - Precondition: `info` is as `signalInfo(_:)` returned it.
  static func setSignalInfo(_ thread: Int32, _ info: [UInt8]) throws(SystemCallFailure) {
    precondition(info.count == signalInfoByteCount, "a siginfo_t has 128 bytes")
    try check(linux_task_set_signal_info(thread, info), "ptrace(PTRACE_SETSIGINFO)")
  }

  /// Whether any signal waits for the thread or its process, blocked or not.
  static func hasWaitingSignal(_ thread: Int32) throws(SystemCallFailure) -> Bool {
    try check(linux_task_peek_signals(thread), "ptrace(PTRACE_PEEKSIGINFO)") > 0
  }

  /// What the thread has to report, if anything.
  static func pollStatus(_ thread: Int32) throws(SystemCallFailure) -> WaitStatus? {
    var status: Int32 = 0
    let found = try check(linux_task_poll_status(thread, &status), "waitpid")
    return found == 0 ? nil : WaitStatus(rawValue: status)
  }

  static func send(_ signal: Int32, to process: Int32, thread: Int32 = 0) throws(SystemCallFailure) {
    try check(linux_task_send_signal(process, thread, signal), thread == 0 ? "kill" : "tgkill")
  }

  /// Once more where it has failed: for calls after which a thread would be left as it must not be.
  static func twice<Result>(_ call: () throws(SystemCallFailure) -> Result) throws(SystemCallFailure) -> Result {
    do throws(SystemCallFailure) { return try call() } catch { return try call() }
  }

  @discardableResult
  static func check<Value: SignedInteger>(_ result: Value, _ call: String) throws(SystemCallFailure) -> Int {
    guard result >= 0 else {
      throw SystemCallFailure(call: call, number: SystemErrorNumber(Int32(truncatingIfNeeded: -result)))
    }
    return Int(result)
  }

  private static func failure(_ call: String) -> SystemCallFailure {
    SystemCallFailure(call: call, number: SystemErrorNumber(Glibc.errno))
  }
}

// MARK: Files

extension LinuxCalls {
  static func open(_ path: String, writable: Bool = false) throws(SystemCallFailure) -> Int32 {
    let descriptor = Glibc.open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open \(path)") }
    return descriptor
  }

  static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  /// As many bytes as there are, at most `count`.
  static func read(_ descriptor: Int32, at offset: UInt64, count: Int) throws(SystemCallFailure) -> [UInt8] {
    guard let position = Int(exactly: offset) else {
      throw SystemCallFailure(call: "pread", number: SystemErrorNumber(EIO))
    }
    var error: SystemCallFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      while done < count {
        let step = pread(descriptor, buffer.baseAddress?.advanced(by: done), count - done, position + done)
        if step < 0 && Glibc.errno == EINTR { continue }
        if step < 0 && done == 0 { error = failure("pread") }
        if step <= 0 { break }
        done += step
      }
    }
    if let error { throw error }
    return bytes
  }

  static func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: UInt64) throws(SystemCallFailure) {
    guard let position = Int(exactly: offset) else {
      throw SystemCallFailure(call: "pwrite", number: SystemErrorNumber(EIO))
    }
    var done = 0
    while done < bytes.count {
      let step = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done, position + done)
      }
      if step < 0 && Glibc.errno == EINTR { continue }
      if step < 0 { throw failure("pwrite") }
      // Of memory that nobody has any more (fs/proc/base.c, mem_rw).
      if step == 0 { throw SystemCallFailure(call: "pwrite", number: .gone) }
      done += step
    }
  }

  /// A whole file of proc(5), whose size is not known beforehand.
  static func contents(_ path: String) throws(SystemCallFailure) -> [UInt8] {
    let descriptor = try open(path)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let step = Glibc.read(descriptor, &chunk, chunk.count)
      if step < 0 && Glibc.errno == EINTR { continue }
      if step < 0 { throw failure("read \(path)") }
      if step == 0 { return bytes }
      bytes += chunk.prefix(step)
    }
  }

  static func linkTarget(_ path: String) throws(SystemCallFailure) -> String {
    var characters = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &characters, characters.count)
    guard count >= 0 else { throw failure("readlink \(path)") }
    return String(decoding: characters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names in a folder that are numbers: threads of a task, processes of the system.
  static func numberedEntries(_ path: String) throws(SystemCallFailure) -> [Int32] {
    guard let folder = opendir(path) else { throw failure("opendir \(path)") }
    defer { closedir(folder) }
    var entries: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let number = Int32(name) { entries.append(number) }
    }
    return entries
  }

  /// The links of a folder: for `/proc/PID/task` two more than there are threads (fs/proc/base.c, proc_task_getattr).
  static func linkCount(_ path: String) throws(SystemCallFailure) -> Int {
    var information = stat()
    guard stat(path, &information) == 0 else { throw failure("stat \(path)") }
    return Int(information.st_nlink)
  }
}

// MARK: This thread

extension LinuxCalls {
  static var thread: Int32 { linux_task_this_thread() }
  static var process: Int32 { getpid() }
  static var user: UInt32 { geteuid() }

  static var nanoseconds: UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
  }

  static func sleep(nanoseconds: Int) {
    var time = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    nanosleep(&time, nil)
  }

  struct BlockedChildSignal {
    fileprivate var mask: sigset_t
  }

  /// SIGCHLD, in this thread.
  static func blockChildSignal() -> BlockedChildSignal {
    var set = childSignal
    var found = sigset_t()
    pthread_sigmask(SIG_BLOCK, &set, &found)
    return BlockedChildSignal(mask: found)
  }

  static func unblockChildSignal(_ blocked: BlockedChildSignal) {
    var mask = blocked.mask
    pthread_sigmask(SIG_SETMASK, &mask, nil)
  }

  /// Takes a blocked SIGCHLD; false when none comes in time.
  static func awaitChildSignal(nanoseconds: Int) -> Bool {
    var set = childSignal
    var time = timespec(tv_sec: 0, tv_nsec: nanoseconds)
    return sigtimedwait(&set, nil, &time) == SIGCHLD
  }

  static func raiseChildSignal() { kill(getpid(), SIGCHLD) }

  private static var childSignal: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGCHLD)
    return set
  }

  struct Scheduling: Sendable {
    fileprivate var policy: Int32
    fileprivate var priority: Int32
  }

  /// Puts this thread before all ordinary ones; what it was before, or nil where that is not permitted.
  static func raisePriority() -> Scheduling? {
    let policy = sched_getscheduler(0)
    var found = sched_param()
    guard policy >= 0, sched_getparam(0, &found) == 0 else { return nil }
    var wanted = sched_param(sched_priority: 10)
    guard policy != SCHED_FIFO, sched_setscheduler(0, SCHED_FIFO, &wanted) == 0 else { return nil }
    return Scheduling(policy: policy, priority: found.sched_priority)
  }

  static func restorePriority(_ scheduling: Scheduling) {
    var found = sched_param(sched_priority: scheduling.priority)
    sched_setscheduler(0, scheduling.policy, &found)
  }

  /// Writes as the process itself would be allowed to; returns how much.
  static func writeAsAllowed(_ process: Int32, _ bytes: [UInt8], at address: UInt64) throws(SystemCallFailure) -> Int {
    try check(linux_task_write_memory(process, bytes, address, bytes.count), "process_vm_writev")
  }
}

// MARK: Starting a program, and being its parent

extension LinuxCalls {
  /// Reader and writer, closed by an exec.
  static func pipe() throws(SystemCallFailure) -> (Descriptor, Descriptor) {
    var ends: [Int32] = [0, 0]
    try check(linux_task_pipe(&ends), "pipe2")
    return (Descriptor(ends[0]), Descriptor(ends[1]))
  }

  typealias PipeEnds = (reader: Int32, writer: Int32)

  /// A child that waits for a byte on `go`, then becomes the program; what hinders it, it writes to `failure`.
  static func spawn(
    _ path: String, _ arguments: [String], _ environment: [String], isSlid: Bool, go: PipeEnds, failure: PipeEnds
  ) throws(SystemCallFailure) -> Int32 {
    var argumentTexts = arguments.map { strdup($0) } + [nil]
    var environmentTexts = environment.map { strdup($0) } + [nil]
    defer { for text in argumentTexts + environmentTexts { free(text) } }
    let child = linux_task_spawn(
      path, &argumentTexts, &environmentTexts, isSlid ? 0 : 1, go.reader, go.writer, failure.writer, failure.reader)
    return Int32(try check(child, "fork"))
  }

  static func writeByte(_ descriptor: Int32) throws(SystemCallFailure) {
    var byte: UInt8 = 1
    guard Glibc.write(descriptor, &byte, 1) == 1 else { throw failure("write") }
  }

  /// The errno that a child has left, if it has.
  static func readNumber(_ descriptor: Int32) -> Int32? {
    var number: Int32 = 0
    return Glibc.read(descriptor, &number, 4) == 4 ? number : nil
  }

  /// Readable once the process has ended.
  static func openProcess(_ id: Int32) throws(SystemCallFailure) -> Int32 {
    Int32(try check(linux_task_open_process(id), "pidfd_open"))
  }

  /// Blocks the signals in this thread; they are read from the descriptor instead.
  static func takeSignals(_ mask: UInt64, _ found: inout UInt64) throws(SystemCallFailure) -> Int32 {
    Int32(try check(linux_task_take_signals(mask, &found), "signalfd"))
  }

  static func restoreSignals(_ found: UInt64) { _ = linux_task_restore_signals(found) }

  /// A signal that has come, and whether the kernel sent it for a terminal.
  static func nextSignal(_ descriptor: Int32) throws(SystemCallFailure) -> (Int32, isFromTerminal: Bool)? {
    var code: Int32 = 0
    let signal = try check(linux_task_next_signal(descriptor, &code), "read")
    return signal == 0 ? nil : (Int32(signal), code == kernelCode)
  }

  /// SI_KERNEL: sent by the terminal's driver, to a whole process group (signal(7), sigaction(2)).
  private static let kernelCode: Int32 = 0x80

  static func waitReadable(_ descriptors: [Int32]) throws(SystemCallFailure) {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while Glibc.poll(&entries, nfds_t(entries.count), -1) < 0 {
      guard Glibc.errno == EINTR else { throw failure("poll") }
    }
  }
}
