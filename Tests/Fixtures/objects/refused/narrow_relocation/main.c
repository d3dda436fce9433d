//# about: a relocation of a kind that is not handled
//# give 1: odd.S
//# refuse: unsupportedRelocation odd R_X86_64_GOTOFF64
int odd(void);
int main(void) { return odd() & 0; }
