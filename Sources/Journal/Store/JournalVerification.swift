/// What `verify` found of a journal.
public struct JournalVerification: Hashable, Sendable {
  public struct Finding: Hashable, Sendable {
    public enum Subject: String, Hashable, Sendable, CaseIterable {
      /// SQLite's own structure: pages, indexes, constraints.
      case storage
      /// A row that refers to one that is missing.
      case reference
      /// Tables, indexes or views are not those of this schema.
      case schema
      /// The base image, its symbols, imports, types or libraries.
      case base
      /// An update is not what its digest says.
      case update
      /// A shortcut is not what its digest says, or not of the updates that it covers.
      case shortcut
      /// What is kept of many updates as one is not what they come to.
      case stretch
      /// Kept bytes are not what their digest says.
      case payload
      /// What is derived from the updates is not what they give.
      case derived
      /// A signature that its key has not made for that update.
      case signature
      /// A tag, or a process that is known to run, is not as it was written.
      case note
    }

    public var subject: Subject
    public var update: UpdateNumber?
    public var detail: String
  }

  public var updateCount = 0
  public var payloadCount = 0
  public var findings: [Finding] = []

  public var isSound: Bool { findings.isEmpty }
}

extension JournalVerification.Finding: CustomStringConvertible {
  public var description: String {
    let place = update.map { " update \($0):" } ?? ""
    return switch subject {
    case .storage: "file structure:\(place) \(detail)"
    case .reference: "missing row:\(place) \(detail)"
    case .schema: "schema:\(place) \(detail)"
    case .base: "base image:\(place) \(detail)"
    case .update: "update:\(place) \(detail)"
    case .shortcut: "shortcut:\(place) \(detail)"
    case .stretch: "stretch:\(place) \(detail)"
    case .payload: "payload:\(place) \(detail)"
    case .derived: "derived table:\(place) \(detail)"
    case .signature: "signature:\(place) \(detail)"
    case .note: "note:\(place) \(detail)"
    }
  }
}
