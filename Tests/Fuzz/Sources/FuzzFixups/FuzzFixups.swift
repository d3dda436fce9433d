import Driver
import ObjectFileWalk

@_cdecl("FuzzFixups_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  fuzz(count, arguments) { bytes in
    var walk = FixupsWalk()
    walk.walk(bytes)
  }
}
