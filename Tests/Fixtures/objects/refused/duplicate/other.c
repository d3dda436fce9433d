int shared(void) { return EDIT - EDIT; }
