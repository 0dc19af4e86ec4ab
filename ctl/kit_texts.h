/*
 * The files in ctl/kit/ as texts. Their definitions are made while building.
 */
#ifndef AWAITCTL_KIT_TEXTS_H
#define AWAITCTL_KIT_TEXTS_H

extern const char kit_async_c[], kit_blocking_c[], kit_fiber_c[], kit_gitignore[], kit_head_c[],
    kit_makefile[], kit_params_c[], kit_readme_md[], kit_test_sh[];

#endif
