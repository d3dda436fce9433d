import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

@Suite(.serialized)
struct LinuxTaskSymbolsTests {
  @Test(arguments: [["-no-pie", "-fno-pie"], ["-fPIE", "-pie"]], ["gnu", "sysv"])
  func `symbols are found where the dynamic loader finds them`(flags: [String], hashStyle: String) throws {
    let victim = try LinuxVictim("imports", flags: flags + ["-Wl,--hash-style=\(hashStyle)"], libraries: ["versioned"])
    let task = try victim.attach()
    // Without a version dlsym(3) takes the newest, a reference of the loader's the oldest (RETURN_NEWEST, elf/dl-lookup.c).
    for (label, expected) in victim.addresses where label != "pointer" && label != "shared" {
      let words = label.split(separator: "@")
      let symbol = ImportedSymbol(
        name: String(words[0]), version: words.count > 1 ? String(words[1]) : nil, library: nil)
      let found = try task.address(of: symbol)
      #expect(found == RuntimeAddress(rawValue: expected), "\(label)")
    }
    #expect(try task.address(of: symbol("shared", "VICTIM_2")) == victim.address("pointer"))
    #expect(victim.process.isRunning)
  }

  private func symbol(_ name: String, _ version: String?, addend: Int64 = 0) -> ImportedSymbol {
    ImportedSymbol(name: name, version: version, library: nil, addend: addend)
  }

  @Test func `the addend is added, and a symbol that nobody has is refused by name`() throws {
    let victim = try LinuxVictim("imports", flags: ["-fPIE", "-pie"], libraries: ["versioned"])
    let task = try victim.attach()
    let table = try victim.address("library_table@VICTIM_1")
    #expect(
      try task.address(of: symbol("library_table", "VICTIM_1", addend: 8)).rawValue == table.rawValue + 8)
    let missing = #expect(throws: ApplyError.self) { try task.address(of: symbol("no_such_function", nil)) }
    #expect(missing?.code == .importNotFound)
    #expect(missing?.symbol == "no_such_function")
    let other = #expect(throws: ApplyError.self) { try task.address(of: symbol("shared", "VICTIM_3")) }
    #expect(other?.code == .importNotFound)
    let local = #expect(throws: ApplyError.self) { try task.address(of: symbol("library_local", "VICTIM_1")) }
    #expect(local?.code == .importIsThreadLocal)
  }

  @Test func `a static program has no symbols to bind`() throws {
    let victim = try LinuxVictim("pages", flags: ["-static"])
    let task = try victim.attach()
    let error = #expect(throws: ApplyError.self) { try task.address(of: symbol("puts", nil)) }
    #expect(error?.code == .importNotFound)
  }
}
