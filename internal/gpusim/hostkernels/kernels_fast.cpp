//go:build cgo && linux && gpusim

// The kernels without hooks, for a processor with fused multiply-add. Nothing else may be compiled for that processor:
// the standard headers come first.
#include <cmath>
#include <cstring>
#ifdef __x86_64__
#pragma GCC target("avx2,fma")
#endif
#define BNAS_FAST
#include "machine/emulate.h"
#include "kernels.h"

namespace {
#include "all.cu"
}

const bnas_kernel *bnas_kernels_fast(void) { return bnas_last_kernel; }
