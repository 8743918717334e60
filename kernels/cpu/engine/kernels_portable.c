//go:build cgo

// The kernels in four-wide vectors of the compiler's baseline: SSE2, NEON, or plain code.
#include <string.h>
#define ISA_SUFFIX portable
#define ISA_NAME "portable"
#define VW 4
#include "kernels.inc.h"
