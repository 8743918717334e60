//go:build cgo

// The kernels in four-wide vectors of the compiler's baseline: SSE2, NEON, or plain code.
#if defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
// Under AddressSanitizer only the tests of single cores run these kernels, where there are wider vectors. With -Og they compile in 0.4 of the time.
#pragma GCC optimize("Og")
#endif
#ifdef __aarch64__
#include <arm_neon.h>
#endif
#include <string.h>
#define ISA_SUFFIX portable
#define ISA_NAME "portable"
#define VW 4
#include "kernels.inc.h"
