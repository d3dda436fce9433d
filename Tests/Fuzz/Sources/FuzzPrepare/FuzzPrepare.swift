import Driver
import ObjectFileWalk

@_cdecl("FuzzPrepare_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  fuzz(count, arguments) { bytes in
    var walk = PrepareWalk()
    walk.walk(bytes)
  }
}
