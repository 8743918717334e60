//go:build cgo && linux && gpusim

#include <cmath>
#include <cstring>
#ifdef __x86_64__
#pragma GCC target("avx2,fma")
#endif
#define BNAS_FAST
#include "../machine/emulate.h"
#include "faults.h"

namespace {
#include "all.cu"
}

const bnas_kernel *bnas_faults_fast(void) { return bnas_last_kernel; }
