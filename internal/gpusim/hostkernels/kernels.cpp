//go:build cgo && linux && gpusim

// The kernels with hooks at every load and store.
#include "machine/emulate.h"
#include "kernels.h"

namespace {
#include "all.cu"
}

const bnas_kernel *bnas_kernels(void) { return bnas_last_kernel; }
