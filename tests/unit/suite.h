/*
 * How every unit test ends: runs the suite and tells by the exit status whether all is well. Check
 * runs each test in a process of its own; CK_FORK=no keeps them in one, for debuggers.
 */
#ifndef AWAITD_TESTS_SUITE_H
#define AWAITD_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

static inline int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
