//go:build cgo

// The kernels in AVX2.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi2,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,bmi2,popcnt")
#endif
#define ISA_SUFFIX avx2
#define ISA_NAME "avx2"
#define VW 8
#include "kernels.inc.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
