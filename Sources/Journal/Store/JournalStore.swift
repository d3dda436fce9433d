import Addressing
import Foundation
import GRDB

/// A journal: the base image and the tree of updates, in one SQLite file.
///
/// Any number of readers go on beside one writer; a second writer waits for five seconds and then throws `busy`.
/// What is read is checked: an update is given out only when its bytes are what its digest says.
public final class JournalStore: Sendable {
  public enum Mode: Sendable {
    case read
    case write
  }

  public let path: String
  public let base: BaseImage
  let queue: DatabaseQueue
  let chunks = RecentValues<Int64, [UInt8]>(capacity: 32)
  let decodedUpdates = RecentValues<Int64, Update>(capacity: 64)
  /// What stretches are made of. Whoever takes one compares its digest with the row's: a transaction may have been taken back.
  let recentlyAppended = RecentValues<Int64, Update>(capacity: 128)
  /// Branches and numbers of updates never change.
  let lineages = RecentValues<Digest, Lineage>(capacity: 16)

  init(path: String, base: BaseImage, queue: DatabaseQueue) {
    self.path = path
    self.base = base
    self.queue = queue
  }

  /// A read in one transaction.
  func read<Value>(_ body: (Database) throws -> Value) throws(JournalError) -> Value {
    do {
      return try queue.read(body)
    } catch {
      throw JournalError(wrapping: error, journal: path)
    }
  }

  /// A read without a transaction, which would cost more than the look-up: what a digest stands for never changes, nor
  /// does the base image.
  func lookUp<Value>(_ body: (Database) throws -> Value) throws(JournalError) -> Value {
    do {
      return try queue.unsafeReentrantRead(body)
    } catch {
      throw JournalError(wrapping: error, journal: path)
    }
  }

  /// Every look-up made in the body sees one state of the journal, and none of them locks it by itself: that is most of what a
  /// look-up costs. Nothing can be written meanwhile.
  public func whileReading<Value, Failure>(
    _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let result: Result<Value, Failure> = queue.unsafeReentrantRead { db in
      // Where it cannot begin, the look-ups say why.
      let begins = !db.isInsideTransaction
      if begins { try? db.beginTransaction(.deferred) }
      defer { if begins, db.isInsideTransaction { try? db.commit() } }
      do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// One transaction; all of it or nothing.
  func write<Value>(_ body: (Database) throws -> Value) throws(JournalError) -> Value {
    if queue.configuration.readonly { throw JournalError(.readOnly, journal: path) }
    do {
      return try queue.write(body)
    } catch {
      throw JournalError(wrapping: error, journal: path)
    }
  }

  /// Throws `otherImage` unless the journal belongs to the image of this build-id or UUID.
  public func require(identity: [UInt8]) throws(JournalError) {
    if identity == base.identity { return }
    let texts = [identity, base.identity].map { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    throw JournalError(.otherImage, journal: path, detail: "the image is \(texts[0]), the journal's is \(texts[1])")
  }
}

extension JournalError {
  init(wrapping error: any Error, journal: String) {
    switch error {
    case var error as JournalError:
      error.journal = error.journal ?? journal
      self = error
    case let error as DatabaseError:
      let code = Code(error.resultCode)
      self.init(
        code, journal: journal, detail: code == .busy ? WriterLookup.holder(of: journal) : nil, cause: error)
    default:
      self.init(.storageFailed, journal: journal, cause: error)
    }
  }
}

extension JournalError.Code {
  fileprivate init(_ result: ResultCode) {
    switch result {
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_READONLY: self = .inaccessible
    case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_TOOBIG, .SQLITE_INTERRUPT: self = .storageFailed
    // What remains are statements that fail on a file whose schema or rows are not what a journal has.
    default: self = .damaged
    }
  }
}
