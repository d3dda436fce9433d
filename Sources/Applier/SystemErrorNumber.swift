import Foundation

/// An errno in words: strerror(3), with the number that a search engine knows it by.
struct SystemErrorNumber: RawRepresentable, Hashable, Sendable {
  let rawValue: Int32

  init(rawValue: Int32) { self.rawValue = rawValue }

  init(_ rawValue: Int32) { self.rawValue = rawValue }
}

extension SystemErrorNumber: CustomStringConvertible {
  var description: String { String(cString: strerror(rawValue)) + " (errno \(rawValue))" }
}
