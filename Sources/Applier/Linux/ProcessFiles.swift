import Addressing

/// The parts of `/proc/PID/status` that decide whether and how a process can be attached to. proc_pid_status(5).
struct ProcessStatus: Hashable, Sendable {
  var state: UInt8
  var threadGroup: Int32
  var tracer: Int32
  var effectiveUser: UInt32
  /// Signals that wait for this thread, or for the whole process.
  var pendingSignals: UInt64
  /// Those for this thread alone.
  var ownPendingSignals: UInt64
  var blockedSignals: UInt64
  var ignoredSignals: UInt64
  var caughtSignals: UInt64
  /// Whether a filter decides which system calls the thread may make (seccomp(2)), and by which it may be killed.
  var filtersSystemCalls: Bool

  /// Nil where a line is missing that every kernel since 2.6.23 writes.
  init?(_ bytes: [UInt8]) {
    let lines = StatusLines(bytes)
    guard
      let state = lines["State"]?.first, let group = lines.number("Tgid"), let tracer = lines.number("TracerPid"),
      let user = lines["Uid"]?.split(separator: UInt8(ascii: "\t")).dropFirst().first
        .flatMap({ UInt32(String(decoding: $0, as: UTF8.self)) }),
      let own = lines.mask("SigPnd"), let shared = lines.mask("ShdPnd"), let blocked = lines.mask("SigBlk"),
      let ignored = lines.mask("SigIgn"), let caught = lines.mask("SigCgt")
    else { return nil }
    self.state = state
    threadGroup = group
    self.tracer = tracer
    effectiveUser = user
    pendingSignals = own | shared
    ownPendingSignals = own
    blockedSignals = blocked
    ignoredSignals = ignored
    caughtSignals = caught
    // Since Linux 3.8; 1 is strict mode, 2 a filter.
    filtersSystemCalls = lines.number("Seccomp").map { $0 != 0 } ?? false
  }

  var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

  /// Of our own file: it names us by one number for each namespace from that of /proc down to ours. The line is there since Linux
  /// 4.1.
  static func isOfOwnNamespace(_ bytes: [UInt8]) -> Bool {
    guard let numbers = StatusLines(bytes)["NSpid"] else { return true }
    return numbers.split(separator: UInt8(ascii: "\t")).count == 1
  }

  /// Whether a signal waits that the thread will get as soon as it runs. SIGSTOP (19) is none that it gets.
  var hasDeliverableSignal: Bool { pendingSignals & ~blockedSignals & ~(1 << 18) != 0 }

  /// Blocked or not.
  func hasPending(_ signal: Int32) -> Bool { pendingSignals & UInt64(1) << UInt64(signal - 1) != 0 }

  func hasPendingForItself(_ signal: Int32) -> Bool { ownPendingSignals & UInt64(1) << UInt64(signal - 1) != 0 }

  /// Whether the program never notices this signal: it would not have been woken for it without a tracer.
  func passesOver(_ signal: Int32) -> Bool {
    guard (1...64).contains(signal) else { return false }
    let bit = UInt64(1) << UInt64(signal - 1)
    if caughtSignals & bit != 0 { return false }
    return ignoredSignals & bit != 0 || Self.ignoredByDefault & bit != 0
  }

  /// SIGCHLD 17, SIGURG 23, SIGWINCH 28. signal(7); SIGCONT is apart: it continues.
  private static let ignoredByDefault: UInt64 = 1 << 16 | 1 << 22 | 1 << 27
}

/// Lines of `Key:<tab or blanks>value`. It is read for threads that stand still: only what is asked for becomes text.
private struct StatusLines {
  private let lines: [ArraySlice<UInt8>]

  init(_ bytes: [UInt8]) { lines = bytes.split(separator: UInt8(ascii: "\n")) }

  subscript(key: StaticString) -> ArraySlice<UInt8>? {
    let name = UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
    for line in lines where line.count > name.count && line.starts(with: name) {
      let value = line.dropFirst(name.count)
      guard value.first == UInt8(ascii: ":") else { continue }
      return value.dropFirst().drop { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
    }
    return nil
  }

  func number(_ key: StaticString) -> Int32? { self[key].flatMap { Int32(String(decoding: $0, as: UTF8.self)) } }

  func mask(_ key: StaticString) -> UInt64? {
    self[key].flatMap { UInt64(String(decoding: $0, as: UTF8.self), radix: 16) }
  }
}

/// The parts of `/proc/PID/stat` that name one life of a process id.
struct ProcessStat: Hashable, Sendable {
  /// As the kernel truncates it, to 15 bytes.
  var name: String
  /// Field 22: clock ticks since boot. With the process id it names a process for ever.
  var startTime: UInt64
  /// Field 3: it has ended, and its parent has not asked for its status yet.
  var isZombie: Bool

  init?(_ bytes: [UInt8]) {
    // The name may hold anything, `)` and blanks included: it ends at the *last* parenthesis (proc_pid_stat(5)).
    guard let open = bytes.firstIndex(of: UInt8(ascii: "(")), let close = bytes.lastIndex(of: UInt8(ascii: ")")),
      open < close
    else { return nil }
    name = String(decoding: bytes[(open + 1)..<close], as: UTF8.self)
    let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "))
    // The first field behind the name is the third.
    guard fields.count > 19, let time = UInt64(String(decoding: fields[19], as: UTF8.self)) else { return nil }
    startTime = time
    isZombie = fields.first.map { Array($0) == [UInt8(ascii: "Z")] || Array($0) == [UInt8(ascii: "X")] } ?? false
  }
}

/// What the kernel told the program when it started: `/proc/PID/auxv`, getauxval(3).
struct AuxiliaryVector: Hashable, Sendable {
  enum Key: UInt64, Sendable {
    case programHeaders = 3
    case programHeaderSize = 4
    case programHeaderCount = 5
    case interpreter = 7
    case entryPoint = 9
  }

  private var values: [UInt64: UInt64] = [:]

  init(_ bytes: [UInt8]) {
    let reader = TaskBytes(bytes)
    for offset in stride(from: 0, to: bytes.count, by: 16) {
      guard let key = reader.word(at: offset), let value = reader.word(at: offset + 8), key != 0 else { return }
      if values[key] == nil { values[key] = value }
    }
  }

  subscript(key: Key) -> UInt64? { values[key.rawValue] }
}

/// A line of `/proc/PID/maps`: `start-end rwxp offset device inode   name`, in which only the name may hold blanks.
///
/// Read while a task stands still, so without making a string of what nobody asks for. proc_pid_maps(5).
struct MapsLine {
  var range: RuntimeRange
  var protection: PageProtection
  var name: ArraySlice<UInt8>

  /// Nil where a line is not as known.
  static func parse(_ bytes: [UInt8]) -> [MapsLine]? {
    var lines: [MapsLine] = []
    var next = bytes[...]
    while !next.isEmpty {
      let end = next.firstIndex(of: UInt8(ascii: "\n")) ?? next.endIndex
      guard let line = MapsLine(next[..<end]) else { return nil }
      lines.append(line)
      next = next[end...].dropFirst()
    }
    return lines
  }

  init?(_ line: ArraySlice<UInt8>) {
    var rest = line
    guard let start = Self.hexadecimal(&rest, endingIn: UInt8(ascii: "-")),
      let end = Self.hexadecimal(&rest, endingIn: UInt8(ascii: " ")), start <= end, rest.count > 4,
      let range = RuntimeRange(start: RuntimeAddress(rawValue: start), byteCount: end - start)
    else { return nil }
    self.range = range
    protection = []
    for (letter, bit) in zip(rest, [PageProtection.read, .write, .execute]) where letter != UInt8(ascii: "-") {
      protection.insert(bit)
    }
    // Protection, offset, device, inode; then blanks.
    for _ in 0..<4 {
      guard let blank = rest.firstIndex(of: UInt8(ascii: " ")) else {
        name = []
        return
      }
      rest = rest[(blank + 1)...]
    }
    name = rest.drop { $0 == UInt8(ascii: " ") }
  }

  private static func hexadecimal(_ rest: inout ArraySlice<UInt8>, endingIn end: UInt8) -> UInt64? {
    var value: UInt64 = 0
    var digits = 0
    while let byte = rest.popFirst() {
      if byte == end { return digits > 0 ? value : nil }
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      default: return nil
      }
      digits += 1
      guard digits <= 16 else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return nil
  }
}

extension TaskMapping {
  init(_ line: MapsLine) {
    self.init(range: line.range, protection: line.protection, name: String(decoding: line.name, as: UTF8.self))
  }
}
