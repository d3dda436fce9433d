/// Lets the options that all commands have stand before the command: `hcs-journal -j FILE log` is taken as
/// `hcs-journal log -j FILE`. The parser knows them in each command only, so that each command's help shows them.
enum LeadingOptions {
  private static let withValue: Set<String> = ["-j", "--journal"]
  private static let flags: Set<String> = ["--json", "-v", "--verbose"]

  static func moved(_ words: [String]) -> [String] {
    var index = 0
    while index < words.count {
      if withValue.contains(words[index]) {
        index += 2
      } else if flags.contains(words[index]) || words[index].hasPrefix("--journal=") {
        index += 1
      } else {
        break
      }
    }
    guard index > 0, index < words.count, !words[index].hasPrefix("-") else { return words }
    return [words[index]] + words[..<index] + words[(index + 1)...]
  }
}
