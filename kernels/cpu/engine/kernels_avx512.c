//go:build cgo

// The kernels in AVX512.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2,popcnt,prfchw"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2,popcnt,prfchw")
#endif
#define ISA_SUFFIX avx512
#define ISA_NAME "avx512"
#define VW 16
#include "kernels.inc.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
