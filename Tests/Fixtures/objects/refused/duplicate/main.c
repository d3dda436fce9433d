//# about: two given objects that define one function
//# edit flags: -DBOTH
//# refuse: duplicateDefinition shared
int shared(void);
#ifdef BOTH
int shared(void) { return EDIT; }
#endif
int main(void) { return shared(); }
