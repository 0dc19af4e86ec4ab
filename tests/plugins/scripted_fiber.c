/* A fiber that does as it is told. */
#include "scripted.h"

SCRIPTED_PLUGIN(.name = "scripted_fiber", .fiber = act);
