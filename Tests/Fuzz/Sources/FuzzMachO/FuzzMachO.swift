import Driver
import ObjectFileWalk

@_cdecl("FuzzMachO_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  fuzz(count, arguments) { bytes in
    var walk = MachOWalk()
    walk.walk(bytes)
  }
}
