import Driver
import ObjectFileWalk

@_cdecl("FuzzELF_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  fuzz(count, arguments) { bytes in
    var walk = ELFWalk()
    walk.walk(bytes)
  }
}
