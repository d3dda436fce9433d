import Linker

extension LinkNote {
  var line: String {
    switch kind {
    case .layoutUnchecked:
      "\(subject): layout unchecked (no -g), and prototypes as well: callers not given go on as they were compiled"
    case .sectionIsAtom: "\(subject): a whole section is one atom; build with -ffunction-sections for smaller updates"
    case .constantMoved: "\(subject): the constant has moved; pointers to it that the program keeps lead to the old one"
    case .prototypeChanged:
      "\(subject): its type changed; callers that were not compiled anew go on calling the old one"
    case .firstValueChanged:
      "\(subject): its first value changed; running processes keep the value that they have"
    case .roomReused:
      "\(subject): the arena is full, and the new body takes the room of an old one that no kept update needs; processes "
        + "wait until no thread is in it"
    case .arenaGrows:
      "\(subject): the arena is full and grows: the file becomes longer, processes get the room mapped"
    case .arenaLow:
      "\(subject); when it is full, updates are refused: adopt the image anew with more room before (init --arena SIZE)"
    case .linesUnread: "\(subject): its line information cannot be read; the update knows no lines of it"
    case .objectDiffers:
      "\(subject): not what the image was linked from; recorded, its differences will be an update"
    case .variableMoved:
      "\(subject): the compiler has moved this variable; at its new place a process begins with its first value"
    case .resolverNotAsked:
      "\(subject): its resolver is in the section that is linked anew; running processes keep what it told them when "
        + "they started; build with -ffunction-sections, and a resolver that changed is refused"
    case .noUnwindTable:
      "\(subject): it has no sorted unwind table; exceptions, backtraces and cancelled threads will not get through new "
        + "bodies; link with --eh-frame-hdr"
    case .noCompactUnwind:
      "\(subject): it has no __unwind_info; exceptions and backtraces will not get through new bodies; compile with "
        + "-funwind-tables"
    case .frameUntold:
      "\(subject): only DWARF describes its frame; exceptions and backtraces will not get through its new body; with a frame "
        + "pointer (-fno-omit-frame-pointer) they mostly do"
    case .libraryUnknown:
      "\(subject): nothing describes this library; of its symbols updates can use those that the image imports already; "
        + "name an SDK, or the library's .tbd (--libraries, or SDKROOT)"
    case .unitsUnknown:
      "\(subject): it does not say which object its static functions and variables are of, so that two of one name are "
        + "refused; name the objects that it was linked from (--objects), or link objects built with -g"
    case .calleeRegisters:
      "\(subject): callers may rely on registers that a callee leaves alone (GCC -fipa-ra), and updates wait for "
        + "threads inside those that may; build with -fno-ipa-ra to be free of it"
    }
  }

  var json: JSONValue {
    .object([("kind", .string(kind.rawValue)), ("subject", .string(subject)), ("message", .string(line))])
  }
}
