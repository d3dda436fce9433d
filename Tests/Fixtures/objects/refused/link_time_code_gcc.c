//# about: an object that holds gcc's intermediate code only
//# build: gcc | -O2 | -pie
//# matrix: none
//# edit flags: -flto
//# refuse: linkTimeCode -flto
int main(void) { return EDIT; }
