extension LinkError: CustomStringConvertible {
  /// What, where, and what to do about it.
  public var description: String {
    var text = [object, symbol].compactMap { $0 }.joined(separator: ": ")
    text += text.isEmpty ? summary : ": \(summary)"
    if let address { text += " (at \(address))" }
    if let detail { text += ": \(detail)" }
    if let cause { text += ": \(cause)" }
    return remedy.map { "\(text)\n  \($0)" } ?? text
  }

  private var summary: String { words.summary }
  private var remedy: String? { words.remedy }

  private var words: (summary: String, remedy: String?) {
    switch code {
    case .fileExists: ("there is a file of that name already", "move it away, or name another with -o or -j")
    case .unreadableObject: ("it cannot be read as an object file", "compile it anew; `readelf -a` shows what it holds")
    case .notARelocatableObject:
      ("it is no relocatable object file", "give the .o file that the compiler wrote, not a linked program")
    case .wrongArchitecture:
      ("it is for another architecture than the image", "compile it for that: x86-64 and arm64 are known")
    case .linkTimeCode:
      ("it holds a compiler's intermediate code and no machine code", "compile it without -flto")
    case .imageWithoutSymbols:
      (
        "the image has no symbols, so that nothing in it can be found by name",
        "link it without -s, or adopt it before `strip`"
      )
    case .unsupportedRelocation: ("a relocation is of a kind that is not handled", nil)
    case .relocationOutOfRange: ("a relocation cannot reach its target", "compile with -fPIC")
    case .malformedRelocation: ("a relocation is damaged", "compile the object anew")
    case .undefinedSymbol:
      (
        "nothing defines it: no given object, not the image, none of its libraries",
        "give the object that defines it as well; a new library needs a restart of the program"
      )
    case .ambiguousSymbol: ("the name means more than one thing in the image", "give the objects of all of them")
    case .ambiguousLocal:
      ("it cannot be told which of the image's local symbols it is", "rename one of them, or build with -g")
    case .variableSizeChanged:
      (
        "the size of a variable changed, and the running program holds the old one",
        "keep the size and add a new variable, or restart the program"
      )
    case .constantGrew:
      (
        "a constant that other files may refer to has outgrown its room",
        "make it static, add the new part under another name, or restart the program"
      )
    case .variableKindChanged: ("data changed between read-only and writable", "restart the program")
    case .typeLayoutChanged:
      (
        "the layout of a type changed, and the running program holds values of the old one",
        "keep the layout (add a new type beside it), or restart the program"
      )
    case .foldedFunctionsDiverge:
      ("the linker folded two functions into one body, and now they differ", "link the image without --icf")
    case .tooShortForEntryStub:
      (
        "the function is too short for a jump to a new body",
        "build with -falign-functions=16, or with -fpatchable-function-entry=6"
      )
    case .newThreadLocal:
      ("a thread-local variable that the image does not have", "restart the program, or keep the value elsewhere")
    case .importedThreadLocal: ("it is a thread-local variable of a library, which is not handled", nil)
    case .newNeededLibrary:
      (
        "it is a library that the program does not load",
        "link the program with it and restart it; `record` takes objects"
      )
    case .directReferenceToImport:
      (
        "code refers to a library's variable as if it were the program's own, and the image has no copy of it",
        "compile with -fPIC, or with -mno-direct-extern-access"
      )
    case .initialValueWithoutFileBytes:
      (
        "it gets a first value other than zero, and the image file has no bytes for it (.bss)",
        "give it a new name, or restart the program"
      )
    case .duplicateDefinition: ("two of the given objects define it", "give each object once")
    case .constructorChanged: ("functions that run before main changed", "restart the program")
    case .sectionAnchors:
      (
        "code goes from one variable to another by their distance (GCC's -fsection-anchors), which is another in the image",
        "compile with -fno-section-anchors, or with -fdata-sections"
      )
    case .linkerSetChanged:
      ("the program walks the section as an array, which cannot change while it runs", "restart the program")
    case .resolverChanged:
      (
        "it was asked which function to take when the program started, and is not asked again",
        "restart the program"
      )
    case .variableSplit:
      (
        "the compiler keeps the variable in another form than before, and the running program holds the old one",
        "declare it volatile and build the program anew, or restart the program"
      )
    case .arenaFull: ("the arena is full", "adopt the image anew with more room: hcs-journal init --arena SIZE IMAGE")
    case .arenaDoesNotGrow:
      ("the arena of a Mach-O image does not grow", "make all of its room at once: hcs-journal init --arena SIZE IMAGE")
    case .noLoaderRoom:
      (
        "the image has no room left for what the loader must know",
        "adopt the image anew with more room: hcs-journal init --arena SIZE IMAGE"
      )
    case .disassembly: ("code cannot be decoded", nil)
    case .notAnImage: ("it is not a program that can be observed", "name the image that the compiler writes")
    case .otherImage:
      (
        "it is not what the journal's image has become",
        "name the image that the journal was made for, or make it a journal of its own: hcs-journal init --observe IMAGE"
      )
    case .imageChanging:
      ("it is being written all the time", "record it again once the compiler has ended its update")
    case .observedJournal:
      ("the journal is of an image that another linker rewrites", "hcs-journal record --observe IMAGE")
    case .preparedJournal:
      (
        "the journal is of an image whose updates are linked from objects",
        "hcs-journal record OBJECT…, or make another journal: hcs-journal init --observe IMAGE"
      )
    case .revertConflict:
      (
        "later updates stand in the way, and nothing was recorded",
        "take those back first (hcs-journal revert), or record the source without the edit"
      )
    case .nothingToRevert: ("there is nothing to take back", "hcs-journal log")
    case .objectFile: ("the image cannot be read or written", nil)
    case .journal: ("the journal does not answer", "hcs-journal verify")
    }
  }
}
