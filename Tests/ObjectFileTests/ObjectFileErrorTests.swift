import Addressing
import ObjectFile
import Testing

struct `An object file error` {
  @Test(arguments: ObjectFileError.Code.allCases)
  func `names the file and a next step`(_ code: ObjectFileError.Code) {
    let text = ObjectFileError(code, file: "some/file.o").description
    #expect(text.hasPrefix("some/file.o: "))
    #expect(text.contains(". Next: "))
    #expect(!text.contains("%"))
  }

  @Test func `tells everything that was at hand`() {
    let error = ObjectFileError(
      .truncated, file: "a.o", offset: FileOffset(0x40), section: ".text", symbol: "main", detail: "3 of 4 bytes",
      cause: SystemCallFailure(call: "read", number: 5))
    #expect(
      error.description == """
        a.o: ends too early: 3 of 4 bytes, in section .text, symbol main, at file offset 0x40 \
        (read: Input/output error). Next: `readelf -aW a.o`, and build the file again
        """)
  }
}
