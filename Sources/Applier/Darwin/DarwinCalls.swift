import Addressing
import CDarwinTask
import Dispatch
import Foundation

/// The kernel itself: the one importer of the C shim. Elsewhere than on Darwin every call fails.
final class DarwinCalls: MachCalls, DarwinProcessCalls {
  private static let nameByteCount = 64
  private static let pathByteCount = 4096

  var pageByteCount: UInt64 {
    let count = darwin_task_page_size()
    return count == 0 ? 0x4000 : count
  }

  // MARK: Tasks

  func open(_ process: Int32) throws(MachFailure) -> TaskPort {
    var port: darwin_port = 0
    try check(darwin_task_open(process, &port), "task_for_pid")
    return TaskPort(rawValue: port)
  }

  func release(_ task: TaskPort) { _ = darwin_task_release(task.rawValue) }

  func suspend(_ task: TaskPort) throws(MachFailure) {
    try check(darwin_task_suspend(task.rawValue), "task_suspend")
  }

  func resume(_ task: TaskPort) throws(MachFailure) {
    try check(darwin_task_resume(task.rawValue), "task_resume")
  }

  func loaderInfo(_ task: TaskPort) throws(MachFailure) -> RuntimeRange? {
    var address: UInt64 = 0
    var byteCount: UInt64 = 0
    try check(darwin_task_dyld_info(task.rawValue, &address, &byteCount), "task_info(TASK_DYLD_INFO)")
    return address == 0 ? nil : RuntimeRange(start: RuntimeAddress(rawValue: address), byteCount: byteCount)
  }

  // MARK: Memory

  func nextRegion(_ task: TaskPort, at address: UInt64, depth: UInt32) throws(MachFailure) -> MachRegion? {
    var found = darwin_region()
    let code = darwin_task_next_region(task.rawValue, address, depth, &found)
    // Behind the last region.
    if code == MachCode.invalidAddress.rawValue { return nil }
    try check(code, "mach_vm_region_recurse")
    guard let range = RuntimeRange(start: RuntimeAddress(rawValue: found.address), byteCount: found.byte_count) else {
      return nil
    }
    return MachRegion(
      range: range, depth: found.depth, protection: PageProtection(kernel: found.protection),
      maximum: PageProtection(kernel: found.maximal_protection), isSubmap: found.is_submap != 0, tag: found.tag)
  }

  func read(_ task: TaskPort, at address: UInt64, count: Int) throws(MachFailure) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      var read: UInt64 = 0
      code = darwin_task_read(task.rawValue, address, buffer.baseAddress, UInt64(count), &read)
      done = code == 0 ? Int(clamping: min(read, UInt64(count))) : 0
    }
    try check(code, "mach_vm_read_overwrite")
    guard bytes.count == count else {
      throw .kernel("mach_vm_read_overwrite", .invalidAddress, "\(bytes.count) of \(count) bytes")
    }
    return bytes
  }

  func write(_ task: TaskPort, _ bytes: [UInt8], at address: UInt64) throws(MachFailure) {
    guard let count = UInt32(exactly: bytes.count) else {
      throw .kernel("mach_vm_write", .invalidArgument, "more than 4 GiB")
    }
    try check(darwin_task_write(task.rawValue, address, bytes, count), "mach_vm_write")
  }

  func protect(_ task: TaskPort, _ range: RuntimeRange, _ protection: MachProtection) throws(MachFailure) {
    let wanted = Int32(protection.pages.rawValue) | (protection.copies ? MachConstant.copy : 0)
    let code = darwin_task_protect(
      task.rawValue, range.start.rawValue, range.byteCount, protection.setsMaximum ? 1 : 0, wanted)
    try check(code, "mach_vm_protect")
  }

  func allocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) {
    try check(darwin_task_allocate(task.rawValue, range.start.rawValue, range.byteCount), "mach_vm_allocate")
  }

  func deallocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) {
    try check(darwin_task_deallocate(task.rawValue, range.start.rawValue, range.byteCount), "mach_vm_deallocate")
  }

  func flush(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) {
    try check(darwin_task_flush(task.rawValue, range.start.rawValue, range.byteCount), "mach_vm_machine_attribute")
  }

  // MARK: Threads

  func threads(_ task: TaskPort) throws(MachFailure) -> ThreadList {
    var list: UnsafeMutablePointer<darwin_port>?
    var count: UInt32 = 0
    try check(darwin_task_threads(task.rawValue, &list, &count), "task_threads")
    let ports = UnsafeBufferPointer(start: list, count: list == nil ? 0 : Int(count)).map(ThreadPort.init)
    return ThreadList(ports: ports, storage: UInt(bitPattern: list))
  }

  func release(_ threads: ThreadList) {
    _ = darwin_task_release_threads(
      UnsafeMutablePointer(bitPattern: threads.storage), UInt32(truncatingIfNeeded: threads.ports.count))
  }

  func state(_ thread: ThreadPort, flavor: Int32, wordCount: Int) throws(MachFailure) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: wordCount)
    var count = UInt32(truncatingIfNeeded: wordCount)
    try check(darwin_task_thread_state(thread.rawValue, flavor, &words, &count), "thread_get_state")
    return Array(words.prefix(Int(count)))
  }

  func identity(_ thread: ThreadPort) throws(MachFailure) -> MachThreadIdentity {
    var number: UInt64 = 0
    var specificData: UInt64 = 0
    try check(
      darwin_task_thread_identity(thread.rawValue, &number, &specificData), "thread_info(THREAD_IDENTIFIER_INFO)")
    return MachThreadIdentity(number: number, specificData: specificData)
  }

  func name(_ thread: ThreadPort) throws(MachFailure) -> String {
    var name = [CChar](repeating: 0, count: Self.nameByteCount)
    try check(darwin_task_thread_name(thread.rawValue, &name), "thread_info(THREAD_EXTENDED_INFO)")
    return String(zeroTerminated: name)
  }

  // MARK: Processes

  func facts(_ process: Int32) throws(MachFailure) -> DarwinProcessFacts? {
    var found = darwin_process()
    let code = darwin_process_facts(process, &found)
    if code == -ESRCH { return nil }
    try checkNumber(code, "sysctl(KERN_PROC_PID)")
    let name = withUnsafeBytes(of: found.name) { $0.map { CChar(bitPattern: $0) } }
    let startTime = found.start_seconds.multipliedReportingOverflow(by: 1_000_000).partialValue
    return DarwinProcessFacts(
      name: String(zeroTerminated: name), flags: found.flags, state: found.state,
      startTime: UInt64(bitPattern: startTime &+ Int64(found.start_microseconds)))
  }

  func path(_ process: Int32) throws(MachFailure) -> String {
    var path = [CChar](repeating: 0, count: Self.pathByteCount)
    try checkNumber(darwin_process_path(process, &path, path.count), "proc_pidpath")
    return String(zeroTerminated: path)
  }

  func send(_ signal: Int32, to process: Int32) throws(MachFailure) {
    try checkNumber(darwin_process_signal(process, signal), "kill")
  }

  func pollStatus(_ process: Int32) throws(MachFailure) -> Int32? {
    var status: Int32 = 0
    return try checkNumber(darwin_process_poll_status(process, &status), "waitpid") == 0 ? nil : status
  }

  func spawn(
    _ path: String, _ arguments: [String], _ environment: [String], isSlid: Bool
  ) throws(MachFailure) -> Int32 {
    // Zero-terminated copies, and zero-terminated lists of them.
    let lists = [arguments, environment].map { $0.map { strdup($0) } + [nil] }
    defer { for copy in lists.joined() { free(copy) } }
    return try checkNumber(darwin_process_spawn(path, lists[0], lists[1], isSlid ? 0 : 1), "posix_spawn")
  }

  func lock(_ path: String) throws(MachFailure) -> Int32? {
    let descriptor = darwin_lock_file(path)
    return descriptor == -EWOULDBLOCK ? nil : try checkNumber(descriptor, "flock")
  }

  func unlock(_ descriptor: Int32) { _ = darwin_unlock_file(descriptor) }

  func watch(_ process: Int32, _ signals: UInt64) throws(MachFailure) -> Int32 {
    try checkNumber(darwin_watch(process, signals), "kqueue")
  }

  func nextEvent(_ queue: Int32) throws(MachFailure) -> Int32 {
    try checkNumber(darwin_next_event(queue), "kevent")
  }

  func endWatch(_ queue: Int32) { _ = darwin_end_watch(queue) }

  var nanoseconds: UInt64 { DispatchTime.now().uptimeNanoseconds }

  func sleep(nanoseconds: UInt64) { Thread.sleep(forTimeInterval: Double(nanoseconds) / 1e9) }

  // MARK: Failures

  private func check(_ code: Int32, _ call: String) throws(MachFailure) {
    guard code != 0 else { return }
    throw MachFailure(call: call, reason: .kernel(code, String(cString: darwin_task_error_text(code))))
  }

  /// For calls that return a number, or -errno.
  @discardableResult
  private func checkNumber(_ result: Int32, _ call: String) throws(MachFailure) -> Int32 {
    if result >= 0 { return result }
    throw MachFailure(call: call, reason: .errno(-result))
  }
}

/// Numbers that a Mac's headers have, and this program has written down: `DarwinShimTests` compares them.
enum MachConstant {
  /// VM_PROT_COPY.
  static let copy: Int32 = 0x10
}

extension PageProtection {
  fileprivate init(kernel protection: Int32) { self.init(rawValue: UInt8(truncatingIfNeeded: protection & 7)) }
}

extension String {
  fileprivate init(zeroTerminated bytes: [CChar]) {
    self.init(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
