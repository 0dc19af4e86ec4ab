/* Exports a thousand variables. */
#include <awaitd/plugin.h>

#define VISIBLE __attribute__((visibility("default")))
#define ONE(name) \
    extern VISIBLE int name; \
    int name;
#define TEN(name) \
    ONE(name##0) \
    ONE(name##1) \
    ONE(name##2) \
    ONE(name##3) ONE(name##4) ONE(name##5) ONE(name##6) ONE(name##7) ONE(name##8) ONE(name##9)
#define HUNDRED(name) \
    TEN(name##0) \
    TEN(name##1) \
    TEN(name##2) \
    TEN(name##3) TEN(name##4) TEN(name##5) TEN(name##6) TEN(name##7) TEN(name##8) TEN(name##9)

HUNDRED(symbol_0)
HUNDRED(symbol_1)
HUNDRED(symbol_2)
HUNDRED(symbol_3)
HUNDRED(symbol_4)
HUNDRED(symbol_5)
HUNDRED(symbol_6)
HUNDRED(symbol_7)
HUNDRED(symbol_8)
HUNDRED(symbol_9)

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "many_symbols", .version = "1", .summary = "many_symbols, for the tests",
          .fiber = run);
