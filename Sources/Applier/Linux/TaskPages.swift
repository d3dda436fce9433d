import Addressing

/// A task's memory while it stands still, read a page at a time and kept: an unwinder reads many words that lie together.
final class TaskPages {
  private static let pageByteCount: UInt64 = 4096
  private static let mostPages = 16384

  private let memory: any ReadableMemory
  private var pages: [UInt64: [UInt8]?] = [:]

  init(_ memory: any ReadableMemory) { self.memory = memory }

  /// Nil where a part of it cannot be read.
  func bytes(_ address: UInt64, _ count: Int) -> [UInt8]? {
    guard count >= 0, case (let end, false) = address.addingReportingOverflow(UInt64(count)) else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var next = address
    while next < end {
      let start = next % Self.pageByteCount
      guard let page = page(next - start) else { return nil }
      let part = min(end - next, Self.pageByteCount - start)
      result += page[Int(start)..<Int(start + part)]
      next += part
    }
    return result
  }

  func integer<Value: FixedWidthInteger>(_ type: Value.Type, at address: UInt64) -> Value? {
    bytes(address, MemoryLayout<Value>.size).flatMap { TaskBytes($0).integer(at: 0) }
  }

  func word(at address: UInt64) -> UInt64? { integer(UInt64.self, at: address) }

  private func page(_ start: UInt64) -> [UInt8]? {
    if let known = pages[start] { return known }
    // A table made to be read all over the address space has nothing to tell.
    guard pages.count < Self.mostPages else { return nil }
    var page: [UInt8]?
    do throws(ApplyError) {
      page = try memory.read(RuntimeAddress(rawValue: start), Int(Self.pageByteCount))
    } catch {}
    pages[start] = .some(page)
    return page
  }
}
