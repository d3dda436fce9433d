import Addressing
import Crypto
import Foundation
import ObjectFile
import Testing

private func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

/// Signatures as linkers make them.
struct `Code signatures of real images` {
  private func signature(_ file: MachOFile) throws -> MachOCodeSignature { try #require(try file.codeSignature()) }

  @Test(arguments: FixupImage.signed) func `hold, and say what another reader finds in them`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let signature = try signature(file)
    let directory = try #require(signature.directories.first)
    #expect(signature.isAdHoc)
    #expect(try signature.mismatches(in: file.view, sha256: sha256) == [])
    let segment = try #require(directory.executableSegment)
    var ours = [
      "version 0x\(hex(directory.version))", "flags 0x\(hex(directory.flags.rawValue))",
      "identifier \(directory.identifier)", "limit \(directory.codeLimit)", "page \(directory.pageByteCount ?? 0)",
      "special \(directory.specialSlotCount)", "segment \(segment.base) \(segment.limit) \(segment.flags)",
    ]
    for page in 0..<directory.pageCount { ours.append(directory.hash(ofPage: page).map { hex($0, 2) }.joined()) }
    for blob in signature.blobs { ours.append("slot \(blob.slot.rawValue) \(blob.bytes.count)") }
    let theirs = try Tool.run("python3", ["-c", otherReader, file.name]).lines.filter { !$0.isEmpty }.map(String.init)
    expectSame(ours, theirs)
  }

  @Test func `keep entitlements`() async throws {
    let file = try await FixupImage.zigEntitlements.file()
    let signature = try signature(file)
    let text = try #require(try signature.entitlements()).text
    #expect(text.contains("<key>com.apple.security.cs.debugger</key><true/>"))
    #expect(signature.directories.first?.hash(of: .entitlements) != nil)
    let again = try MachOCodeSignature(MappedFile(bytes: try resigned(file, signature), name: "again").view)
    #expect(try again.entitlements()?.text == text)
  }

  private func resigned(_ file: MachOFile, _ signature: MachOCodeSignature) throws -> [UInt8] {
    let limit = try #require(signature.directories.first).codeLimit
    return try signature.resigned(codeLimit: limit, sha256: sha256) { offset, count throws(ObjectFileError) in
      try file.view.bytes(at: Int(offset.rawValue), count: count)
    }
  }

  @Test(arguments: FixupImage.signed) func `made anew for the same bytes are the linker's own`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let signature = try signature(file)
    #expect(try resigned(file, signature) == signature.bytes.allBytes)
  }

  @Test(arguments: FixupImage.signed) func `name the page that was changed`(_ image: FixupImage) async throws {
    let file = try await image.file()
    let signature = try signature(file)
    let directory = try #require(signature.directories.first)
    for page in [0, directory.pageCount / 2, directory.pageCount - 1] {
      let range = directory.range(ofPage: page)
      var bytes = file.view.allBytes
      bytes[Int(range.upperBound) - 1] ^= 1
      let changed = MappedFile(bytes: bytes, name: "changed").view
      let found = try signature.mismatches(in: changed, sha256: sha256)
      let mismatch = try #require(found.first)
      #expect(found.count == 1)
      #expect(mismatch.part == .page(page))
      #expect(mismatch.offset == FileOffset(range.lowerBound) && mismatch.byteCount == UInt64(range.count))
      #expect(mismatch.actualHash == sha256(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])))
      let at = Int(mismatch.hashOffset.rawValue)
      #expect(mismatch.signedHash == Array(bytes[at..<at + 32]))
      #expect(mismatch.description.hasPrefix("page \(page), file offsets 0x\(hex(range.lowerBound)) to "))
    }
  }

  @Test func `name the part of the signature that was changed`() async throws {
    let file = try await FixupImage.zigEntitlements.file()
    let signature = try signature(file)
    var bytes = file.view.allBytes
    let entitlements = try #require(try signature.entitlements())
    bytes[Int(entitlements.fileOffset.rawValue)] ^= 1
    let changed = try MachOFile(MappedFile(bytes: bytes, name: "changed"))
    let found = try self.signature(changed).mismatches(in: changed.view, sha256: sha256)
    #expect(found.map(\.part) == [.blob(.entitlements)])
  }

  @Test(arguments: FixupImage.signed) func `hold again after edits, by the hashes of their pages alone`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let signature = try signature(file)
    let directory = try #require(signature.directories.first)
    var bytes = file.view.allBytes
    let page = Int(directory.pageByteCount ?? 0)
    // In one page, over two pages, the last byte that is signed; and one that is changed and changed back.
    var edits = [0x20..<0x28, page - 4..<page + 4, Int(directory.codeLimit) - 1..<Int(directory.codeLimit)].map {
      FileEdit(offset: FileOffset(UInt64($0.lowerBound)), before: Array(bytes[$0]), after: bytes[$0].map { ~$0 })
    }
    let idle = FileEdit(offset: FileOffset(UInt64(2 * page)), before: [bytes[2 * page]], after: [~bytes[2 * page]])
    edits += [idle, idle.inverted]
    let original = bytes
    let hashes = try signature.edits(signing: edits, byteCount: UInt64(bytes.count), sha256: sha256) { offset, count in
      Array(original[Int(offset.rawValue)..<Int(offset.rawValue) + count])
    }
    #expect(hashes.count == Set([0, 1, directory.pageCount - 1]).count)
    #expect(hashes.allSatisfy { $0.after.count == 32 })
    apply(edits + hashes, to: &bytes)
    #expect(
      try self.signature(file).mismatches(in: MappedFile(bytes: bytes, name: "edited").view, sha256: sha256).count
        == hashes.count)
    let edited = MappedFile(bytes: bytes, name: "edited").view
    let again = try MachOCodeSignature(edited.suffix(from: signature.bytes.fileOffset.rawValue))
    #expect(try again.mismatches(in: edited, sha256: sha256) == [])
    apply((edits + hashes).reversed().map(\.inverted), to: &bytes)
    #expect(bytes == original)
  }

  @Test(arguments: FixupImage.signed) func `cover an image that has become longer or shorter`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let signature = try signature(file)
    let directory = try #require(signature.directories.first)
    let page = Int(directory.pageByteCount ?? 0)
    for limit in [Int(directory.codeLimit) + 3 * page + 16, Int(directory.codeLimit) - page, page] {
      var bytes = Array((file.view.allBytes + [UInt8](repeating: 7, count: 4 * page)).prefix(limit))
      let content = bytes
      let made = try signature.resigned(codeLimit: UInt64(limit), executableSegment: 0..<0x8000, sha256: sha256) {
        Array(content[Int($0.rawValue)..<Int($0.rawValue) + $1])
      }
      #expect(try signature.byteCount(codeLimit: UInt64(limit)) == made.count)
      bytes += made
      let whole = MappedFile(bytes: bytes, name: "longer").view
      let again = try MachOCodeSignature(whole.suffix(from: UInt64(limit)))
      #expect(try again.mismatches(in: whole, sha256: sha256) == [])
      let new = try #require(again.directories.first)
      #expect(new.identifier == directory.identifier && new.flags == directory.flags)
      #expect(new.codeLimit == UInt64(limit))
      #expect(new.executableSegment?.limit == 0x8000)
      #expect(new.executableSegment?.flags == directory.executableSegment?.flags)
      #expect(again.blobs.map(\.slot) == signature.blobs.map(\.slot))
    }
  }

  /// The same program twice, another value in it: what changes one image into the other gives the other's signature.
  @Test(arguments: ["arm64", "x86_64"]) func `after edits are those that the linker writes for the same bytes`(
    _ machine: String
  ) throws {
    guard Tool.isInstalled("ld64.lld"), Tool.isInstalled("clang") else { try Test.cancel("ld64.lld is not installed") }
    let images = try ["1", "2"].map { value -> [UInt8] in
      let folder = try TemporaryFolder()
      _ = try folder.write("int value = \(value); int main(void) { return value * \(value)5; }\n", to: "program.c")
      try Tool.run(
        "clang",
        ["-target", "\(machine)-apple-none-macho", "-fPIC", "-O1", "-c", "program.c"]
          + (machine == "arm64" ? ["-mcpu=apple-m1"] : []), in: folder.path)
      let library = Specimen.pythonPackage("ziglang-0.14.1") + "/ziglang/lib/libc/darwin/libSystem.tbd"
      try Tool.run(
        "ld64.lld",
        ["-arch", machine, "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign"]
          + ["-fixup_chains", "-o", "output", "program.o", library], in: folder.path)
      return try MappedFile(copying: folder.path + "/output").view.allBytes
    }
    let signature = try signature(MachOFile(MappedFile(bytes: images[0], name: "one")))
    let limit = Int(try #require(signature.directories.first).codeLimit)
    try #require(images[0].count == images[1].count)
    let edits = (0..<limit).filter { images[0][$0] != images[1][$0] }.map {
      FileEdit(offset: FileOffset(UInt64($0)), before: [images[0][$0]], after: [images[1][$0]])
    }
    #expect(!edits.isEmpty)
    let hashes = try signature.edits(signing: edits, byteCount: UInt64(images[0].count), sha256: sha256) {
      Array(images[0][Int($0.rawValue)..<Int($0.rawValue) + $1])
    }
    var bytes = images[0]
    apply(edits + hashes, to: &bytes)
    #expect(bytes == images[1])
  }
}

/// Signatures put together by hand.
struct `Damaged or foreign code signatures` {
  private static let content = [UInt8](repeating: 5, count: 0x2800)

  /// Fields of a code directory of version 0x20400, in order; and what follows them.
  private struct Directory {
    var version: UInt32 = 0x20400
    var flags: UInt32 = 0x2
    var hashesOffset: UInt32?
    var specialSlotCount: UInt32 = 7
    var pageCount: UInt32 = 3
    var codeLimit: UInt32 = 0x2800
    var hashSize: UInt8 = 32
    var hashType: UInt8 = 2
    var pageShift: UInt8 = 12
    var scatterOffset: UInt32 = 0
    var team = true
    var wideLimit: UInt64 = 0
    var blobs: [UInt32: [UInt8]] = [:]

    var bytes: [UInt8] {
      let names = Array("program\0TEAM\0".utf8)
      let hashes = UInt32(88 + names.count) + specialSlotCount * 32
      var fields: [UInt8] = []
      for field in [version, flags, hashesOffset ?? hashes, 88, specialSlotCount, pageCount, codeLimit] {
        fields += littleEndian(field.byteSwapped)
      }
      fields += [hashSize, hashType, 0, pageShift] + littleEndian(UInt32(0))
      for field in [scatterOffset, team ? 96 : 0, 0] { fields += littleEndian(field.byteSwapped) }
      for field in [wideLimit, 0, 0x1000, 1] { fields += littleEndian(field.byteSwapped) }
      fields += names
      for slot in (1...7).reversed() {
        fields += blobs[UInt32(slot)].map { sha256($0) } ?? [UInt8](repeating: 0, count: 32)
      }
      for page in 0..<3 { fields += sha256(Array(content[page * 0x1000..<min(content.count, page * 0x1000 + 0x1000)])) }
      return blob(0xFADE_0C02, fields)
    }
  }

  private static func blob(_ magic: UInt32, _ content: [UInt8]) -> [UInt8] {
    littleEndian(magic.byteSwapped) + littleEndian(UInt32(8 + content.count).byteSwapped) + content
  }

  private static func signature(_ blobs: [(slot: UInt32, bytes: [UInt8])]) -> [UInt8] {
    var index = littleEndian(UInt32(blobs.count).byteSwapped)
    var at = 12 + 8 * blobs.count
    for blob in blobs {
      index += littleEndian(blob.slot.byteSwapped) + littleEndian(UInt32(at).byteSwapped)
      at += blob.bytes.count
    }
    return blob(0xFADE_0CC0, index + blobs.flatMap(\.bytes))
  }

  private static func read(_ signature: [UInt8]) throws -> (MachOCodeSignature, ByteView) {
    let file = MappedFile(bytes: content + signature, name: "image").view
    return (try MachOCodeSignature(file.suffix(from: UInt64(content.count))), file)
  }

  private static let requirements = blob(0xFADE_0C01, [0, 0, 0, 0])
  private static let entitlements = blob(0xFADE_7171, Array("<plist/>".utf8))
  private static let emptyCMS = blob(0xFADE_0B01, [])

  private static func whole(_ directory: Directory = Directory()) -> [UInt8] {
    var directory = directory
    directory.blobs = [2: requirements, 5: entitlements]
    return signature([(0, directory.bytes), (2, requirements), (5, entitlements), (0x10000, emptyCMS)])
  }

  @Test func `whole, they hold, and are kept in all parts when made anew`() throws {
    let (signature, file) = try Self.read(Self.whole())
    #expect(try signature.mismatches(in: file, sha256: sha256) == [])
    #expect(signature.directories.first?.teamIdentifier == "TEAM")
    let again = try signature.resigned(codeLimit: 0x2800, sha256: sha256) { offset, count throws(ObjectFileError) in
      try file.bytes(at: Int(offset.rawValue), count: count)
    }
    #expect(again == signature.bytes.allBytes)
    let shorter = try signature.resigned(codeLimit: 0x1800, sha256: sha256) { offset, count throws(ObjectFileError) in
      try file.bytes(at: Int(offset.rawValue), count: count)
    }
    let whole = MappedFile(bytes: Array(Self.content.prefix(0x1800)) + shorter, name: "shorter").view
    let read = try MachOCodeSignature(whole.suffix(from: 0x1800))
    #expect(try read.mismatches(in: whole, sha256: sha256) == [])
    #expect(try read.entitlements()?.text == "<plist/>")
    #expect(read.blob(.identitySignature)?.bytes.count == 8)
  }

  @Test func `by an identity are refused by name where they would be made anew, and only there`() throws {
    var byNobody = Directory()
    byNobody.flags = 0
    let cms = Self.blob(0xFADE_0B01, [0x30, 0x80])
    let signed = [
      Self.whole(byNobody), Self.signature([(0, Directory().bytes), (0x10000, cms)]),
      Self.signature([(0, Directory().bytes), (0x1000, byNobody.bytes)]),
    ]
    for bytes in signed {
      let (signature, file) = try Self.read(bytes)
      #expect(try signature.mismatches(in: file, sha256: sha256) == [])
      let edit = FileEdit(offset: FileOffset(0), before: [5], after: [6])
      let errors = [
        #expect(throws: ObjectFileError.self) {
          try signature.edits(signing: [edit], byteCount: UInt64(file.count), sha256: sha256) {
            try file.bytes(at: Int($0.rawValue), count: $1)
          }
        },
        #expect(throws: ObjectFileError.self) {
          try signature.resigned(codeLimit: 0x2800, sha256: sha256) { _, _ in [] }
        },
      ]
      for error in errors {
        #expect(error?.code == .signedByIdentity)
        #expect(error?.description.contains("program of team TEAM") == true)
      }
    }
  }

  @Test func `with alternates are kept in both`() throws {
    let (signature, file) = try Self.read(Self.signature([(0, Directory().bytes), (0x1000, Directory().bytes)]))
    #expect(signature.directories.map(\.slot) == [.codeDirectory, .alternateCodeDirectory])
    let edit = FileEdit(offset: FileOffset(0x1FFF), before: [5, 5], after: [6, 6])
    let hashes = try signature.edits(signing: [edit], byteCount: UInt64(file.count), sha256: sha256) {
      try file.bytes(at: Int($0.rawValue), count: $1)
    }
    #expect(hashes.count == 4)
    var bytes = file.allBytes
    apply([edit] + hashes, to: &bytes)
    let edited = MappedFile(bytes: bytes, name: "edited").view
    #expect(try MachOCodeSignature(edited.suffix(from: 0x2800)).mismatches(in: edited, sha256: sha256) == [])
  }

  @Test func `with one hash for all of the image are made anew as such`() throws {
    var directory = Directory()
    (directory.pageShift, directory.pageCount) = (0, 1)
    let bytes = Self.signature([(0, directory.bytes)])
    let (signature, file) = try Self.read(bytes)
    #expect(signature.directories.first?.pageByteCount == nil)
    #expect(try signature.mismatches(in: file, sha256: sha256).map(\.part) == [.page(0)])
    let edit = FileEdit(offset: FileOffset(0x20), before: [5], after: [6])
    let hashes = try signature.edits(signing: [edit], byteCount: UInt64(file.count), sha256: sha256) {
      try file.bytes(at: Int($0.rawValue), count: $1)
    }
    var all = Self.content
    all[0x20] = 6
    #expect(hashes.map(\.after) == [sha256(all)])
  }

  private static func directory(_ change: (inout Directory) -> Void) -> [UInt8] {
    var directory = Directory()
    change(&directory)
    return signature([(0, directory.bytes)])
  }

  private static let damaged: [(String, [UInt8], ObjectFileError.Code)] = [
    ("nothing", [], .truncated), ("no signature", [UInt8](repeating: 0, count: 64), .malformedSignature),
    ("no parts", signature([]), .malformedSignature),
    ("no directory", signature([(2, requirements)]), .malformedSignature),
    ("a slot twice", signature([(0, Directory().bytes), (0, Directory().bytes)]), .malformedSignature),
    ("another magic", signature([(0, blob(0xFADE_0C01, [UInt8](repeating: 0, count: 90)))]), .malformedSignature),
    ("a directory that is cut off", signature([(0, blob(0xFADE_0C02, [0, 2, 4, 0]))]), .truncated),
    ("an old version", directory { $0.version = 0x10000 }, .unsupportedSignature),
    ("a new version", directory { $0.version = 0x30000 }, .unsupportedSignature),
    ("SHA-1", directory { ($0.hashType, $0.hashSize) = (1, 20) }, .unsupportedSignature),
    ("SHA-384", directory { ($0.hashType, $0.hashSize) = (4, 48) }, .unsupportedSignature),
    ("a hash size", directory { $0.hashSize = 20 }, .unsupportedSignature),
    ("a scatter vector", directory { $0.scatterOffset = 88 }, .unsupportedSignature),
    ("a page size", directory { $0.pageShift = 60 }, .malformedSignature),
    ("too few hashes", directory { $0.pageCount = 2 }, .malformedSignature),
    ("more hashes than pages", directory { $0.pageCount = 4 }, .malformedSignature),
    ("hashes outside", directory { $0.hashesOffset = 0x4000 }, .truncated),
    ("special slots outside", directory { $0.specialSlotCount = 0x4000 }, .truncated),
    ("hashes among the fields", directory { $0.hashesOffset = 8 }, .malformedSignature),
    ("more than four billion pages", directory { ($0.wideLimit, $0.pageShift) = (.max, 1) }, .malformedSignature),
  ]

  @Test(arguments: damaged.indices) func `are refused`(_ index: Int) {
    let (name, bytes, code) = Self.damaged[index]
    let error = #expect(throws: ObjectFileError.self, "\(name)") { try Self.read(bytes) }
    #expect(error?.code == code, "\(name)")
  }

  @Test func `that cover more than the file, or are to be edited themselves, are refused`() throws {
    let (signature, file) = try Self.read(Self.whole())
    let short = MappedFile(bytes: Array(Self.content.prefix(0x1000)), name: "short").view
    let tooShort = #expect(throws: ObjectFileError.self) { try signature.mismatches(in: short, sha256: sha256) }
    #expect(tooShort?.code == .malformedSignature)
    let edit = FileEdit(offset: FileOffset(0x2800 + 60), before: file.allBytes[0x283C...0x283C] + [], after: [9])
    let itself = #expect(throws: ObjectFileError.self) {
      try signature.edits(signing: [edit], byteCount: UInt64(file.count), sha256: sha256) {
        try file.bytes(at: Int($0.rawValue), count: $1)
      }
    }
    #expect(itself?.code == .unsupportedSignature)
    let large = #expect(throws: ObjectFileError.self) { try signature.byteCount(codeLimit: 1 << 32) }
    #expect(large?.code == .unsupportedSignature)
  }
}

/// The same facts, read by another program from the definitions in xnu's cs_blobs.h; hashes computed from the file.
private let otherReader = """
  import hashlib, struct, sys
  data = open(sys.argv[1], "rb").read()
  at = 32
  for _ in range(struct.unpack_from("<I", data, 16)[0]):
      command, size = struct.unpack_from("<II", data, at)
      if command == 0x1D:
          start, length = struct.unpack_from("<II", data, at + 8)
      at += size
  signature = data[start:start + length]
  count = struct.unpack_from(">I", signature, 8)[0]
  index = [struct.unpack_from(">II", signature, 12 + 8 * n) for n in range(count)]
  offset = dict(index)[0]
  directory = signature[offset:]
  version, flags, hashes, name, special, pages, limit = struct.unpack_from(">7I", directory, 8)
  shift = directory[39]
  base, end, kind = struct.unpack_from(">3Q", directory, 64)
  print("version 0x%x\\nflags 0x%x" % (version, flags))
  print("identifier", directory[name:directory.index(b"\\0", name)].decode())
  print("limit", limit)
  print("page", 1 << shift)
  print("special", special)
  print("segment", base, end, kind)
  for page in range(0, limit, 1 << shift):
      print(hashlib.sha256(data[page:min(limit, page + (1 << shift))]).hexdigest())
  for slot, offset in index:
      print("slot", slot, struct.unpack_from(">I", signature, offset + 4)[0])
  """
