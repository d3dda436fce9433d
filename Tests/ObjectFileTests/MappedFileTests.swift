import Foundation
import ObjectFile
import Testing

struct `A mapped file` {
  @Test func `its bytes are those of the file, mapped or copied`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("twelve bytes", to: "file")
    #expect(try MappedFile(path: path).view.allBytes == Array("twelve bytes".utf8))
    #expect(try MappedFile(copying: path).view.allBytes == Array("twelve bytes".utf8))
    #expect(try MappedFile(path: path).path == path)
  }

  @Test func `an empty file is an empty view`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("", to: "empty")
    #expect(try MappedFile(path: path).view.isEmpty)
    #expect(try MappedFile(copying: path).view.isEmpty)
  }

  @Test func `a copy does not see that the file is rewritten and truncated`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(String(repeating: "a", count: 10_000), to: "file")
    let copy = try MappedFile(copying: path)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.write(contentsOf: Data("b".utf8))
    try handle.truncate(atOffset: 1)
    #expect(copy.view.allBytes == Array(repeating: 0x61, count: 10_000))
  }

  @Test func `a missing file is refused with the reason of the system`() {
    let error = expectCode(.unreadable) { () throws(ObjectFileError) in _ = try MappedFile(path: "/nowhere/at/all") }
    #expect((error?.cause as? SystemCallFailure)?.call == "open")
    #expect((error?.cause as? SystemCallFailure)?.number == 2)
  }

  @Test func `a folder, a device and a pipe are refused without waiting`() throws {
    let folder = try TemporaryFolder()
    let pipe = folder.path + "/pipe"
    try Tool.run("mkfifo", [pipe])
    for path in [folder.path, "/dev/zero", pipe] {
      expectCode(.notARegularFile) { () throws(ObjectFileError) in _ = try MappedFile(path: path) }
    }
  }
}
