extern const char *words[];
int shared_common;
int imported_word = 3;
int answer(int x) { return words[x & 1] ? 42 + shared_common : 0; }
