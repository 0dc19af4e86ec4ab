/* A thread that does as it is told. */
#include "scripted.h"

SCRIPTED_PLUGIN(.name = "scripted_blocking", .blocking = act);
