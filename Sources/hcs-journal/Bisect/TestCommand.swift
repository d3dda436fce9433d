import Foundation

/// The command that tells good from bad, as the user gave it: a program and its arguments, which no shell ever sees.
struct TestCommand {
  let words: [String]
  let signals: SignalForwarding

  /// Runs it to its end; its output goes to standard error, for standard output is ours.
  ///
  /// - Parameter variables: added to its environment.
  /// - Returns: its exit status, 128 + n for signal n.
  func run(_ variables: [(name: String, value: String)]) throws(CommandError) -> Int32 {
    var environment = ProcessInfo.processInfo.environment
    for (name, value) in variables { environment[name] = value }
    let process = try start(environment.map { "\($0)=\($1)" })
    signals.forward(to: process)
    defer { signals.forward(to: 0) }
    return try Self.waitForEnd(of: process)
  }

  private func start(_ environment: [String]) throws(CommandError) -> Int32 {
    var process: pid_t = 0
    let status = BorrowedStreams.whileOutputIsError {
      words.withCStrings { arguments in
        environment.withCStrings { variables in
          // The handlers of signals do not outlive execve; what is ignored does, as it should.
          arguments[0].map { posix_spawnp(&process, $0, nil, nil, arguments, variables) } ?? EINVAL
        }
      }
    }
    guard status == 0 else {
      throw CommandError(
        .testNotStarted, detail: "\(words.first ?? ""): \(String(cString: strerror(status)))")
    }
    return process
  }

  static func waitForEnd(of process: Int32) throws(CommandError) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else {
        throw CommandError(.testNotStarted, detail: "waitpid: \(String(cString: strerror(errno)))")
      }
    }
    // The low seven bits name the signal that ended it, or are 0 (wait(2)).
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
  }
}

/// Standard streams for programs that we start: they take those that are open when they are made.
enum BorrowedStreams {
  /// Standard output leads to standard error meanwhile.
  static func whileOutputIsError<Value, Failure>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    let kept = dup(STDOUT_FILENO)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    defer {
      if kept >= 0 {
        dup2(kept, STDOUT_FILENO)
        close(kept)
      }
    }
    return try body()
  }

  /// Standard input is empty meanwhile, and standard output leads to standard error.
  static func whileDetached<Value, Failure>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    let kept = dup(STDIN_FILENO)
    let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
    dup2(nothing, STDIN_FILENO)
    defer {
      if nothing >= 0 { close(nothing) }
      if kept >= 0 {
        dup2(kept, STDIN_FILENO)
        close(kept)
      }
    }
    return try whileOutputIsError(body)
  }
}

extension [String] {
  /// As C takes them: pointers to bytes that end with zero, and a null at the end.
  fileprivate func withCStrings<Value>(_ body: ([UnsafeMutablePointer<CChar>?]) -> Value) -> Value {
    let copies = map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}
