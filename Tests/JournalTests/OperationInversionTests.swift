import Addressing
import Journal
import Testing

@Suite struct OperationInversionTests {
  @Test(arguments: 0..<200)
  func `inverting twice is the identity`(seed: UInt64) {
    var generator = ContentGenerator(seed: seed)
    let content = generator.content()
    for operation in content.operations { #expect(operation.inverted.inverted == operation) }
    var back = content
    back.operations = content.invertedOperations
    #expect(back.invertedOperations == content.operations)
  }

  @Test func `bytes that one update writes twice come back in the opposite order`() {
    func write(_ before: UInt8, _ after: UInt8) -> Journal.Operation {
      .write(WriteOperation(place: .file(FileOffset(0)), before: [before], after: [after]))
    }
    var content = UpdateCodingTests.plain
    content.operations = [write(0, 1), write(1, 2)]
    #expect(content.invertedOperations == [write(2, 1), write(1, 0)])
  }
}
