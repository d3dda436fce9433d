//# about: an image that was stripped
//# build: gcc clang | -O2 | -pie -s
//# matrix: none
//# refuse: imageWithoutSymbols strip
int main(void) { return EDIT; }
