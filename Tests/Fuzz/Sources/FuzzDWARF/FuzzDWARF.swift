import Driver
import ObjectFileWalk

@_cdecl("FuzzDWARF_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  fuzz(count, arguments) { bytes in
    var walk = DWARFFactsWalk()
    walk.walk(bytes)
  }
}
