import ObjectFile
import Testing

@Suite struct `Names of symbols` {
  @Test(arguments: [
    ("_ZN3net4conn4sendEi", "net::conn::send(int)"),
    ("_ZN2ns3fooEi.isra.0", "ns::foo(int) [clone .isra.0]"),
    ("_ZN3foo3bar17h0123456789abcdefE", "foo::bar"),
    ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
    ("$s4main3fooyyF", "main.foo() -> ()"),
    ("_$s4main3fooyyF", "main.foo() -> ()"),
    ("__ZN3net4conn4sendEi", "net::conn::send(int)"),
  ])
  func `what compilers encode is decoded`(encoded: String, decoded: String) {
    #expect(SymbolName.decoded(encoded) == decoded)
    #expect(SymbolName.readable(in: "call \(encoded)+0x4") == "call \(decoded)+0x4")
  }

  @Test(arguments: ["main", "", "_Z", "_", "$s", "_R", "_ZZZZ", "zlib_Z", "handle.part.0"])
  func `other names stay what they are`(name: String) {
    #expect(SymbolName.decoded(name) == nil)
    #expect(SymbolName.readable(name) == name)
  }

  @Test func `a name without end is not decoded`() {
    #expect(SymbolName.decoded("_Z" + String(repeating: "1a", count: 1 << 16)) == nil)
    #expect(SymbolName.readable("_ZN" + String(repeating: "N", count: 8000)).hasPrefix("_ZN"))
  }

  @Test(arguments: [
    (
      "_ZN3net4conn4sendEi", ["net::conn::send", "net::conn::send(int)", "_ZN3net4conn4sendEi"], ["send", "net::conn"]
    ),
    ("_ZN12_GLOBAL__N_13runEv", ["(anonymous namespace)::run", "(anonymous namespace)::run()"], ["run"]),
    ("_ZN1aclEi", ["a::operator()", "a::operator()(int)"], ["a::operator"]),
    ("_ZN3net4conn4sendEi.cold", ["net::conn::send"], ["net::conn::send(long)"]),
    ("$s4main3fooyyF", ["main.foo()", "main.foo"], ["foo"]),
    ("plain", ["plain"], ["plai", "plain()"]),
  ])
  func `people mean a name with or without its parameters`(name: String, right: [String], wrong: [String]) {
    for text in right {
      #expect(SymbolName.matches(name, text), "\(text)")
      #expect(name.contains(SymbolName.searchWord(of: text)), "\(text)")
    }
    for text in wrong { #expect(!SymbolName.matches(name, text), "\(text)") }
  }
}
