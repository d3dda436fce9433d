/// A symbol that an image offers to others, as its export trie has it (`<mach-o/loader.h>`, EXPORT_SYMBOL_FLAGS_*).
public struct MachOExport: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    /// In bytes from the image's header; of an absolute symbol, its value.
    case offset(UInt64)
    /// A stub in this image, and the function that finds what the stub is to call; from the image's header both.
    case resolver(stub: UInt64, resolver: UInt64)
    /// A symbol of another image; an empty name is the exported one.
    case reexport(library: UInt64, name: String)
  }

  public struct Flags: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let threadLocal = Flags(rawValue: 0x01)
    public static let absolute = Flags(rawValue: 0x02)
    public static let weakDefinition = Flags(rawValue: 0x04)
    public static let reexport = Flags(rawValue: 0x08)
    public static let stubAndResolver = Flags(rawValue: 0x10)

    /// All that are known; dyld refuses others as well.
    static let known: Flags = [.threadLocal, .absolute, .weakDefinition, .reexport, .stubAndResolver]
  }

  public var name: String
  public var flags: Flags
  public var place: Place

  public init(name: String, flags: Flags = [], place: Place) {
    self.name = name
    self.flags = flags
    self.place = place
  }
}
