/* A shared object that is no plugin. */
extern __attribute__((visibility("default"))) const int some_other_symbol;
const int some_other_symbol = 1;
