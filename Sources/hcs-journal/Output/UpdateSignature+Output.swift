import Journal

extension UpdateSignature {
  func json(of digest: Digest) -> JSONValue {
    .object([
      ("fingerprint", .string(key.fingerprint)), ("key", .string(key.bytes.hexadecimal)),
      ("valid", .boolean(isValid(for: digest))),
    ])
  }

  func line(of digest: Digest) -> String { key.fingerprint + (isValid(for: digest) ? "" : " (does not hold)") }
}
