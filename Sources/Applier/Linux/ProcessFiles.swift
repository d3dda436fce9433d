import Addressing

/// The parts of `/proc/PID/status` that decide whether and how a process can be attached to. proc_pid_status(5).
struct ProcessStatus: Hashable, Sendable {
  var state: UInt8
  var threadGroup: Int32
  var tracer: Int32
  var effectiveUser: UInt32
  /// Signals that wait for this thread, or for the whole process.
  var pendingSignals: UInt64
  var blockedSignals: UInt64
  var ignoredSignals: UInt64
  var caughtSignals: UInt64

  /// Nil where a line is missing that every kernel since 2.6.23 writes.
  init?(_ bytes: [UInt8]) {
    var lines: [Substring: Substring] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      lines[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == "\t" || $0 == " " }
    }
    func mask(_ key: Substring) -> UInt64? { lines[key].flatMap { UInt64($0, radix: 16) } }
    guard
      let state = lines["State"]?.utf8.first, let group = lines["Tgid"].flatMap({ Int32($0) }),
      let tracer = lines["TracerPid"].flatMap({ Int32($0) }),
      let user = lines["Uid"]?.split(separator: "\t").dropFirst().first.flatMap({ UInt32($0) }),
      let own = mask("SigPnd"), let shared = mask("ShdPnd"), let blocked = mask("SigBlk"),
      let ignored = mask("SigIgn"), let caught = mask("SigCgt")
    else { return nil }
    self.state = state
    threadGroup = group
    self.tracer = tracer
    effectiveUser = user
    pendingSignals = own | shared
    blockedSignals = blocked
    ignoredSignals = ignored
    caughtSignals = caught
  }

  var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

  /// Whether a signal waits that the thread will get as soon as it runs.
  var hasDeliverableSignal: Bool { pendingSignals & ~blockedSignals != 0 }

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

/// The parts of `/proc/PID/stat` that name one life of a process id.
struct ProcessStat: Hashable, Sendable {
  /// As the kernel truncates it, to 15 bytes.
  var name: String
  /// Field 22: clock ticks since boot. With the process id it names a process for ever.
  var startTime: UInt64

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

extension TaskMapping {
  /// The lines of `/proc/PID/maps`; nil where one is not as proc_pid_maps(5) has it.
  static func parse(maps bytes: [UInt8]) -> [TaskMapping]? {
    var mappings: [TaskMapping] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let mapping = TaskMapping(mapsLine: line) else { return nil }
      mappings.append(mapping)
    }
    return mappings
  }

  /// `start-end rwxp offset device inode   name`, in which only the name may hold blanks.
  private init?(mapsLine line: ArraySlice<UInt8>) {
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
    guard fields.count >= 5, fields[1].count == 4 else { return nil }
    let ends = fields[0].split(separator: UInt8(ascii: "-"))
    guard ends.count == 2, let start = UInt64(String(decoding: ends[0], as: UTF8.self), radix: 16),
      let end = UInt64(String(decoding: ends[1], as: UTF8.self), radix: 16), start <= end,
      let range = RuntimeRange(start: RuntimeAddress(rawValue: start), byteCount: end - start)
    else { return nil }
    var protection: PageProtection = []
    for (letter, bit) in zip(fields[1], [PageProtection.read, .write, .execute]) where letter != UInt8(ascii: "-") {
      protection.insert(bit)
    }
    let name = fields.count == 6 ? fields[5].drop { $0 == UInt8(ascii: " ") } : []
    self.init(range: range, protection: protection, name: String(decoding: name, as: UTF8.self))
  }
}
