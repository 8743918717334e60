// The product's kernels in their two compilations.
#pragma once
#include "machine/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif
const struct bnas_kernel *bnas_kernels(void);
const struct bnas_kernel *bnas_kernels_fast(void);
#ifdef __cplusplus
}
#endif
