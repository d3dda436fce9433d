public import Addressing
public import Journal

/// Why an update could not be applied or taken back, and how the target was left.
public struct ApplyError: Error, Sendable {
  public enum Code: Hashable, Sendable, CaseIterable {
    // The target is not the one, or not where, it was taken for.
    case identityMismatch
    case foreignBase
    case positionUnknown
    case positionMismatch
    case contentMismatch
    case breakpointInTheWay
    case hookInTheWay
    case torn
    case intentNotNoted
    // The updates do not fit the image or each other.
    case stepsNotConnected
    case operationsConflict
    case addressNotInImage
    case shortcutDiffers
    case stretchUnreadable
    // Threads.
    case blockedByThread
    case stacksSwitched
    case imageIsRewritten
    case variableMoved
    case protectionChanges
    // Processes.
    case procUnusable
    case noSuchProcess
    case processExited
    case programExchanged
    case processIsZombie
    case processNot64Bit
    case notPermitted
    case taskPortRefused
    case processTranslated
    case architectureMismatch
    case alreadyTraced
    case spawnFailed
    case taskMemoryMalformed
    case taskCallFailed
    case threadDoesNotStop
    case systemCallsFiltered
    case arenaOccupied
    case importNotFound
    case importIsThreadLocal
    // Files.
    case fileMalformed
    case fileInUse
    case fileChangedMeanwhile
    case fileHasOtherLinks
    case fileCallFailed
  }

  /// How the target was left.
  public enum Outcome: Hashable, Sendable {
    /// Nothing that the program or a reader can reach was written; what had been staged was taken back.
    case untouched
    /// What had been written was taken back: it stands where it stood.
    case rolledBack
    /// It holds parts of both sides of this update. Its header names the intent; the next command must settle it.
    case torn(at: UpdateNumber)
  }

  public var code: Code
  public var outcome: Outcome
  /// The file's path, or the process as `pid 4711 (server)`.
  public var target: String?
  public var update: UpdateNumber?
  /// Index into the update's operations.
  public var operation: Int?
  public var address: VirtualAddress?
  public var runtimeAddress: RuntimeAddress?
  public var fileOffset: FileOffset?
  /// What was looked for: identity, bytes or digest.
  public var expected: [UInt8]?
  public var found: [UInt8]?
  public var symbol: String?
  /// The thread in the way, and the function it is in.
  public var thread: ThreadPlace?
  /// The process id that the error is about: the tracer for `.alreadyTraced`.
  public var process: Int32?
  /// The system call that failed, and its errno.
  public var call: String?
  public var errno: Int32?
  /// A clause that says more than the code can.
  public var detail: String?
  public var cause: (any Error)?

  public init(
    _ code: Code, outcome: Outcome = .untouched, target: String? = nil, update: UpdateNumber? = nil,
    operation: Int? = nil, address: VirtualAddress? = nil, runtimeAddress: RuntimeAddress? = nil,
    fileOffset: FileOffset? = nil, expected: [UInt8]? = nil, found: [UInt8]? = nil, symbol: String? = nil,
    thread: ThreadPlace? = nil, process: Int32? = nil, call: String? = nil, errno: Int32? = nil,
    detail: String? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.outcome = outcome
    self.target = target
    self.update = update
    self.operation = operation
    self.address = address
    self.runtimeAddress = runtimeAddress
    self.fileOffset = fileOffset
    self.expected = expected
    self.found = found
    self.symbol = symbol
    self.thread = thread
    self.process = process
    self.call = call
    self.errno = errno
    self.detail = detail
    self.cause = cause
  }
}

/// A thread, and where it stands in which function.
public struct ThreadPlace: Hashable, Sendable {
  public var thread: Int32
  public var threadName: String
  public var function: String
  /// In bytes from the start of the function's body.
  public var offset: UInt64
  /// The update whose body it is, 0 for the base image's; nil where that was not asked.
  public var update: UpdateNumber?

  public init(thread: Int32, threadName: String, function: String, offset: UInt64, update: UpdateNumber?) {
    self.thread = thread
    self.threadName = threadName
    self.function = function
    self.offset = offset
    self.update = update
  }
}

extension ThreadPlace: CustomStringConvertible {
  public var description: String {
    "thread \(thread) (\(threadName)) in \(function)+0x\(String(offset, radix: 16))"
      + (update.map { " of update \($0)" } ?? "")
  }
}

extension ApplyError: CustomStringConvertible {
  /// What failed, where and what to try; then how the target was left.
  public var description: String {
    var text = (target.map { "\($0): " } ?? "") + what
    if let place { text += " (\(place))" }
    if let call { text += "; \(call)" + (errno.map { ": \(Self.text(ofErrno: $0))" } ?? "") }
    if let detail { text += ": \(detail)" }
    if let cause { text += "; cause: \(cause)" }
    return text + "; \(outcome); \(remedy)"
  }

  private var place: String? {
    var parts: [String] = []
    if let update { parts.append("update \(update)") }
    if let operation { parts.append("operation \(operation)") }
    if let address { parts.append("at \(address)") }
    if let runtimeAddress { parts.append(runtimeAddress.description) }
    if let fileOffset { parts.append(fileOffset.description) }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  private var what: String {
    let wanted = expected.map(Self.hexadecimal) ?? "unknown"
    let seen = found.map(Self.hexadecimal) ?? "none"
    return switch code {
    case .identityMismatch: "another image: the journal's identity is \(wanted), the target's \(seen)"
    case .foreignBase: "prepared for another journal: this one's base is \(wanted), the target's header names \(seen)"
    case .positionUnknown: "stands at an update that this journal does not have: \(seen)"
    case .positionMismatch: "does not stand where the steps begin: at \(seen), not at \(wanted)"
    case .contentMismatch: "does not hold what the journal expects: \(wanted) expected, \(seen) found"
    case .breakpointInTheWay:
      "a debugger's breakpoint stands where the update writes: \(wanted) expected, \(seen) found"
    case .hookInTheWay: "another tool's jump stands where the update writes: \(wanted) expected, \(seen) found"
    case .torn: "is torn: an earlier apply or roll back did not end"
    case .intentNotNoted: "the journal did not take down what was about to be done, and nothing was begun"
    case .stepsNotConnected: "the steps do not follow one another"
    case .shortcutDiffers: "the shortcut does not come to what its updates come to, and was not kept"
    case .stretchUnreadable: "what the journal keeps of many updates as one cannot be read"
    case .operationsConflict: "two operations do not agree on the same bytes"
    case .addressNotInImage: "the address is in no segment of the image"
    case .blockedByThread: "blocked by \(thread.map(String.init(describing:)) ?? "a thread") until the time-out"
    case .stacksSwitched: "the image switches stacks in user space, which no check of stacks can see"
    case .imageIsRewritten: "it runs the very file that its compiler rewrites, and not a copy of it"
    case .protectionChanges: "code or data has moved to memory that the process uses otherwise"
    case .variableMoved:
      "variable \(symbol ?? "without a name") has moved: a running process may hold its old address anywhere"
    case .procUnusable: "what its number stands for cannot be told here"
    case .noSuchProcess: "no such process"
    case .processExited: "the process has exited"
    case .programExchanged: "the process has executed another program meanwhile"
    case .processIsZombie: "the process has ended and waits for its parent"
    case .processNot64Bit: "the process is not a 64-bit one"
    case .notPermitted: "not permitted to attach"
    case .taskPortRefused: "the kernel does not give out the process's task port"
    case .processTranslated: "the process is translated by Rosetta: what runs is not the image's code"
    case .architectureMismatch: "the process is of another architecture"
    case .alreadyTraced: "already traced" + (process.map { " by process \($0)" } ?? "")
    case .spawnFailed: "the program could not be started"
    case .taskMemoryMalformed: "the task's memory does not hold what a loaded image has"
    case .taskCallFailed: "the process could not be read or written"
    case .threadDoesNotStop: "blocked by \(thread.map(String.init(describing:)) ?? "a thread") that does not stop"
    case .systemCallsFiltered: "it filters its system calls (seccomp), and one made in it might end it"
    case .arenaOccupied: "memory that the arena needs is taken in this process"
    case .importNotFound: "symbol \(symbol ?? "?") is in no library that the process has loaded"
    case .importIsThreadLocal: "symbol \(symbol ?? "?") is thread-local in its library"
    case .fileMalformed: "not a usable image file"
    case .fileInUse: "another applier is at work on the file"
    case .fileChangedMeanwhile: "the file was changed by someone else while the update was applied"
    case .fileHasOtherLinks: "the file has other hard links, which would keep the old image"
    case .fileCallFailed: "the file could not be read or written"
    }
  }

  private var remedy: String {
    if case .torn = outcome { return "try `hcs-journal verify --repair`" }
    return switch code {
    case .identityMismatch, .foreignBase: "try `hcs-journal targets`, or name its journal with -j"
    case .positionUnknown, .contentMismatch, .operationsConflict, .stepsNotConnected, .addressNotInImage:
      "try `hcs-journal verify`"
    case .shortcutDiffers: "try a shorter way, or report a defect"
    case .stretchUnreadable: "see what is lost with `hcs-journal verify`"
    case .positionMismatch: "try `hcs-journal targets`, then again"
    case .torn: "try `hcs-journal verify --repair`"
    case .intentNotNoted: "see to the journal, then try again"
    case .blockedByThread: "try again once the thread has left the function, or with a longer time-out"
    case .stacksSwitched: "record the update without --in-place, or allow it by --assume-no-fibers"
    case .imageIsRewritten: "start it from a private copy: `hcs-journal run`"
    case .variableMoved, .protectionChanges: "start a fresh process at this update: `hcs-journal run --to N`"
    case .breakpointInTheWay: "remove the breakpoint in the debugger that has set it, then try again"
    case .hookInTheWay: "let the tool that has set the hook take it off, then try again; see `hcs-journal verify`"
    case .procUnusable: "try again after `mount -t proc proc /proc` in this namespace"
    case .noSuchProcess, .processExited, .processIsZombie, .spawnFailed: "try `hcs-journal run`"
    case .programExchanged: "try `hcs-journal targets`, or name the journal of the program that it runs now with -j"
    case .threadDoesNotStop: "try again once its child has started (vfork) or its device answers"
    case .systemCallsFiltered: "start the prepared image, in which nothing has to be mapped: `hcs-journal run`"
    case .processNot64Bit: "build the program for x86-64"
    case .notPermitted: "try as the process's user or root; see /proc/sys/kernel/yama/ptrace_scope"
    case .taskPortRefused:
      "sign hcs-journal with the entitlement com.apple.security.cs.debugger, or run it as root; allow debugging once by "
        + "`sudo DevToolsSecurity -enable`; a program with hardened runtime needs com.apple.security.get-task-allow itself"
    case .processTranslated: "build the program for arm64, or run it on a Mac with an Intel processor"
    case .architectureMismatch: "name the journal of the image that the process runs with -j"
    case .alreadyTraced: "end the debugger or the other applier, then try again"
    case .taskMemoryMalformed, .taskCallFailed: "try again, then `hcs-journal verify`"
    case .arenaOccupied: "start the prepared image instead: `hcs-journal run`"
    case .importNotFound: "try `hcs-journal show` for the library it comes from"
    case .importIsThreadLocal: "restart the program with the new build"
    case .fileMalformed: "name the image that `hcs-journal init` wrote"
    case .fileInUse, .fileChangedMeanwhile: "try again"
    case .fileHasOtherLinks: "find them with `find -samefile`, or leave them as they are with --break-links"
    case .fileCallFailed: fileRemedy
    }
  }

  /// These numbers are the same on Linux and Darwin.
  private var fileRemedy: String {
    switch errno {
    case 1, 13: "see who may write the file and its folder: `ls -ld`; then try again"  // EPERM, EACCES
    case 5: "the disk may be failing, see `dmesg`; then try again"  // EIO
    case 28: "make room on the file's disk, see `df -h`; then try again"  // ENOSPC
    case 30: "its file system is mounted for reading only, see `findmnt -T`; then try again"  // EROFS
    default: "see to the file's folder, then try again"
    }
  }

  /// At most 32 bytes (a digest), for a message is read by people.
  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = bytes.prefix(32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return bytes.count > 32 ? digits + "…" : digits
  }
}

extension ApplyError.Outcome: CustomStringConvertible {
  public var description: String {
    switch self {
    case .untouched: "the target is untouched"
    case .rolledBack: "the target was rolled back and stands where it stood"
    case .torn(let update): "the target is torn at update \(update)"
    }
  }
}

extension ApplyError {
  /// The error with the operation it is about, unless it names one.
  func located(_ source: OperationSource) -> ApplyError {
    var error = self
    error.update = error.update ?? source.update
    if source.operation != OperationSource.operationOfMany { error.operation = error.operation ?? source.operation }
    return error
  }

  func left(_ outcome: Outcome) -> ApplyError {
    var error = self
    error.outcome = outcome
    return error
  }

  private static func text(ofErrno number: Int32) -> String { SystemErrorNumber(number).description }
}
