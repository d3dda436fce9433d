import Addressing

/// A call of the kernel or of the C library that failed: its name, and what it said.
struct MachFailure: Error, Hashable, Sendable {
  enum Reason: Hashable, Sendable {
    /// A kern_return_t, with the system's words for it.
    case kernel(Int32, String)
    case errno(Int32)
  }

  var call: String
  var reason: Reason

  static func kernel(_ call: String, _ code: MachCode, _ text: String = "") -> MachFailure {
    MachFailure(call: call, reason: .kernel(code.rawValue, text))
  }

  func isKernel(_ code: MachCode) -> Bool {
    if case .kernel(code.rawValue, _) = reason { return true }
    return false
  }
}

/// The kern_return_t values that something is decided by: mach/kern_return.h.
struct MachCode: RawRepresentable, Hashable, Sendable {
  let rawValue: Int32

  static let invalidAddress = MachCode(rawValue: 1)
  static let protectionFailure = MachCode(rawValue: 2)
  static let noSpace = MachCode(rawValue: 3)
  static let invalidArgument = MachCode(rawValue: 4)
  static let failure = MachCode(rawValue: 5)
  static let terminated = MachCode(rawValue: 37)
  static let notSupported = MachCode(rawValue: 46)
}

extension ApplyError {
  init(
    _ code: Code, target: String, failure: MachFailure, runtimeAddress: RuntimeAddress? = nil, detail: String? = nil
  ) {
    self.init(code, target: target, runtimeAddress: runtimeAddress, call: failure.call, detail: detail)
    switch failure.reason {
    case .errno(let number): errno = number
    case .kernel(let number, let text): call = "\(failure.call): \(text.isEmpty ? "kern_return_t" : text) (\(number))"
    }
  }
}
