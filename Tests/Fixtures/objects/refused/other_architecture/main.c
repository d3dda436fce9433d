//# about: an object of another architecture
//# build: clang | -O2 | -pie
//# matrix: none
//# edit flags: --target=aarch64-linux-gnu
//# refuse: wrongArchitecture x86-64
int other(int x);
int main(void) { return other(0); }
