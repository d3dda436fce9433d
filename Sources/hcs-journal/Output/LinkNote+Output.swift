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
    case .linesUnread: "\(subject): its line information cannot be read; the update knows no lines of it"
    case .objectDiffers:
      "\(subject): not what the image was linked from; recorded, its differences will be an update"
    case .variableMoved:
      "\(subject): the compiler has moved this variable; at its new place a process begins with its first value"
    case .noUnwindTable:
      "\(subject): it has no sorted unwind table; exceptions, backtraces and cancelled threads will not get through new "
        + "bodies; link with --eh-frame-hdr"
    case .noCompactUnwind:
      "\(subject): exceptions and backtraces do not get through new bodies of a Mach-O image: nothing is added to its "
        + "__unwind_info"
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
