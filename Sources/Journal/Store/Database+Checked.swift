import Foundation
import GRDB

/// Whole answers.
extension Database {
  func all<Value>(
    _ sql: String, _ values: [(any StatementValue)?] = [], _ body: (ResultRow) throws -> Value
  ) throws -> [Value] {
    let cursor = try cursor(sql, values)
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
      values += try all(statement, Array(part), body)
      rest = rest.dropFirst(size)
    }
    return values
  }
}
