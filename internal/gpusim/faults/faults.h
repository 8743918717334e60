// The kernels of the tests in their two compilations.
#pragma once
#include "../machine/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif
const struct bnas_kernel *bnas_faults(void);
const struct bnas_kernel *bnas_faults_fast(void);
#ifdef __cplusplus
}
#endif
