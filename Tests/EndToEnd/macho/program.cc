// A program in C++, of which EDIT tells the states apart: what linkers may take from any object (inline functions, templates,
// virtual functions and their tables) is edited too. It needs no library.

struct Shape {
  int size;
  explicit Shape(int size) : size(size) {}
  virtual int area() const;
  virtual int corners() const { return EDIT >= 4 ? 6 : 4; }
  virtual ~Shape();
};

int Shape::area() const { return size + (EDIT >= 1) * 3; }
Shape::~Shape() {}

struct Square : Shape {
  explicit Square(int size) : Shape(size) {}
  int area() const override { return size * size + (EDIT >= 2 ? 5 : 0); }
};

template <typename Value>
__attribute__((noinline)) Value twice(Value value) {
#if EDIT >= 3
  return value + value + 1;
#else
  return value + value;
#endif
}

inline __attribute__((noinline)) int counted(int value) {
  static int calls = 0;
  calls += EDIT >= 5 ? 2 : 1;
  return value * 3 + calls;
}

namespace {
__attribute__((noinline)) int hidden(int value) { return value ^ (EDIT >= 6 ? 21 : 42); }
}

extern "C" __attribute__((noinline)) int measure(const Shape &shape) { return shape.area() * 7 + shape.corners(); }

extern "C" int result(int number) {
  Square square(number);
  Shape shape(number);
  return measure(square) + measure(shape) * 100 + twice(number) + counted(number) + hidden(number);
}

extern "C" int main() { return result(3); }

void operator delete(void *) noexcept {}
void operator delete(void *, unsigned long) noexcept {}
