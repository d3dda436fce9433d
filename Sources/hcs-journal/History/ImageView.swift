import Addressing
import Applier
import Journal
import ObjectFile

/// Where the image is, and at which update, for whoever asks of an address: as linked, in a process, in a core file.
struct ImageView {
  /// The process or core; nil for the image as linked.
  private(set) var name: String?
  private(set) var slide = Slide.zero
  /// Nil where neither process nor core tells.
  private var standing: TargetStanding?
  private(set) var threads: [ELFCore.Thread] = []

  init(store: JournalStore, pid: Int32?, core: String?, slide: UInt64?) throws {
    if let slide { self.slide = Slide(rawValue: slide) }
    if let pid {
      let glance = try ProcessGlance(pid, base: store.base)
      (name, self.slide, standing) = (glance.name, glance.slide, glance.standing)
    }
    if let core {
      let image = try CoreImage(Self.core(at: core), base: store.base)
      (name, self.slide, standing, threads) = (image.name, image.slide, image.standing, image.threads)
    }
  }

  private static func core(at path: String) throws(CommandError) -> ELFCore {
    do throws(ObjectFileError) {
      return try ELFCore(ELFFile(MappedFile(path: path)))
    } catch {
      throw CommandError(.unreadableCore, detail: "\(error)")
    }
  }

  /// The journal's own update of that digest, under its own number.
  func position(in store: JournalStore) throws -> TargetHeader.Position {
    guard let standing else { return try store.newestPosition() }
    do throws(JournalError) {
      return try store.position(digest: standing.position.digest)
    } catch {
      if error.code != .unknownDigest { throw error }
      throw ApplyError(.positionUnknown, target: name, found: standing.position.digest.bytes)
    }
  }

  var notes: [String] {
    guard case .torn(let position, let intent)? = standing else { return [] }
    return [
      "\(name ?? "the target") is torn on its way from \(position.number.title) to \(intent.destination.number.title): "
        + "code of both may be there"
    ]
  }

  func members(_ position: TargetHeader.Position) -> [(String, JSONValue?)] {
    var state: JSONValue?
    if case .torn? = standing { state = "torn" }
    return [
      ("target", name.map(JSONValue.string)), ("slide", .string("0x" + String(slide.rawValue, radix: 16))),
      ("position", position.json), ("state", state),
    ]
  }
}
