//# about: an object that is LLVM bitcode
//# build: clang | -O2 | -pie
//# matrix: none
//# edit flags: -flto
//# refuse: linkTimeCode -flto
int main(void) { return EDIT; }
