import Addressing
import Testing

@testable import Applier

struct SignalFrameTests {
  private func registers(_ change: (inout ThreadRegisters) -> Void = { _ in }) throws -> ThreadRegisters {
    var registers = try #require(ThreadRegisters(words: Array(1...UInt64(ThreadRegisters.count))))
    registers[.rsp] = 0x7fff_0000_1238
    registers[.originalRAX] = .max
    change(&registers)
    return registers
  }

  /// As NT_X86_XSTATE: the mask of what there is at 464, of what is in use at 512.
  private func state(_ count: Int, mask: UInt64 = 7, inUse: UInt64 = 3) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xaa, count: count)
    bytes.replaceSubrange(464..<472, with: mask.littleEndianBytes)
    bytes.replaceSubrange(512..<520, with: inUse.littleEndianBytes)
    return bytes
  }

  private func build(
    _ purpose: SignalFrame.Purpose, _ registers: ThreadRegisters, _ state: [UInt8]
  ) -> SignalFrame? {
    SignalFrame(for: purpose, registers: registers, signalMask: 0x55, extendedState: state, restorer: 0xabc)
  }

  @Test func `the frame is clear of the red zone, its extended state aligned as XRSTOR wants it`() throws {
    let registers = try self.registers()
    let frame = try #require(build(.systemCall, registers, state(832)))
    let bytes = TaskBytes(frame.bytes)
    #expect(frame.stackPointer + UInt64(frame.bytes.count) <= registers[.rsp] - 128)
    #expect(bytes.word(at: 0) == 0xabc)
    // The ucontext is behind the restorer, the pointer to the extended state 40 + 184 bytes into it.
    let place = try #require(bytes.word(at: 8 + 40 + 184))
    #expect(place % 64 == 0)
    let offset = Int(place - frame.stackPointer)
    #expect(bytes.integer(at: offset + 464) == UInt32(0x4650_5853))
    #expect(bytes.integer(at: offset + 832) == UInt32(0x4650_5845))
    #expect(bytes.word(at: 8 + 296) == 0x55)
    #expect(bytes.word(at: 8 + 40 + 16 * 8) == registers[.rip])
    #expect(bytes.word(at: 8 + 40 + 15 * 8) == registers[.rsp])
  }

  @Test func `a function is entered with the stack aligned as after a call`() throws {
    let frame = try #require(build(.function(returnsTo: 0xdef), registers(), state(832)))
    #expect(frame.stackPointer % 16 == 8)
    #expect(TaskBytes(frame.bytes).word(at: 0) == 0xdef)
    #expect(TaskBytes(frame.bytes).word(at: 8) == 0xabc)
  }

  @Test(arguments: [-512, -513, -514, -516] as [Int64])
  func `a call that the kernel would restart is set to be made again`(code: Int64) throws {
    let registers = try self.registers {
      $0[.originalRAX] = 35
      $0[.rax] = UInt64(bitPattern: code)
      $0[.rip] = 0x1002
    }
    let bytes = TaskBytes(try #require(build(.systemCall, registers, state(832))).bytes)
    #expect(bytes.word(at: 8 + 40 + 16 * 8) == 0x1000)
    #expect(bytes.word(at: 8 + 40 + 13 * 8) == 35)
  }

  @Test func `unused tiles are left out, used ones kept`() throws {
    let without = try #require(build(.systemCall, registers(), state(11008, mask: 0x602e7, inUse: 7)))
    #expect(without.bytes.count < 4096)
    let with = try #require(build(.systemCall, registers(), state(11008, mask: 0x602e7, inUse: 0x60007)))
    #expect(with.bytes.count > 11008)
  }

  @Test func `without room or state there is no frame`() throws {
    #expect(build(.systemCall, try registers { $0[.rsp] = 4096 }, state(832)) == nil)
    #expect(build(.systemCall, try registers(), state(575)) == nil)
    #expect(build(.systemCall, try registers(), []) == nil)
  }

  @Test func `only a call that has taken no effect is made again`() throws {
    func interrupted(_ call: UInt64) throws -> ThreadRegisters {
      try registers {
        $0[.originalRAX] = call
        $0[.rax] = UInt64(bitPattern: -4)
      }
    }
    #expect(try interrupted(232).hasInterruptedSystemCall && interrupted(232).allowsRestart)
    #expect(try !interrupted(3).allowsRestart)
    #expect(try !registers { $0[.rax] = UInt64(bitPattern: -4) }.hasInterruptedSystemCall)
    #expect(ThreadRegisters(words: [1, 2]) == nil)
  }

  @Test func `gadgets are looked for in executable memory, the best first`() throws {
    func mapping(_ start: UInt64, _ protection: PageProtection) throws -> TaskMapping {
      let range = try #require(RuntimeRange(start: RuntimeAddress(rawValue: start), byteCount: 4096))
      return TaskMapping(range: range, protection: protection)
    }
    let contents: [UInt64: [UInt8]] = [
      0x1000: [0x0f, 0x05, 0x90, 0x0f], 0x2000: [0x0f, 0x05, 0xc3, 0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05],
      0x3000: [0x0f, 0x05, 0xc3],
    ]
    let all = [
      try mapping(0x3000, [.read]), try mapping(0x1000, [.read, .execute]), try mapping(0x2000, [.read, .execute]),
    ]
    let found = RemoteGadgets(mappings: all) { contents[$0.range.start.rawValue] }
    #expect(found?.systemCall == 0x2000)
    #expect(found?.restorer == 0x2003)
    let plain = RemoteGadgets(mappings: Array(all.prefix(2))) { contents[$0.range.start.rawValue] }
    #expect(plain?.systemCall == 0x1000)
    #expect(plain?.restorer == nil)
    #expect(RemoteGadgets(mappings: Array(all.prefix(1))) { contents[$0.range.start.rawValue] } == nil)
  }
}
