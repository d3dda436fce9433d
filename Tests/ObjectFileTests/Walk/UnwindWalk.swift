import ObjectFile

/// Reads everything that an `.eh_frame` offers, and throws away what it says. The bytes are the section's contents, and
/// then an expression. Whatever they are, it ends in time that grows with them and without a trap.
public struct UnwindWalk {
  public private(set) var commonCount = 0
  public private(set) var descriptionCount = 0
  public private(set) var ruleCount = 0
  public private(set) var valueCount = 0

  public init() {}

  public mutating func walk(_ bytes: [UInt8]) {
    let records = UnwindRecordSequence(bytes)
    for record in records.records {
      let content = Array(bytes[record.range])
      guard let place = record.commonInformation else {
        commonCount += UnwindCommonInformation(content) == nil ? 0 : 1
        continue
      }
      guard let owner = records.records.first(where: { $0.range.lowerBound == place }),
        let common = UnwindCommonInformation(Array(bytes[owner.range])),
        let description = UnwindDescription(content, common)
      else { continue }
      descriptionCount += 1
      for offset in [0, 1, 7, 100, UInt64.max] {
        guard let rules = UnwindRules(common, description, at: offset) else { continue }
        ruleCount += rules.rules.count
        if case .expression(let expression)? = rules.frame { evaluate(expression) }
        for case .storedAt(let expression) in rules.rules.values { evaluate(expression) }
        for case .valueOf(let expression) in rules.rules.values { evaluate(expression) }
      }
    }
    evaluate(bytes)
  }

  private mutating func evaluate(_ expression: [UInt8]) {
    var machine = UnwindExpression(
      register: { $0 < 17 ? $0 &* 0x1111 : nil }, load: { $0 % 3 == 0 ? nil : ~$0 })
    valueCount += machine.value(of: expression, first: 0x7fff_0000) == nil ? 0 : 1
  }
}
