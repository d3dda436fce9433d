import Journal

extension Guard {
  var line: String {
    let reachText =
      switch reach {
      case .interior: "no thread past the first byte of"
      case .whole: "no thread in"
      }
    let when =
      switch direction {
      case .both: ""
      case .forward: ", on the way forward"
      case .backward: ", on the way back"
      }
    return "\(reachText) \(function) \(range): \(reason.text)\(when)"
  }

  var json: JSONValue {
    .object(
      range.members + [
        ("function", .string(function)), ("reach", .string(reach == .interior ? "interior" : "whole")),
        ("reason", .string(reason.word)), ("direction", .string(direction.word)),
      ])
  }
}

extension Guard.Reason {
  fileprivate var text: String {
    switch self {
    case .entryStub: "the entry stub overwrites these bytes"
    case .branchIntoEntryStub: "its code lands inside the entry stub's bytes"
    case .interproceduralRegisters: "it may rely on registers that the old callee left alone"
    case .unknownPrototype: "it may give a changed callee what the former one took; -g would tell"
    case .overwritten: "its bytes are overwritten where they stand"
    }
  }

  var word: String {
    switch self {
    case .entryStub: "entryStub"
    case .branchIntoEntryStub: "branchIntoEntryStub"
    case .interproceduralRegisters: "interproceduralRegisters"
    case .unknownPrototype: "unknownPrototype"
    case .overwritten: "overwritten"
    }
  }
}

extension Guard.Direction {
  fileprivate var word: String {
    switch self {
    case .both: "both"
    case .forward: "forward"
    case .backward: "backward"
    }
  }
}
