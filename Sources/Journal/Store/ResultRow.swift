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

/// What a place of a statement is filled with, by SQLite's own functions: a value of GRDB's in between, and the list of them,
/// cost as much as the row.
protocol StatementValue {
  /// - Returns: SQLite's result code.
  func bind(to statement: SQLiteStatement, at place: Int32) -> Int32
}

/// SQLite copies what it is given: the bytes of a Swift value stay where they are for no longer than a call.
private let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension Int64: StatementValue {
  func bind(to statement: SQLiteStatement, at place: Int32) -> Int32 { sqlite3_bind_int64(statement, place, self) }
}

extension Int: StatementValue {
  func bind(to statement: SQLiteStatement, at place: Int32) -> Int32 { Int64(self).bind(to: statement, at: place) }
}

extension Bool: StatementValue {
  func bind(to statement: SQLiteStatement, at place: Int32) -> Int32 {
    sqlite3_bind_int64(statement, place, self ? 1 : 0)
  }
}

extension String: StatementValue {
  func bind(to statement: SQLiteStatement, at place: Int32) -> Int32 {
    var text = self
    return text.withUTF8 { bytes in
      // Without an address it would be NULL.
      guard let start = bytes.baseAddress else { return sqlite3_bind_text(statement, place, "", 0, copying) }
      return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
        sqlite3_bind_text(statement, place, $0, Int32(clamping: bytes.count), copying)
      }
    }
  }
}

extension [UInt8]: StatementValue {
  func bind(to statement: SQLiteStatement, at place: Int32) -> Int32 {
    if isEmpty { return sqlite3_bind_zeroblob(statement, place, 0) }
    return withUnsafeBytes { sqlite3_bind_blob(statement, place, $0.baseAddress, Int32(clamping: $0.count), copying) }
  }
}

extension Digest: StatementValue {
  func bind(to statement: SQLiteStatement, at place: Int32) -> Int32 { bytes.bind(to: statement, at: place) }
}

extension Statement {
  /// Takes the place of all values that the statement had. Nil is NULL.
  func bind(_ values: [(any StatementValue)?]) throws {
    guard values.count == Int(sqlite3_bind_parameter_count(sqliteStatement)) else {
      throw failure(SQLITE_RANGE)
    }
    var place: Int32 = 0
    for value in values {
      place += 1
      let code =
        value.map { $0.bind(to: sqliteStatement, at: place) } ?? sqlite3_bind_null(sqliteStatement, place)
      guard code == SQLITE_OK else { throw failure(code) }
    }
  }

  func failure(_ code: Int32) -> DatabaseError {
    let message = sqlite3_db_handle(sqliteStatement).flatMap(sqlite3_errmsg).map { String(cString: $0) }
    return DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: sql)
  }
}

/// The rows of a statement, one after the other. The statement is free for others once the cursor is gone.
final class ResultCursor {
  private let statement: Statement
  /// A statement that is stepped on behind its last row begins anew (SQLite, sqlite3_step).
  private var isAtEnd = false

  fileprivate init(_ statement: Statement, _ values: [(any StatementValue)?]) throws {
    self.statement = statement
    try statement.begin(values)
  }

  deinit { sqlite3_reset(statement.sqliteStatement) }

  func next() throws -> ResultRow? {
    if isAtEnd { return nil }
    isAtEnd = true
    let row = try statement.step()
    isAtEnd = row == nil
    return row
  }
}

extension Statement {
  fileprivate func begin(_ values: [(any StatementValue)?]) throws {
    // A cursor may have left it half-way.
    sqlite3_reset(sqliteStatement)
    try bind(values)
  }

  fileprivate func step() throws -> ResultRow? {
    switch sqlite3_step(sqliteStatement) {
    case SQLITE_ROW: return ResultRow(statement: sqliteStatement)
    case SQLITE_DONE: return nil
    case let code: throw failure(code)
    }
  }
}

/// Reading and running statements, each prepared once for a connection. There are as many values as the statement has places.
extension Database {
  func run(_ sql: String, _ values: [(any StatementValue)?] = []) throws {
    let statement = try cachedStatement(sql: sql)
    try statement.begin(values)
    defer { sqlite3_reset(statement.sqliteStatement) }
    while try statement.step() != nil {}
  }

  func first<Value>(
    _ sql: String, _ values: [(any StatementValue)?] = [], _ body: (ResultRow) throws -> Value
  ) throws -> Value? {
    let statement = try cachedStatement(sql: sql)
    try statement.begin(values)
    defer { sqlite3_reset(statement.sqliteStatement) }
    return try statement.step().map(body)
  }

  func cursor(_ sql: String, _ values: [(any StatementValue)?] = []) throws -> ResultCursor {
    try ResultCursor(try cachedStatement(sql: sql), values)
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
