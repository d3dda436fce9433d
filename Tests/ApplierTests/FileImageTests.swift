import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

@Suite struct FileImageTests {
  let base = SmallImage.base()
  let applier = UpdateApplier(base: SmallImage.base())
  let updates = UpdateGenerator.chain(seed: 3, count: 4)

  private func apply(_ image: FileImage, from start: Int, to end: Int) throws(ApplyError) {
    _ = try applier.apply(updates.steps(from: start, to: end), to: updates.position(end), on: image)
  }

  @Test func `a reader that has the old image open keeps it whole`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let reader = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      try apply(try FileImage(path: path, base: base), from: 0, to: 4)
      #expect(try reader.readToEnd().map { [UInt8]($0) } == SmallImage.file())
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 4))
    }
  }

  @Test func `the new image has the old one's mode and leaves nothing beside it`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      try FileManager.default.setAttributes([.posixPermissions: 0o4751], ofItemAtPath: path)
      try apply(try FileImage(path: path, base: base), from: 0, to: 1)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
      #expect(mode?.intValue == 0o4751)
      #expect(try TemporaryFile.names(besides: path) == ["image"])
    }
  }

  @Test func `holes stay holes`() throws {
    try TemporaryFile.with([]) { path in
      let calls = SystemFileCalls()
      let file = FileHandleNumber(rawValue: Glibc.open(path, O_RDWR))
      defer { calls.close(file) }
      try calls.write(SmallImage.file(), to: file, at: 0)
      try calls.truncate(file, to: 64 << 20)
      try apply(try FileImage(path: path, base: base), from: 0, to: 2)
      var status = stat()
      #expect(stat(path, &status) == 0)
      #expect(status.st_size == 64 << 20)
      #expect(status.st_blocks * 512 < 1 << 20)
    }
  }

  @Test func `extended attributes go over to the new image`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let calls = SystemFileCalls()
      let file = try calls.open(path)
      defer { calls.close(file) }
      do {
        try calls.setAttribute("user.hcs.test", [104, 99, 115], of: file)
      } catch let error as FileCallError where error.errno == ENOTSUP {
        return  // This folder's file system has none, so that there is nothing to lose.
      }
      try apply(try FileImage(path: path, base: base), from: 0, to: 1)
      let new = try calls.open(path)
      defer { calls.close(new) }
      #expect(try calls.attribute("user.hcs.test", of: new) == [104, 99, 115])
    }
  }

  @Test func `a symbolic link is followed and stays one`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let link = path + "-link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "image")
      let image = try FileImage(path: link, base: base)
      try apply(image, from: 0, to: 1)
      #expect(image.name == path)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "image")
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 1))
    }
  }

  @Test func `a file with another hard link is refused, by a dry run as well, unless told otherwise`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let other = path + "-other"
      try FileManager.default.linkItem(atPath: path, toPath: other)
      var dry = UpdateApplier(base: base)
      dry.options.isDryRun = true
      for applier in [applier, dry] {
        let error = failure { () throws(ApplyError) in
          try applier.apply(
            updates.steps(from: 0, to: 1), to: updates.position(1), on: try FileImage(path: path, base: base))
        }
        #expect(error?.code == .fileHasOtherLinks)
        #expect(error?.outcome == .untouched)
      }
      #expect(try TemporaryFile.bytes(path) == SmallImage.file())
      try apply(try FileImage(path: path, base: base, breaksLinks: true), from: 0, to: 1)
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 1))
      #expect(try TemporaryFile.bytes(other) == SmallImage.file())
    }
  }

  @Test func `the file's rights are given after its last byte is written, which would take some of them away`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let calls = FaultyFileCalls()
      var seen: [String] = []
      calls.onCall = { seen.append($0) }
      try apply(try FileImage(path: path, base: base, calls: calls), from: 0, to: 1)
      let last = try #require(seen.lastIndex { $0 == "write" || $0 == "truncate" })
      #expect(try #require(seen.firstIndex(of: "copyAttributes")) > last)
      #expect(try #require(seen.firstIndex(of: "setMode")) > last)
      #expect(try #require(seen.firstIndex(of: "sync")) > #require(seen.firstIndex(of: "setMode")))
    }
  }

  @Test func `what a killed applier left beside the image is replaced`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let left = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(".image.hcsj-new")
      try Data([1, 2, 3]).write(to: left)
      try apply(try FileImage(path: path, base: base), from: 0, to: 3)
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 3))
      #expect(try TemporaryFile.names(besides: path) == ["image"])
    }
  }

  @Test func `an image that another applier works on is refused`() throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let calls = SystemFileCalls()
      let other = try calls.open(path)
      defer { calls.close(other) }
      #expect(try calls.lock(other))
      let error = #expect(throws: ApplyError.self) {
        try apply(try FileImage(path: path, base: base), from: 0, to: 1)
      }
      #expect(error?.code == .fileInUse)
      #expect(try TemporaryFile.bytes(path) == SmallImage.file())
    }
  }

  @Test("An image that is relinked meanwhile is left as the linker wrote it", arguments: ["create", "sync"])
  func relinkedMeanwhile(moment: String) throws {
    try TemporaryFile.with(SmallImage.file()) { path in
      let calls = FaultyFileCalls()
      let image = try FileImage(path: path, base: base, calls: calls)
      calls.onCall = { if $0 == moment { try? Data([9]).write(to: URL(fileURLWithPath: path), options: .atomic) } }
      let error = #expect(throws: ApplyError.self) { try apply(image, from: 0, to: 1) }
      #expect(error?.code == .fileChangedMeanwhile)
      #expect(error?.outcome == .untouched)
      #expect(try TemporaryFile.bytes(path) == [9])
      #expect(try TemporaryFile.names(besides: path) == ["image"])
    }
  }

  @Test func `the image as it was linked, without an arena, is refused by name`() throws {
    try TemporaryFile.with(Array(SmallImage.file().prefix(0x5000))) { path in
      let error = #expect(throws: ApplyError.self) {
        try apply(try FileImage(path: path, base: base), from: 0, to: 1)
      }
      #expect(error?.code == .fileMalformed)
      #expect(error?.description.contains("has no arena") == true)
    }
  }

  @Test func `a file that is no image is refused by name`() throws {
    try TemporaryFile.with([1, 2, 3]) { path in
      let error = #expect(throws: ApplyError.self) {
        try apply(try FileImage(path: path, base: base), from: 0, to: 1)
      }
      #expect(error?.code == .fileMalformed)
      let absent = #expect(throws: ApplyError.self) { try FileImage(path: path + "-absent", base: base) }
      #expect(absent?.code == .fileCallFailed)
      #expect(absent?.errno == ENOENT)
    }
  }

  @Test("A file grows and shrinks as updates say, and is exact again")
  func resizes() throws {
    let size = SmallImage.fileByteCount
    let grown: [Journal.Operation] = [
      .write(WriteOperation(place: .file(FileOffset(size + 4)), before: [0, 0], after: [1, 2])),
      .resize(ResizeOperation(before: size, after: size + 8)),
    ]
    let update = Update.small(grown)
    try TemporaryFile.with(SmallImage.file()) { path in
      let image = try FileImage(path: path, base: base)
      _ = try applier.apply([Step(update: update, direction: .forward)], to: update.position, on: image)
      #expect(try TemporaryFile.bytes(path).suffix(8) == [0, 0, 0, 0, 1, 2, 0, 0])
      _ = try applier.apply([Step(update: update, direction: .backward)], to: base.position, on: image)
      #expect(try TemporaryFile.bytes(path) == SmallImage.file())
    }
  }

  // MARK: Faults

  @Test(
    "Whichever file call fails, the file is the old one or the new one, and the next run goes on",
    arguments: [false, true])
  func everyCallFails(isForGood: Bool) throws {
    var outcomes: Set<ApplyError.Outcome> = []
    var number = 1
    var isDone = false
    while !isDone {
      try TemporaryFile.with(SmallImage.file()) { path in
        let calls = FaultyFileCalls()
        calls.failing = (number, isForGood)
        if let error = failure(of: { () throws(ApplyError) in
          try apply(try FileImage(path: path, base: base, calls: calls), from: 0, to: 3)
        }) {
          outcomes.insert(error.outcome)
          let isNew = error.outcome == .torn(at: UpdateNumber(3))
          #expect(try TemporaryFile.bytes(path) == (isNew ? updates.file(at: 3) : SmallImage.file()))
          let next = try FileImage(path: path, base: base)
          #expect(try applier.standing(of: next) == .at(updates.position(isNew ? 3 : 0)))
          if !isNew { try apply(next, from: 0, to: 3) }
        } else {
          isDone = calls.callCount < number
        }
        #expect(try TemporaryFile.bytes(path) == updates.file(at: 3))
        #expect(try TemporaryFile.names(besides: path) == ["image"])
      }
      number += 1
    }
    #expect(outcomes == [.untouched, .torn(at: UpdateNumber(3))])
  }
}
