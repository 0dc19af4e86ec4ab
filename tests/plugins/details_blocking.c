/* Details told on a thread. */
#include "details.h"

AW_PLUGIN(.name = "details_blocking", .version = "1", .summary = "details_blocking, for the tests",
          .params = params, .params_size = sizeof(struct params), .blocking = tell);
