import Addressing
import Testing

@testable import Applier

struct StackScanTests {
  private func scan(_ ranges: [(UInt64, UInt64, Bool)]) -> StackScan {
    StackScan(
      ranges.compactMap { start, count, isWhole in
        RuntimeRange(start: RuntimeAddress(rawValue: start), byteCount: count).map {
          GuardedRange(range: $0, reach: isWhole ? .whole : .interior, isConservative: true)
        }
      })
  }

  @Test func `the first byte is outside an interior, the end outside every range`() {
    let scan = scan([(0x1000, 16, false), (0x2000, 16, true)])
    #expect(scan.hits(0x1000).isEmpty)
    #expect(scan.hits(0x1001).map(\.guardIndex) == [0])
    #expect(scan.hits(0x100f).map(\.guardIndex) == [0])
    #expect(scan.hits(0x1010).isEmpty)
    #expect(scan.hits(0x2000).map(\.isFirstByte) == [true])
    #expect(scan.hits(0x1800).isEmpty)
  }

  @Test func `a word that two ranges hold counts for both`() {
    #expect(scan([(0x1000, 64, true), (0x1010, 8, true)]).hits(0x1014).map(\.guardIndex) == [0, 1])
  }

  @Test func `of many ranges in any order, each is found by its own words alone`() {
    let starts = (0..<200).map { (UInt64($0) * 7919) % 200 * 0x100 + 0x1000 }
    let all = scan(starts.map { ($0, 0x80, true) } + [(0x1000, 0x100 * 200, true)])
    for (index, start) in starts.enumerated() {
      #expect(Set(all.hits(start + 0x7f).map(\.guardIndex)) == [index, 200])
      #expect(all.hits(start + 0x80).map(\.guardIndex) == [200])
    }
  }

  @Test func `a mangled pointer counts as the plain one`() {
    let pointerGuard: UInt64 = 0x1234_5678_9abc_def0
    let address: UInt64 = 0x1008
    // setjmp(3) of glibc: xor, then rol 17.
    let mixed = address ^ pointerGuard
    let mangled = mixed << 17 | mixed >> 47
    #expect(StackScan.demangle(mangled, pointerGuard) == address)
    var found: [UInt64] = []
    let stack = [0, mangled, .max].flatMap { (word: UInt64) in word.littleEndianBytes }
    scan([(0x1000, 16, true)]).forEachHit(in: stack, pointerGuard: pointerGuard) { found.append($0.hit.address) }
    #expect(found == [address])
    found = []
    scan([(0x1000, 16, true)]).forEachHit(in: stack, pointerGuard: nil) { found.append($0.hit.address) }
    #expect(found.isEmpty)
  }

  @Test func `a stack of odd length is read up to its last whole word`() {
    var found = 0
    let stack = UInt64(0x1008).littleEndianBytes + [8, 0x10, 0]
    scan([(0x1000, 16, true)]).forEachHit(in: stack, pointerGuard: nil) { _ in found += 1 }
    #expect(found == 1)
    scan([(0x1000, 16, true)]).forEachHit(in: [1, 2, 3], pointerGuard: nil) { _ in found += 1 }
    #expect(found == 1)
  }

  @Test(
    arguments: [
      [0x90, 0x90, 0x90, 0xe8, 1, 2, 3, 4],  // call rel32
      [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0],  // call *%rax
      [0x90, 0x90, 0xff, 0x15, 1, 2, 3, 4],  // call *cell(%rip)
      [0x90, 0xff, 0x94, 0x24, 1, 2, 3, 4],  // call *disp32(%rsp)
      [0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x08],  // call *8(%rax)
    ] as [[UInt8]])
  func `a call of any form makes the address behind it one to return to`(before: [UInt8]) {
    #expect(StackScan.endsInCall(before))
  }

  @Test(
    arguments: [
      [], [0xe8], [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90], [0, 0, 0, 0, 0, 0, 0xff, 0xe0],
    ] as [[UInt8]])
  func `no call, no return`(before: [UInt8]) {
    #expect(!StackScan.endsInCall(before))
  }
}
