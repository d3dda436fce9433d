import ObjectFile
import Testing

@Suite struct `Layouts of types` {
  @Test(arguments: DWARFCompiler.all + DWARFCompiler.unusual.filter { !$0.options.contains("aarch64-linux-gnu") })
  func `every kind of type reads the same whoever wrote it`(_ compiler: DWARFCompiler) throws {
    let facts = try compiler.facts(everyKindOfType)
    for (name, layout) in expectedLayouts.sorted(by: { $0.key < $1.key }) {
      #expect(facts.layout(name).map(withoutDigests) == layout, "\(name)")
    }
    #expect(Set(facts.types.map(\.name)) == Set(expectedLayouts.keys))
    #expect(
      facts.layout("struct everything") == (try DWARFCompiler.one.facts(everyKindOfType)).layout("struct everything"))
  }

  @Test func `another machine's char has no sign`() throws {
    let compiler = DWARFCompiler(program: "clang", options: ["-target", "aarch64-linux-gnu", "-g"])
    let facts = try compiler.facts(everyKindOfType)
    #expect(facts.layout("struct everything")?.contains("name@56 [4][8]uchar1") == true)
    #expect(facts.type(named: "struct everything", in: 0)?.byteCount == 176)
  }

  @Test func `offsets and sizes are those the compiler computes with`() throws {
    let folder = try TemporaryFolder()
    let members = ["next", "len", "i", "inner", "p", "pp", "fp", "name", "callback", "handlers", "hidden", "flexible"]
    let prints = members.map { "printf(\"%zu\\n\", offsetof(struct everything, \($0)));" }.joined()
    let program =
      everyKindOfType + """

        #include <stddef.h>
        #include <stdio.h>
        int main(void) { \(prints) printf("%zu\\n", sizeof(struct everything)); return 0; }
        """
    _ = try folder.write(program, to: "main.c")
    try Tool.run("gcc", ["-g", "main.c", "-o", "main"], in: folder.path)
    let printed = try Tool.run("sh", ["-c", "./main"], in: folder.path).lines.compactMap { UInt64($0) }
    let facts = try #require(try DWARFFacts(ELFFile(MappedFile(path: folder.path + "/main"))))
    let type = try #require(facts.type(named: "struct everything", in: 0))
    for (member, offset) in zip(members, printed) {
      // `i` is in a union without a name, whose own offset counts.
      let text = member == "i" ? "; @\(offset) union" : "\(member)@\(offset) "
      #expect(type.layout.contains(text), "\(member)")
    }
    #expect(type.byteCount == printed.last)
  }

  @Test(arguments: DWARFCompiler.all)
  func `one source compiled twice has equal texts, and comments change none`(_ compiler: DWARFCompiler) throws {
    let first = try compiler.facts(everyKindOfType)
    let second = try compiler.facts("// moved down\n\n" + everyKindOfType)
    #expect(first.types == second.types)
    #expect(first.functions.map(\.prototype) == second.functions.map(\.prototype))
    #expect(first.variables.map(\.type) == second.variables.map(\.type))
  }

  @Test(arguments: DWARFCompiler.all)
  func `a change in a struct shows in what holds it by value and not in what points to it`(
    _ compiler: DWARFCompiler
  ) throws {
    let source = """
      struct inner { int a; COUNT b; };
      struct holder { int x; struct inner in; };
      struct pointer { struct inner *in; };
      struct holder h; struct pointer p; struct inner array[3];
      int use(void) { return h.x + p.in->a + array[1].a; }
      """
    let old = try compiler.facts(source, ["-DCOUNT=int"])
    let new = try compiler.facts(source, ["-DCOUNT=unsigned"])
    #expect(old.layout("struct inner") != new.layout("struct inner"))
    #expect(old.layout("struct holder") != new.layout("struct holder"))
    #expect(old.layout("struct pointer") == new.layout("struct pointer"))
    #expect(old.variable("h")?.type != new.variable("h")?.type)
    #expect(old.variable("array")?.type != new.variable("array")?.type)
    #expect(old.variable("p")?.type == new.variable("p")?.type)
    #expect(old.types.first { $0.name == "struct pointer" }?.references == ["struct inner"])
  }

  @Test func `a new enumerator changes the enum alone`() throws {
    let source = "enum e { A, B MORE }; struct s { enum e e; } s; int use(void) { return s.e; }"
    let old = try DWARFCompiler.one.facts(source, ["-DMORE="])
    let new = try DWARFCompiler.one.facts(source, ["-DMORE=,C"])
    #expect(old.layout("struct s") == new.layout("struct s"))
    #expect(old.layout("enum e") != new.layout("enum e"))
  }

  @Test func `two units may use one name for different types`() throws {
    let sources = [
      "struct node { int a; }; static struct node n; int one(void) { return n.a++; }",
      "struct node { long b; }; static struct node n; int two(void) { return n.b++; }",
      "struct node { int a; }; static struct node n; int three(void) { return n.a++; }",
    ]
    let facts = try #require(try DWARFFacts(DWARFCompiler.one.library(sources).image))
    #expect(facts.types.filter { $0.name == "struct node" }.map(\.units) == [[0, 2], [1]])
    #expect(facts.type(named: "struct node", in: 1)?.layout == "struct 8 {b@0 signed8}")
    #expect(facts.type(named: "struct node", in: 2)?.layout == "struct 4 {a@0 signed4}")
    #expect(facts.type(named: "struct absent", in: 0) == nil)
  }

  @Test(arguments: DWARFCompiler.all)
  func `types declared in functions are not listed, yet tell variables apart`(_ compiler: DWARFCompiler) throws {
    let source = """
      struct local { int outside; };
      struct local outside;
      int one(void) { struct local { FIELD; }; static struct local v; v.x++; return v.x + outside.outside; }
      """
    let old = try compiler.facts(source, ["-DFIELD=int x"])
    let new = try compiler.facts(source, ["-DFIELD=long y; int x"])
    #expect(old.types.map(\.name) == ["struct local"])
    #expect(old.types == new.types)
    let type = try #require(old.variable("v", in: "one")?.type)
    #expect(type.hasPrefix("struct one()::local 4 #"))
    #expect(type != new.variable("v", in: "one")?.type)
  }

  @Test func `arrays computed at run time and vectors have texts`() throws {
    let source = """
      typedef int v4 __attribute__((vector_size(16)));
      v4 vector; int matrix[2][3]; typedef int row[3]; row rows[2]; extern int open_ended[]; int open_ended[5];
      _Complex double c; __int128 big;
      int use(int n, int (*p)[n]) { return p[1][0] + vector[0]; }
      """
    for compiler in DWARFCompiler.all {
      let facts = try compiler.facts(source)
      #expect(facts.variable("vector")?.type == "vector[4]signed4")
      #expect(facts.variable("vector")?.byteCount == 16)
      #expect(facts.variable("matrix")?.type == "[2][3]signed4")
      #expect(facts.variable("rows")?.type == "[2][3]signed4")
      #expect(facts.variable("rows")?.byteCount == 24)
      #expect(facts.variable("open_ended")?.type == "[5]signed4")
      #expect(facts.variable("c")?.type == "complex16")
      #expect(facts.variable("big")?.type == "signed16")
      #expect(facts.function("use")?.prototype == "fn(signed4, *[]signed4) -> signed4", "\(compiler)")
    }
  }
}

/// A digest is checked by being equal everywhere; its value may be any.
private func withoutDigests(_ text: String) -> String {
  text.replacing(/#[0-9a-f]{16}/, with: "#")
}

private let everyKindOfType = """
  typedef unsigned int u32;
  typedef struct { int x, y; } point;
  typedef const point fixed_point;
  enum color { RED, GREEN = 5, BLUE = -1 };
  enum wide { LOW = 1, HIGH = 0xffffffffu };
  typedef enum { OFF, ON } power;
  struct unseen;
  struct bits { unsigned a : 3, b : 5; _Bool c : 1; int : 4; long d : 33; signed char e : 2; };
  struct everything {
    struct everything *next;
    volatile u32 len;
    union { int i; float f; };
    struct { short q; union { char r; double s; } t; } inner;
    point p, *pp;
    fixed_point *fp;
    char name[4][8];
    power (*callback)(struct everything *, const char *, ...);
    void (*handlers[3])(void);
    struct unseen *hidden;
    void *any;
    enum color tint;
    power state;
    long double ld;
    unsigned char raw;
    struct bits bits;
    int flexible[];
  };
  union both { struct everything *e; struct bits b; };
  struct everything *head;
  union both pair;
  enum color tint;
  enum wide wide;
  point origin;
  int use(struct everything *e) { return e->len + tint + wide + origin.x + pair.b.a + (head != 0); }
  """

private let expectedLayouts = [
  "typedef point": "struct 8 {x@0 signed4; y@4 signed4}",
  "enum color": "enum 4 {RED=0; GREEN=5; BLUE=-1}",
  "enum wide": "enum 4 {LOW=1; HIGH=4294967295}",
  "typedef power": "enum 4 {OFF=0; ON=1}",
  "struct bits": "struct 8 {a@0.0/3 unsigned4; b@0.3/5 unsigned4; c@1.0/1 bool1; d@1.5/33 signed8; e@5.6/2 char1}",
  "union both": "union 8 {e@0 *struct everything; b@0 struct bits 8 #}",
  "struct everything":
    "struct 176 {next@0 *struct everything; len@8 unsigned4; @12 union 4 {i@0 signed4; f@0 float4}; "
    + "inner@16 struct 16 {q@0 signed2; t@8 union 8 {r@0 char1; s@0 float8}}; p@32 typedef point 8 #; "
    + "pp@40 *typedef point; fp@48 *typedef point; name@56 [4][8]char1; "
    + "callback@88 *fn(*struct everything, *char1, ...) -> typedef power; handlers@96 [3]*fn() -> void; "
    + "hidden@120 *struct unseen; any@128 *void; tint@136 enum color 4; state@140 typedef power 4; ld@144 float16; "
    + "raw@160 uchar1; bits@168 struct bits 8 #; flexible@176 []signed4}",
]
