import Foundation
import GRDB
import GRDBSQLite

/// The row a statement stands at, read by SQLite's own column functions: a generic row that could outlive its statement costs
/// several times as much as the look-up. Values are checked: the rows of a damaged file may hold anything.
///
/// Valid until the statement goes on; given to closures only.
struct ResultRow {
  fileprivate let statement: SQLiteStatement

  var count: Int { Int(sqlite3_column_count(statement)) }

  private func damage(_ index: Int) -> JournalError {
    JournalError(.damaged, detail: "column \(index) of a row has a value of the wrong type")
  }

  private func type(_ index: Int) -> Int32 { sqlite3_column_type(statement, Int32(index)) }

  func optionalInteger(_ index: Int) throws(JournalError) -> Int64? {
    switch type(index) {
    case SQLITE_NULL: nil
    case SQLITE_INTEGER: sqlite3_column_int64(statement, Int32(index))
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
    switch type(index) {
    case SQLITE_NULL: nil
    case SQLITE_TEXT: String(decoding: textBytes(index), as: UTF8.self)
    default: throw damage(index)
    }
  }

  func text(_ index: Int) throws(JournalError) -> String {
    guard let value = try optionalText(index) else { throw damage(index) }
    return value
  }

  func optionalBlob(_ index: Int) throws(JournalError) -> [UInt8]? {
    switch type(index) {
    case SQLITE_NULL: nil
    case SQLITE_BLOB: blobBytes(index)
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

  private func byteCount(_ index: Int) -> Int { Int(sqlite3_column_bytes(statement, Int32(index))) }

  // SQLite, "Result Values From A Query": the pointer first, then the length of what it points at.

  private func textBytes(_ index: Int) -> UnsafeBufferPointer<UInt8> {
    let start = sqlite3_column_text(statement, Int32(index))
    return UnsafeBufferPointer(start: start, count: start == nil ? 0 : byteCount(index))
  }

  private func blobBytes(_ index: Int) -> [UInt8] {
    let start = sqlite3_column_blob(statement, Int32(index))
    return [UInt8](UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : byteCount(index)))
  }
}

/// The rows of a statement, one after the other. The statement is free for others once the cursor is gone.
final class ResultCursor {
  private let statement: Statement
  /// A statement that is stepped on behind its last row begins anew (SQLite, sqlite3_step).
  private var isAtEnd = false

  fileprivate init(_ statement: Statement, _ arguments: StatementArguments) {
    self.statement = statement
    statement.setUncheckedArguments(arguments)
  }

  deinit { sqlite3_reset(statement.sqliteStatement) }

  func next() throws -> ResultRow? {
    if isAtEnd { return nil }
    switch sqlite3_step(statement.sqliteStatement) {
    case SQLITE_ROW: return ResultRow(statement: statement.sqliteStatement)
    case SQLITE_DONE:
      isAtEnd = true
      return nil
    case let code:
      isAtEnd = true
      let message = sqlite3_db_handle(statement.sqliteStatement).flatMap(sqlite3_errmsg).map { String(cString: $0) }
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql)
    }
  }
}

extension Database {
  /// - Precondition: as many arguments as the statement has places.
  func cursor(_ sql: String, _ arguments: StatementArguments = []) throws -> ResultCursor {
    ResultCursor(try cachedStatement(sql: sql), arguments)
  }
}

extension ByteWriter {
  /// Every value with its type, so that no two rows give the same bytes.
  mutating func append(_ row: ResultRow) throws(JournalError) {
    for index in 0..<row.count {
      switch sqlite3_column_type(row.statement, Int32(index)) {
      case SQLITE_INTEGER:
        append(UInt8(1))
        append(signed: try row.integer(index))
      case SQLITE_FLOAT:
        append(UInt8(2))
        append(varint: sqlite3_column_double(row.statement, Int32(index)).bitPattern)
      case SQLITE_TEXT:
        append(UInt8(3))
        append(try row.text(index))
      case SQLITE_BLOB:
        append(UInt8(4))
        append(byteString: try row.blob(index))
      default: append(UInt8(0))
      }
    }
  }
}
