//# about: a function without room for a jump
//# give 1: tiny.S
//# refuse: tooShortForEntryStub tiny bytes
int tiny(int);
int main(void) { return tiny(0); }
