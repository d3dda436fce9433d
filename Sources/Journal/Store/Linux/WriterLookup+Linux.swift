#if os(Linux)
  import Foundation

  /// Who holds a journal's write lock.
  enum WriterLookup {
    /// SQLite's writers lock byte 120 of the `-shm` file (SQLite, WAL-mode File Format, 2.3.1: WAL_WRITE_LOCK).
    private static let writeLockByte = "120"

    /// A clause that names the process; nil where it cannot be told.
    ///
    /// Read from `/proc/locks`, not asked by `fcntl(F_GETLK)`: for that the file had to be opened, and closing it
    /// would drop every lock that this process itself has on it (fcntl(2), "Record locks").
    static func holder(of journal: String) -> String? {
      var file = stat()
      guard stat(journal + "-shm", &file) == 0,
        let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
      else { return nil }
      for line in locks.split(separator: "\n") {
        // 3: POSIX  ADVISORY  WRITE 4711 fe:00:393221 120 120
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count == 8, fields[3] == "WRITE", fields[6] == writeLockByte,
          fields[5].split(separator: ":").last.map(String.init) == String(file.st_ino), let pid = Int32(fields[4]),
          pid > 0
        else { continue }
        let name = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
        let program = name.map { " (\($0.trimmingCharacters(in: .whitespacesAndNewlines)))" } ?? ""
        let since = start(of: pid).map { ", running since \($0.ISO8601Format())," } ?? ""
        return "process \(pid)\(program)\(since) is writing"
      }
      return nil
    }

    /// When a process began: field 22 of `/proc/PID/stat`, in clock ticks since boot, and `btime` of `/proc/stat`, in seconds since
    /// 1970 (proc(5)). The second field, the program's name, may hold spaces and parentheses.
    private static func start(of pid: Int32) -> Date? {
      guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
        let name = status.lastIndex(of: ")"),
        let system = try? String(contentsOfFile: "/proc/stat", encoding: .utf8)
      else { return nil }
      let fields = status[status.index(after: name)...].split(separator: " ")
      let boot = system.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { UInt64($0.dropFirst(6)) }
      let ticksPerSecond = sysconf(Int32(_SC_CLK_TCK))
      guard let boot, fields.count > 19, let ticks = UInt64(fields[19]), ticksPerSecond > 0 else { return nil }
      return Date(timeIntervalSince1970: Double(boot) + Double(ticks) / Double(ticksPerSecond))
    }
  }
#endif
