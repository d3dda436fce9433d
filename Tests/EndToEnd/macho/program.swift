/// A program in Embedded Swift, of which the conditions EDIT1, EDIT2, … tell the states apart: each holds from its edit on.
/// It allocates nothing, so that its functions run in an emulator without a library.

public struct Point {
  var x: Int
  var y: Int
}

enum Shape {
  case dot
  case line(Int)
  case box(Point)
}

protocol Measured {
  var size: Int { get }
}

extension Shape: Measured {
  var size: Int {
    switch self {
    case .dot: 1
    case .line(let length): length &* 3
    #if EDIT5
      case .box(let corner): corner.x &* corner.y &+ total
    #else
      case .box(let corner): corner.x &* corner.y
    #endif
    }
  }
}

final class Counter {
  var value: Int
  init(value: Int) { self.value = value }
  func step() { value &+= 1 }
}

var total = 3
#if EDIT4
  var turns = 11
#endif

@inline(never) func grow(_ by: Int) -> Int {
  #if EDIT1
    total &+= by &* 2
  #else
    total &+= by
  #endif
  #if EDIT4
    turns &+= 1
    return total ^ turns
  #else
    return total
  #endif
}

@inline(never) func measure<Some: Measured>(_ some: Some) -> Int {
  #if EDIT2
    return some.size &+ grow(1)
  #else
    return some.size
  #endif
}

#if EDIT3
  @inline(never) func fold(_ depth: Int) -> Int { depth > 1 ? fold(depth &- 1) &+ fold(depth &- 2) : depth }
#endif

@inline(never) func shape(_ kind: Int) -> Shape {
  switch kind % 3 {
  case 0: .dot
  case 1: .line(kind)
  default: .box(Point(x: kind, y: grow(kind)))
  }
}

@_cdecl("result") public func result(_ kind: Int) -> Int {
  let size = measure(shape(kind))
  #if EDIT6
    return size &* 5 ^ fold(kind & 7)
  #elseif EDIT3
    return size ^ fold(kind & 7)
  #else
    return size
  #endif
}

@_cdecl("main") public func entry() -> Int32 { Int32(truncatingIfNeeded: result(4) &+ result(5)) }
