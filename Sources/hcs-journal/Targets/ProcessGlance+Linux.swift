#if os(Linux)
  import Addressing
  import Applier
  import Journal

  /// A look at a process that neither stops nor holds it: a debugger may be attached meanwhile.
  struct ProcessGlance {
    let name: String
    let slide: Slide
    let standing: TargetStanding

    init(_ pid: Int32, base: BaseImage) throws(ApplyError) {
      let process = try LinuxProcess(pid)
      let image = try process.mainImage(entryPoint: base.entryPoint)
      name = process.description
      slide = image.slide
      let header = Self.header(of: process, at: RuntimeAddress(base.arena.header.start, slide: image.slide))
      guard image.buildID == base.identity || header?.base == base.digest else {
        throw ApplyError(.identityMismatch, target: name, expected: base.identity, found: image.buildID ?? [])
      }
      if let header, header.base != base.digest {
        throw ApplyError(.foreignBase, target: name, expected: base.digest.bytes, found: header.base.bytes)
      }
      standing =
        header.map { header in
          header.intent.map { .torn(header.position, $0) } ?? .at(header.position)
        } ?? .at(base.position)
    }

    /// Nil where there is none: in a process of the image as linked, something else or nothing stands there.
    private static func header(of process: LinuxProcess, at address: RuntimeAddress) -> TargetHeader? {
      guard let bytes = try? process.read(address, TargetHeader.byteCount) else { return nil }
      return (try? TargetHeader.decode(bytes)).flatMap { $0 }
    }
  }
#endif
