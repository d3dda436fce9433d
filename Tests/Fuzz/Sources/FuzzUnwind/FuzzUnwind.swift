import Driver
import ObjectFileWalk

@_cdecl("FuzzUnwind_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  fuzz(count, arguments) { bytes in
    var walk = UnwindWalk()
    walk.walk(bytes)
  }
}
