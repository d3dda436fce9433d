int callee(int x) { return x * 2 + (x > 900 ? x % 7 : 0) + (EDIT >= 2 ? 10 : 0); }
