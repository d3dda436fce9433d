public struct Point {
  public var x: Int
  public var y: Int
}

public func total(_ point: Point) -> Int { point.x &+ point.y }

public final class Box {
  public var value: Int
  public init(_ value: Int) { self.value = value }
}

public func boxed(_ n: Int) -> Box { Box(n) }

@_cdecl("main")
public func start() -> Int32 { Int32(truncatingIfNeeded: total(Point(x: 1, y: boxed(2).value))) }
