import Foundation
import GRDB

/// Reading and running statements. Values are checked: the rows of a damaged file may hold anything, and GRDB's own
/// subscripts trap on a value of another type.
extension Database {
  func run(_ sql: String, _ arguments: StatementArguments = []) throws {
    let statement = try cachedStatement(sql: sql)
    try statement.execute(arguments: arguments)
  }

  func first<Value>(
    _ sql: String, _ arguments: StatementArguments = [], _ body: (Row) throws -> Value
  ) throws -> Value? {
    let cursor = try Row.fetchCursor(try cachedStatement(sql: sql), arguments: arguments)
    // The row is the statement's, which is reset when the cursor goes.
    return try withExtendedLifetime(cursor) { try cursor.next().map(body) }
  }

  func all<Value>(
    _ sql: String, _ arguments: StatementArguments = [], _ body: (Row) throws -> Value
  ) throws -> [Value] {
    let cursor = try Row.fetchCursor(try cachedStatement(sql: sql), arguments: arguments)
    var values: [Value] = []
    while let row = try cursor.next() { values.append(try body(row)) }
    return values
  }

  /// The rows of a statement that ends in `name IN`, for any number of names; each name's in the given order.
  func all<Value>(
    namedOneOf names: some Collection<String>, _ sql: String, orderedBy order: String, _ body: (Row) throws -> Value
  ) throws -> [Value] {
    // One statement for any number: a name that stands twice finds its rows once.
    let size = 32
    let statement = "\(sql) (\([String](repeating: "?", count: size).joined(separator: ","))) ORDER BY \(order)"
    var values: [Value] = []
    var rest = Array(names)[...]
    while let last = rest.prefix(size).last {
      let part = rest.prefix(size) + repeatElement(last, count: size - min(size, rest.count))
      values += try all(statement, StatementArguments(part), body)
      rest = rest.dropFirst(size)
    }
    return values
  }
}

extension Row {
  private func damage(_ index: Int) -> JournalError {
    JournalError(.damaged, detail: "column \(index) of a row has a value of the wrong type")
  }

  private func storage(_ index: Int) -> DatabaseValue.Storage { (self[index] as DatabaseValue).storage }

  func optionalInteger(_ index: Int) throws(JournalError) -> Int64? {
    switch storage(index) {
    case .null: nil
    case .int64(let value): value
    default: throw damage(index)
    }
  }

  func integer(_ index: Int) throws(JournalError) -> Int64 {
    guard let value = try optionalInteger(index) else { throw damage(index) }
    return value
  }

  /// A count or an address: not negative.
  func unsigned(_ index: Int) throws(JournalError) -> UInt64 {
    guard let value = UInt64(exactly: try integer(index)) else { throw damage(index) }
    return value
  }

  func optionalText(_ index: Int) throws(JournalError) -> String? {
    switch storage(index) {
    case .null: nil
    case .string(let value): value
    default: throw damage(index)
    }
  }

  func text(_ index: Int) throws(JournalError) -> String {
    guard let value = try optionalText(index) else { throw damage(index) }
    return value
  }

  func optionalBlob(_ index: Int) throws(JournalError) -> [UInt8]? {
    switch storage(index) {
    case .null: nil
    case .blob(let value): [UInt8](value)
    default: throw damage(index)
    }
  }

  func blob(_ index: Int) throws(JournalError) -> [UInt8] {
    guard let value = try optionalBlob(index) else { throw damage(index) }
    return value
  }

  func digest(_ index: Int) throws(JournalError) -> Digest {
    guard let digest = Digest(bytes: try blob(index)) else { throw damage(index) }
    return digest
  }

  func kind<Kind: RawRepresentable<UInt8>>(_ index: Int, _: Kind.Type) throws(JournalError) -> Kind {
    guard let raw = UInt8(exactly: try integer(index)), let kind = Kind(rawValue: raw) else { throw damage(index) }
    return kind
  }
}

extension Data {
  init(_ digest: Digest) { self.init(digest.bytes) }
}
