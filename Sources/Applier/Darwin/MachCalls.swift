import Addressing

/// The calls of the Mach kernel that a task is reached by, one each, so that tests can stand in for the kernel.
///
/// Sizes are bytes, addresses the task's own. Nothing is decided here: what a call is for is `DarwinTask`'s business.
protocol MachCalls: AnyObject {
  /// 16 KiB on Apple silicon, 4 KiB on Intel (`vm_kernel_page_size`).
  var pageByteCount: UInt64 { get }

  /// The control port of a process: task_for_pid.
  func open(_ process: Int32) throws(MachFailure) -> TaskPort
  func release(_ task: TaskPort)
  /// Suspensions nest. When the one who asked for them dies, the kernel releases them (xnu, osfmk/kern/task.c, task_suspend:
  /// the claim is a send right of the caller's).
  func suspend(_ task: TaskPort) throws(MachFailure)
  func resume(_ task: TaskPort) throws(MachFailure)

  /// The region that holds the address, or the next one behind it; nil where none follows.
  /// - Parameter depth: how many submaps may be gone into: 0 tells a submap as one region.
  func nextRegion(_ task: TaskPort, at address: UInt64, depth: UInt32) throws(MachFailure) -> MachRegion?
  func read(_ task: TaskPort, at address: UInt64, count: Int) throws(MachFailure) -> [UInt8]
  func write(_ task: TaskPort, _ bytes: [UInt8], at address: UInt64) throws(MachFailure)
  func protect(_ task: TaskPort, _ range: RuntimeRange, _ protection: MachProtection) throws(MachFailure)
  /// At exactly this place: fails where anything is there.
  func allocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure)
  func deallocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure)
  /// Makes instruction fetches see what was written.
  func flush(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure)

  /// Ports of all threads; to be given back by `release`.
  func threads(_ task: TaskPort) throws(MachFailure) -> ThreadList
  func release(_ threads: ThreadList)
  /// As 32-bit words, at most `wordCount` of them.
  func state(_ thread: ThreadPort, flavor: Int32, wordCount: Int) throws(MachFailure) -> [UInt32]
  func identity(_ thread: ThreadPort) throws(MachFailure) -> MachThreadIdentity
  /// Empty where it has none.
  func name(_ thread: ThreadPort) throws(MachFailure) -> String

  /// Where the dynamic loader keeps what it has loaded: `dyld_all_image_infos` of mach-o/dyld_images.h.
  func loaderInfo(_ task: TaskPort) throws(MachFailure) -> RuntimeRange?
}

/// The calls of Darwin's C library that processes are reached by.
protocol DarwinProcessCalls: AnyObject {
  /// Nil where there is no such process.
  func facts(_ process: Int32) throws(MachFailure) -> DarwinProcessFacts?
  /// Of its executable.
  func path(_ process: Int32) throws(MachFailure) -> String
  func send(_ signal: Int32, to process: Int32) throws(MachFailure)
  /// Of a child: nil while it runs.
  func pollStatus(_ process: Int32) throws(MachFailure) -> Int32?
  /// A new process that has run nothing yet, not even the dynamic loader. SIGCONT lets it go.
  func spawn(_ path: String, _ arguments: [String], _ environment: [String], isSlid: Bool) throws(MachFailure) -> Int32

  /// Nil where another holds the lock. The file is made where it is missing.
  func lock(_ path: String) throws(MachFailure) -> Int32?
  func unlock(_ descriptor: Int32)

  /// Reports the end of a process and signals for us (bits of `1 << (number - 1)`), which are ignored otherwise from now on.
  func watch(_ process: Int32, _ signals: UInt64) throws(MachFailure) -> Int32
  /// A signal's number, or 0 at the end of the process.
  func nextEvent(_ queue: Int32) throws(MachFailure) -> Int32
  func endWatch(_ queue: Int32)

  /// Nanoseconds from some start; never goes back.
  var nanoseconds: UInt64 { get }
  func sleep(nanoseconds: UInt64)
}

struct TaskPort: RawRepresentable, Hashable, Sendable {
  let rawValue: UInt32
}

struct ThreadPort: RawRepresentable, Hashable, Sendable {
  let rawValue: UInt32
}

/// The ports of a task's threads, and where the kernel put the list: both are given back together.
struct ThreadList {
  var ports: [ThreadPort]
  var storage: UInt
}

/// What mach_vm_protect is asked for.
struct MachProtection: Hashable, Sendable {
  var pages: PageProtection
  /// VM_PROT_COPY: pages that may not become writable are replaced by a private copy that may.
  var copies = false
  /// Sets what the pages may at most become, and takes from what they are whatever exceeds it.
  var setsMaximum = false
}

/// What mach_vm_region_recurse tells.
struct MachRegion: Hashable, Sendable {
  var range: RuntimeRange
  var depth: UInt32 = 0
  var protection: PageProtection
  var maximum: PageProtection
  var isSubmap = false
  /// What it is for: mach/vm_statistics.h.
  var tag: UInt32 = 0

  /// VM_MEMORY_STACK.
  static let stackTag: UInt32 = 30
}

struct MachThreadIdentity: Hashable, Sendable {
  /// The number by which the system and its tools name the thread.
  var number: UInt64
  /// Where its thread-specific data begins; 0 before it has any.
  var specificData: UInt64
}

/// What sysctl(KERN_PROC_PID) tells of a process.
struct DarwinProcessFacts: Hashable, Sendable {
  var name: String
  /// p_flag: sys/proc.h.
  var flags: Int32
  /// p_stat: sys/proc.h.
  var state: Int32
  /// Microseconds since 1970.
  var startTime: UInt64

  /// P_LP64.
  var is64Bit: Bool { flags & 0x4 != 0 }
  /// P_TRANSLATED: an Intel program on Apple silicon.
  var isTranslated: Bool { flags & 0x2_0000 != 0 }
  /// SZOMB.
  var isZombie: Bool { state == 5 }
}
