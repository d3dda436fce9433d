/// The hash table through which a loader finds dynamic symbols: DT_GNU_HASH, or DT_HASH (gABI, Hash Table).
enum ELFSymbolHash: Sendable {
  case gnu(GNUHash)
  case systemV(SystemVHash)

  /// How many symbols the table's dynamic symbol table has at least, told by the hash table alone.
  func symbolCount() throws(ObjectFileError) -> Int {
    switch self {
    case .gnu(let table): try table.symbolCount()
    case .systemV(let table): table.chainCount
    }
  }

  /// The indexes of the symbols that may bear `name`, until `accept` takes one.
  func first(
    named name: String, where accept: (Int) throws(ObjectFileError) -> Bool
  ) throws(ObjectFileError) -> Int? {
    switch self {
    case .gnu(let table): try table.first(hash: GNUHash.hash(name), where: accept)
    case .systemV(let table): try table.first(hash: SystemVHash.hash(name), where: accept)
    }
  }
}

/// DT_GNU_HASH: a Bloom filter, buckets, and chains of hashes parallel to the symbols from `firstSymbol` on.
struct GNUHash: Sendable {
  let firstSymbol: UInt32
  let bloomShift: UInt32
  let bloom: ByteView
  let buckets: ByteView
  let chains: ByteView

  init(_ view: ByteView) throws(ObjectFileError) {
    let bucketCount = UInt64(try view.load(UInt32.self, at: 0))
    firstSymbol = try view.load(UInt32.self, at: 4)
    let bloomCount = UInt64(try view.load(UInt32.self, at: 8))
    bloomShift = try view.load(UInt32.self, at: 12)
    bloom = try view.slice(16, bloomCount * 8)
    buckets = try view.slice(16 + bloomCount * 8, bucketCount * 4)
    chains = try view.suffix(from: 16 + bloomCount * 8 + bucketCount * 4)
  }

  static func hash(_ name: String) -> UInt32 {
    name.utf8.reduce(5381) { $0 &* 33 &+ UInt32($1) }
  }

  func first(
    hash: UInt32, where accept: (Int) throws(ObjectFileError) -> Bool
  ) throws(ObjectFileError) -> Int? {
    let bucketCount = UInt32(buckets.count / 4)
    guard bucketCount > 0, mayHold(hash) else { return nil }
    var symbol = buckets.loadValidated(UInt32.self, at: Int(hash % bucketCount) * 4)
    guard symbol >= firstSymbol, symbol != 0 else { return nil }
    while true {
      let link = try chains.load(UInt32.self, at: Int(symbol - firstSymbol) * 4)
      if link | 1 == hash | 1, try accept(Int(symbol)) { return Int(symbol) }
      if link & 1 != 0 { return nil }
      symbol &+= 1
    }
  }

  private func mayHold(_ hash: UInt32) -> Bool {
    let count = UInt32(bloom.count / 8)
    guard count > 0 else { return true }
    let word = bloom.loadValidated(UInt64.self, at: Int(hash / 64 % count) * 8)
    return (word >> UInt64(hash % 64)) & (word >> UInt64((hash >> bloomShift) % 64)) & 1 != 0
  }

  /// One more than the last symbol of the last chain.
  func symbolCount() throws(ObjectFileError) -> Int {
    var last: UInt32 = 0
    for at in stride(from: 0, to: buckets.count, by: 4) { last = max(last, buckets.loadValidated(UInt32.self, at: at)) }
    guard last >= firstSymbol, last != 0 else { return Int(firstSymbol) }
    var at = Int(last - firstSymbol) * 4
    while try chains.load(UInt32.self, at: at) & 1 == 0 { at += 4 }
    return Int(firstSymbol) + at / 4 + 1
  }
}

/// DT_HASH: buckets and chains of symbol indexes.
struct SystemVHash: Sendable {
  let buckets: ByteView
  let chains: ByteView

  init(_ view: ByteView) throws(ObjectFileError) {
    let bucketCount = UInt64(try view.load(UInt32.self, at: 0))
    let chainCount = UInt64(try view.load(UInt32.self, at: 4))
    buckets = try view.slice(8, bucketCount * 4)
    chains = try view.slice(8 + bucketCount * 4, chainCount * 4)
  }

  var chainCount: Int { chains.count / 4 }

  static func hash(_ name: String) -> UInt32 {
    name.utf8.reduce(0) { hash, byte in
      let sum = (hash << 4) &+ UInt32(byte)
      let high = sum & 0xF000_0000
      return (sum ^ (high >> 24)) & ~high
    }
  }

  func first(
    hash: UInt32, where accept: (Int) throws(ObjectFileError) -> Bool
  ) throws(ObjectFileError) -> Int? {
    let bucketCount = UInt32(buckets.count / 4)
    guard bucketCount > 0 else { return nil }
    var symbol = buckets.loadValidated(UInt32.self, at: Int(hash % bucketCount) * 4)
    for _ in 0...chainCount {
      if symbol == 0 { return nil }
      if try accept(Int(symbol)) { return Int(symbol) }
      symbol = try chains.load(UInt32.self, at: Int(symbol) * 4)
    }
    throw ObjectFileError(
      .cyclicReference, file: chains.fileName, offset: chains.fileOffset, detail: "a hash chain does not end")
  }
}
