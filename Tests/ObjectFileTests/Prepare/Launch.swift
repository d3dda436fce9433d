import Foundation

/// What a program said and how it ended.
struct Launch: Hashable, CustomStringConvertible {
  var output: String
  /// 128 + n where a signal ended it.
  var status: Int32

  var description: String { "status \(status), \(output)" }

  /// Runs a program, found by its path, to its end; standard output and standard error together.
  ///
  /// Foundation's `Process` hands the signal mask of the calling thread on, in which a debugger waits for ever.
  init(_ path: String, _ arguments: [String] = []) throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/output"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, file, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var words = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    var error = posix_spawn(&child, path, &actions, &attributes, &words, environ)
    // A child of another test may hold the file that was just written, between its fork and its exec (execve(2)).
    for _ in 0..<600 where error == ETXTBSY {
      Thread.sleep(forTimeInterval: 0.1)
      error = posix_spawn(&child, path, &actions, &attributes, &words, environ)
    }
    guard error == 0 else { throw Tool.Failure(description: "\(path): \(String(cString: strerror(error)))") }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    output = String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
    self.status = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }

  /// The different ways in which `count` runs ended, with the shell's word for each.
  static func distinctEnds(of path: String, count: Int, prefix: String = "") throws -> String {
    let command = "\(prefix) \(path) an-argument 2>&1; echo status $?"
    let loop = "for i in $(seq \(count)); do echo \"$(\(command))\"; done | sort -u"
    return try Launch("/bin/sh", ["-c", loop]).output
  }
}
