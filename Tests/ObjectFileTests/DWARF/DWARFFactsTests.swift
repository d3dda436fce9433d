import Addressing
import ObjectFile
import Testing

@Suite struct `Functions and variables of an object` {
  @Test(arguments: DWARFCompiler.all + DWARFCompiler.unusual)
  func `prototypes name structs and resolve typedefs`(_ compiler: DWARFCompiler) throws {
    let facts = try compiler.facts(program)
    #expect(facts.function("plus")?.prototype == "fn(signed4, ...) -> signed4")
    #expect(facts.function("run")?.prototype == "fn(*struct conn, typedef mode, union value) -> float8")
    #expect(facts.function("run")?.references == ["struct conn", "typedef mode", "union value"])
    #expect(facts.function("helper")?.prototype == "fn(*struct conn, typedef point) -> signed4")
    #expect(facts.function("square")?.prototype == "fn(signed4) -> signed4")
    #expect(facts.function("other")?.prototype == "fn() -> signed4")
  }

  @Test(arguments: DWARFCompiler.all + DWARFCompiler.unusual)
  func `functions stand where their symbols do`(_ compiler: DWARFCompiler) throws {
    let object = try compiler.object(program)
    let facts = try #require(try DWARFFacts(object))
    let functions = facts.functions.filter { $0.location != nil }
    #expect(functions.count >= 4)
    for function in functions {
      let symbol = try #require(try object.symbol(named: function.name, at: function.location))
      #expect(symbol.byteCount == function.byteCount, "\(function.name)")
      #expect(function.isExternal == (symbol.binding == .global), "\(function.name)")
    }
  }

  @Test(arguments: DWARFCompiler.all + DWARFCompiler.unusual)
  func `variables stand where their symbols do`(_ compiler: DWARFCompiler) throws {
    let object = try compiler.object(program)
    let facts = try #require(try DWARFFacts(object))
    for variable in facts.variables {
      let symbol = try #require(try object.symbol(named: nil, at: variable.location), "\(variable.name)")
      #expect(symbol.byteCount == variable.byteCount, "\(variable.name)")
      #expect(variable.isExternal == (symbol.binding == .global), "\(variable.name)")
      #expect(variable.isThreadLocal == (symbol.kind == .threadLocal), "\(variable.name)")
    }
    #expect(facts.variable("value")?.type.hasPrefix("union value 8 #") == true)
    #expect(facts.variable("head")?.type == "*struct conn")
    // clang tells no place of a thread-local variable for aarch64.
    if compiler.options.contains("aarch64-linux-gnu") { return }
    #expect(facts.variables.contains { $0.isThreadLocal && $0.name == "remembered" && $0.isExternal })
    #expect(facts.variables.contains { $0.isThreadLocal && $0.name == "own" && !$0.isExternal })
  }

  @Test(arguments: DWARFCompiler.all + DWARFCompiler.unusual)
  func `static locals of one name are told apart by their function and block`(_ compiler: DWARFCompiler) throws {
    let facts = try compiler.facts(program)
    let inHelper = facts.variables.filter { $0.name == "n" && $0.enclosingFunction == "helper" }
    #expect(inHelper.count == 3)
    #expect(Set(inHelper.map(\.location)).count == 3)
    #expect(inHelper.map(\.declarationLine).sorted() == [14, 15, 16])
    #expect(facts.variables.filter { $0.name == "n" && $0.enclosingFunction == "other" }.count == 1)
    #expect(facts.variables.filter { $0.name == "calls" }.map(\.enclosingFunction) == ["square"])
    #expect(facts.variables.filter { $0.name == "counter" }.map(\.enclosingFunction) == [nil])
  }

  @Test func `gcc's blocks are counted in the order of the source`() throws {
    let facts = try DWARFCompiler.one.facts(program)
    let inHelper = facts.variables.filter { $0.name == "n" && $0.enclosingFunction == "helper" }
    #expect(inHelper.map(\.blockOrder) == [0, 1, 2])
    #expect(facts.variable("deep", in: "helper")?.blockOrder == 3)
  }

  @Test(arguments: DWARFCompiler.all)
  func `declarations tell file and line`(_ compiler: DWARFCompiler) throws {
    let facts = try compiler.facts(program)
    let run = try #require(facts.function("run"))
    #expect(run.declarationFile?.hasSuffix("/source.c") == true)
    #expect(run.declarationLine == 23)
    #expect(facts.variable("counter")?.declarationLine == 8)
    #expect(facts.units.map(\.name) == ["source.c"])
    #expect(facts.units[0].producer?.contains(compiler.program == "gcc" ? "GNU C" : "clang") == true)
    #expect(facts.units[0].directory.map { run.declarationFile == $0 + "/source.c" } == true)
  }

  @Test func `an inlined function without a body is a fact without a place`() throws {
    let compiler = DWARFCompiler(program: "gcc", options: ["-gdwarf-5", "-O2"])
    let square = try #require(try compiler.facts(program).function("square"))
    #expect(square.location == nil)
    #expect(square.isInlined)
    #expect(try DWARFCompiler.one.facts(program).function("square")?.isInlined == false)
  }

  @Test func `clones and cold parts stand under the name of the source`() throws {
    let source = """
      void abort(void); int printf(const char *, ...);
      static int __attribute__((noinline)) clone(int a, int b) { if (a < 0) { printf("%d", a); abort(); } return a * b; }
      int one(int a) { return clone(a, 3); }
      int two(int a) { return clone(a + 1, 3); }
      """
    let compiler = DWARFCompiler(program: "gcc", options: ["-gdwarf-5", "-O3"])
    let object = try compiler.object(source)
    let facts = try #require(try DWARFFacts(object))
    let clone = try #require(facts.function("clone"))
    #expect(clone.prototype == "fn(signed4, signed4) -> signed4")
    let symbol = try #require(try object.symbol(named: nil, at: clone.location))
    #expect(try object.symbolTable(.static)?.name(of: symbol).hasPrefix("clone.") == true)
    #expect(symbol.byteCount == clone.byteCount)
  }

  @Test func `a nested function knows the one around it`() throws {
    let source = """
      int outer(int x) { int inner(int y) { static int n; return x + y + n++; } return inner(1) + inner(2); }
      """
    let facts = try DWARFCompiler.one.facts(source)
    let inner = try #require(facts.function("inner") ?? facts.functions.first { $0.name.hasSuffix("inner") })
    #expect(inner.parent.map { facts.functions[$0].name } == "outer")
    #expect(facts.variables.first?.enclosingFunction == "inner")
  }
}

@Suite struct `Functions and variables of an image` {
  @Test(arguments: DWARFCompiler.all)
  func `an image tells what its objects tell`(_ compiler: DWARFCompiler) throws {
    let second = program.replacing("run(", with: "again(").replacing("other(", with: "another(")
      .replacing("plus(", with: "minus(").replacing("tls_", with: "tls2_").replacing(
        "int counter", with: "long counter"
      )
      .replacing("remembered", with: "forgotten").replacing("head", with: "tail").replacing("value;", with: "worth;")
      .replacing("value.", with: "worth.").replacing("origin", with: "corner").replacing("shared", with: "parted")
    let (image, objects) = try compiler.library([program, second])
    let linked = try #require(try DWARFFacts(image))
    let apart = try objects.map { try #require(try DWARFFacts($0)) }
    #expect(linked.units.map(\.name) == apart.flatMap { $0.units.map(\.name) })
    #expect(linked.functions.map(\.name) == apart.flatMap { $0.functions.map(\.name) })
    #expect(linked.functions.map(\.prototype) == apart.flatMap { $0.functions.map(\.prototype) })
    #expect(linked.functions.map(\.byteCount) == apart.flatMap { $0.functions.map(\.byteCount) })
    #expect(linked.variables.map(\.type) == apart.flatMap { $0.variables.map(\.type) })
    #expect(linked.variables.map(\.enclosingFunction) == apart.flatMap { $0.variables.map(\.enclosingFunction) })
    #expect(Set(linked.types.map(\.layout)) == Set(apart.flatMap { $0.types.map(\.layout) }))
    for function in linked.functions where function.location != nil {
      #expect(try image.symbol(named: function.name, at: function.location) != nil, "\(function.name)")
    }
    for variable in linked.variables {
      let kind: ELFSymbolKind = variable.isThreadLocal ? .threadLocal : .object
      #expect(try image.symbol(named: nil, at: variable.location, kind) != nil, "\(variable.name)")
    }
  }

  @Test(.enabled(if: Tool.isInstalled("ld.lld")), arguments: DWARFCompiler.all)
  func `what the linker drops has no place`(_ compiler: DWARFCompiler) throws {
    let source = """
      static int dropped_counter = 3; __attribute__((visibility("hidden"))) int dropped(void) { return dropped_counter++; }
      int kept(void) { static int n = 1; return n++; }
      """
    let (image, _) = try compiler.library([source], ["-Wl,--gc-sections", "-fuse-ld=lld"])
    let facts = try #require(try DWARFFacts(image))
    #expect(facts.function("kept")?.location != nil)
    #expect(facts.function("dropped")?.location == nil)
    #expect(facts.function("dropped")?.prototype == "fn() -> signed4")
    #expect(facts.variable("dropped_counter") == nil)
    #expect(facts.variable("n", in: "kept") != nil)
  }
}

@Suite struct `Functions and variables after link-time optimization` {
  @Test(
    arguments: [
      ["gcc", "-flto", "-O2"], ["gcc", "-flto", "-O0"], ["clang", "-flto", "-O1"], ["clang", "-flto=thin", "-O2"],
    ]
    .filter { Tool.isInstalled($0[0]) && Tool.isInstalled("ld.lld") })
  func `what one unit says of another's entries is followed`(_ command: [String]) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(program, to: "one.c")
    _ = try folder.write(
      """
      struct conn { struct conn *next; unsigned len; }; union value { struct conn *c; double d; };
      double run(struct conn *c, int m, union value u); int plus(int a, ...);
      int main(int count, char **words) {
        static int calls; struct conn c = { 0, count }; union value u = { 0 };
        return (int)run(&c, 1, u) + plus(calls++);
      }
      """, to: "two.c")
    let linker = command[0] == "clang" ? ["-fuse-ld=lld"] : []
    try Tool.run(
      command[0], Array(command.dropFirst()) + linker + ["-g", "one.c", "two.c", "-o", "program"], in: folder.path)
    let image = try ELFFile(MappedFile(path: folder.path + "/program"))
    let facts = try #require(try DWARFFacts(image))
    let main = try #require(facts.functions.first { $0.name == "main" && $0.location != nil })
    #expect(main.prototype == "fn(signed4, **char1) -> signed4")
    for function in facts.functions where function.location != nil {
      #expect(try image.symbol(named: function.name, at: function.location) != nil, "\(function.name)")
    }
    for variable in facts.variables where !variable.isThreadLocal {
      #expect(try image.symbol(named: nil, at: variable.location, .object) != nil, "\(variable.name)")
    }
    #expect(facts.variables.contains { $0.name == "calls" && $0.enclosingFunction == "main" })
    #expect(facts.functions.contains { $0.prototype == "fn(*struct conn, typedef mode, union value) -> float8" })
  }
}

@Suite struct `Debug information of other languages` {
  @Test func `namespaces and classes qualify the names of C++`() throws {
    let source = """
      namespace app { struct Base { virtual ~Base() {} int a; static int shared; };
        struct Derived : Base { struct Inner { char c; } in; int f(int x) { static int n; return x + n++ + in.c; } }; }
      int app::Base::shared = 2;
      template <class T> struct Box { T value; };
      Box<app::Derived> box;
      int use(app::Derived *d) { return d->f(1) + box.value.a + app::Base::shared; }
      """
    for program in ["g++", "clang++"] where Tool.isInstalled(program) {
      for version in ["-gdwarf-4", "-gdwarf-5"] {
        let facts = try DWARFCompiler(program: program, options: [version]).facts(source, as: "source.cc")
        let derived = try #require(facts.layout("struct app::Derived"))
        // One definition rule: what stands for a class held by value does not depend on whether the unit describes it.
        #expect(derived == "struct 16 {@0 struct app::Base; in@12 struct app::Derived::Inner}")
        #expect(facts.layout("struct app::Base")?.contains("a@8 signed4") == true)
        #expect(facts.layout("struct app::Base")?.contains("shared") == false)
        #expect(facts.variables.contains { $0.linkageName == "_ZN3app4Base6sharedE" })
        #expect(facts.functions.contains { $0.linkageName == "_ZN3app7Derived1fEi" })
        #expect(facts.function("use")?.prototype == "fn(*struct app::Derived) -> signed4")
      }
    }
  }

  @Test(
    arguments: [
      ["rustc", "-g", "--crate-type=lib", "--emit=obj=object", "source.rs"],
      ["swiftc", "-g", "-emit-object", "-parse-as-library", "source.swift", "-o", "object"],
      ["swiftc", "-g", "-O", "-wmo", "-emit-object", "-parse-as-library", "source.swift", "-o", "object"],
    ].filter { Tool.isInstalled($0[0]) })
  func `objects of Rust and Swift are read to the end`(_ command: [String]) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(rust, to: "source.rs")
    _ = try folder.write(swift, to: "source.swift")
    try Tool.run(command[0], Array(command.dropFirst()), in: folder.path)
    let object = try ELFFile(MappedFile(path: folder.path + "/object"))
    let facts = try #require(try DWARFFacts(object))
    #expect(facts.functions.contains { $0.location != nil })
    for function in facts.functions where function.location != nil {
      #expect(try object.symbol(named: nil, at: function.location) != nil, "\(function.name)")
    }
    #expect(!facts.types.isEmpty)
  }
}

extension ELFFile {
  /// The symbol of that name, or the name with a compiler's suffix, at a place; of any name where none is asked for.
  func symbol(named name: String?, at location: DWARFLocation?, _ kind: ELFSymbolKind? = nil) throws -> ELFSymbol? {
    let symbols = try #require(try symbolTable(.static))
    return try symbols.first { symbol in
      guard symbol.kind == kind ?? symbol.kind, [.function, .object, .threadLocal].contains(symbol.kind) else {
        return false
      }
      switch location {
      case .section(let index, let offset):
        guard symbol.place == .section(index), symbol.value == offset else { return false }
      case .address(let address): guard symbol.value == address.rawValue else { return false }
      default: return false
      }
      guard let name else { return true }
      let actual = try symbols.name(of: symbol)
      return actual == name || actual.hasPrefix(name + ".")
    }
  }
}

private let program = """
  typedef struct { int x, y; } point;
  typedef enum { OFF, ON } mode;
  struct conn { struct conn *next; unsigned len; };
  union value { struct conn *c; double d; };
  __thread int remembered = 4;
  static __thread long own;
  union value value; struct conn *head; point origin = { 1, 2 };
  static int counter = 3;
  int shared_one;
  static inline int square(int x) { static int calls = 1; return x * x + calls++; }
  int plus(int a, ...) { return a; }
  static int __attribute__((noinline)) helper(const struct conn *c, point p) {
    int sum = 0;
    static int n = 1;
    { static int n = 2; n++; sum += n; }
    { static int n = 3; n += 2; sum += n; { static int deep = 5; deep++; sum += deep; } }
    return n++ + c->len + p.x + sum;
  }
  int other(void) {
    static int n = 9;
    return n++ + square(counter++);
  }
  double run(struct conn *c, mode m, union value u) {
    own++; remembered++;
    return helper(c, origin) + other() + value.d + square(m) + u.d + shared_one + (head != 0);
  }
  """

private let rust = """
  use std::collections::HashMap;
  pub enum Shape { Circle(f64), Square { side: u32 }, Empty }
  pub struct Pair<T> { pub a: T, pub b: Option<Box<T>> }
  static mut COUNT: u32 = 3;
  pub fn area(s: &Shape, p: Pair<u8>) -> f64 {
      unsafe { COUNT += 1; }
      match s { Shape::Circle(r) => r * r, Shape::Square { side } => (*side * *side) as f64, Shape::Empty => p.a as f64 }
  }
  pub fn count(words: &[&str]) -> HashMap<String, usize> {
      let mut m = HashMap::new();
      for w in words { *m.entry(w.to_string()).or_insert(0) += 1; }
      m
  }
  """

private let swift = """
  public struct Point { public var x = 1.0, y = 2.0 }
  public enum Shape { case circle(Double), square(side: Int), none }
  public func total(_ points: [Point]) -> Double { points.reduce(0) { $0 + $1.x + $1.y } }
  public final class Box<T> { public var value: T; public init(_ value: T) { self.value = value } }
  public func boxed(_ n: Int, _ s: Shape) -> Box<String> { Box("number \\(n) \\(s)") }
  """
