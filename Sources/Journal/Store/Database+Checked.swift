import Foundation
import GRDB

/// Reading and running statements, each prepared once for a connection.
extension Database {
  func run(_ sql: String, _ arguments: StatementArguments = []) throws {
    let statement = try cachedStatement(sql: sql)
    try statement.execute(arguments: arguments)
  }

  func first<Value>(
    _ sql: String, _ arguments: StatementArguments = [], _ body: (ResultRow) throws -> Value
  ) throws -> Value? {
    let cursor = try cursor(sql, arguments)
    // The row is the statement's, which is reset when the cursor goes.
    return try withExtendedLifetime(cursor) { try cursor.next().map(body) }
  }

  func all<Value>(
    _ sql: String, _ arguments: StatementArguments = [], _ body: (ResultRow) throws -> Value
  ) throws -> [Value] {
    let cursor = try cursor(sql, arguments)
    var values: [Value] = []
    while let row = try cursor.next() { values.append(try body(row)) }
    return values
  }

  /// The rows of a statement that ends in `name IN`, for any number of names; each name's in the given order.
  func all<Value>(
    namedOneOf names: some Collection<String>, _ sql: String, orderedBy order: String,
    _ body: (ResultRow) throws -> Value
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

extension Data {
  init(_ digest: Digest) { self.init(digest.bytes) }
}
