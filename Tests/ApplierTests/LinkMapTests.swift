import Addressing
import Foundation
import Testing

@testable import Applier

/// Memory that is one block of bytes; everything else is unmapped.
struct BlockMemory: ReadableMemory {
  static let start: UInt64 = 0x10000
  var bytes: [UInt8]

  func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8] {
    let offset = at.rawValue &- Self.start
    guard count >= 0, offset <= UInt64(bytes.count), UInt64(count) <= UInt64(bytes.count) - offset else {
      throw ApplyError(.taskCallFailed, runtimeAddress: at)
    }
    return Array(bytes[Int(offset)..<(Int(offset) + count)])
  }
}

struct LinkMapTests {
  @Test(arguments: [("", 5381), ("printf", 0x156b_2bb8), ("exit", 0x7c96_7e3f)] as [(String, UInt32)])
  func `the GNU hash is as binutils compute it`(name: String, hash: UInt32) {
    #expect(LoadedModule.gnuHash(name) == hash)
  }

  @Test(arguments: [("", 0), ("printf", 0x0779_05a6), ("exit", 0x0006_cf04)] as [(String, UInt32)])
  func `the System V hash is as the gABI computes it`(name: String, hash: UInt32) {
    #expect(LoadedModule.systemVHash(name) == hash)
  }

  /// A dynamic section whose DT_DEBUG leads to a list whose second entry leads back to the first.
  private func cyclicList() -> BlockMemory {
    var words = [UInt64](repeating: 0, count: 64)
    let start = BlockMemory.start
    (words[0], words[1]) = (21, start + 8 * 8)
    words[9] = start + 8 * 16
    for (entry, next) in [(16, 24), (24, 16)] {
      words[entry + 1] = start + 8 * 4
      words[entry + 2] = start + 8 * 4
      words[entry + 3] = start + 8 * UInt64(next)
    }
    return BlockMemory(bytes: words.flatMap(\.littleEndianBytes))
  }

  @Test func `a list that leads back into itself is gone through once`() throws {
    let map = try LinkMap(
      cyclicList(), dynamicSection: RuntimeAddress(rawValue: BlockMemory.start), slide: Slide(rawValue: 0))
    #expect(map.entries.count == 2)
    #expect(try map.definition("printf", version: nil, library: nil) == nil)
  }

  @Test func `memory of any content ends in an answer or a named error`() {
    var generator = SplitMix(state: 7)
    for round in 0..<3000 {
      var memory = cyclicList()
      // Pointers stay pointers into the block often enough to lead further.
      for _ in 0..<(round % 40) {
        let place = Int(generator.next() % 60) * 8
        let tags: [UInt64] = [4, 5, 6, 10, 14, 0x6fff_fef5, 0x6fff_fff0, 0x6fff_fffc, 0x6fff_fffe, 1]
        let word: UInt64 =
          switch generator.next() % 4 {
          case 0: BlockMemory.start + generator.next() % 512
          case 1: tags[Int(generator.next() % 10)]
          case 2: generator.next() % 16
          default: generator.next()
          }
        memory.bytes.replaceSubrange(place..<(place + 8), with: word.littleEndianBytes)
      }
      expectEnd(memory)
    }
  }

  private func expectEnd(_ memory: BlockMemory) {
    do throws(ApplyError) {
      let start = RuntimeAddress(rawValue: BlockMemory.start)
      let map = try LinkMap(memory, dynamicSection: start, slide: Slide(rawValue: 0))
      #expect(map.entries.count <= LoadedModule.maximalEntries)
      for version in [nil, "GLIBC_2.2.5"] {
        _ = try map.definition("printf", version: version, library: "libc.so.6")
      }
    } catch {
      #expect([.taskCallFailed, .taskMemoryMalformed].contains(error.code))
    }
  }

  private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
      return mixed ^ mixed >> 31
    }
  }
}
