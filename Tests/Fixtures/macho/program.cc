inline int once() { static int n; return n++; }
template <class T> T pick(T a) { return a + once(); }
struct Base { virtual ~Base() {} virtual int f() { return pick(1); } };
struct Derived : Base { int f() override { return pick(2); } };
int raise(int x) { if (x) throw x; return 0; }
int use(Base *b) { try { return b->f() + raise(1); } catch (int &i) { return i; } }
Base *make() { return new Derived; }
struct Early { Early() { once(); } ~Early() { once(); } } early;
thread_local Early each;
Early *mine() { return &each; }
