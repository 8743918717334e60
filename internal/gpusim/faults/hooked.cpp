//go:build cgo && linux && gpusim

#include "../machine/emulate.h"
#include "faults.h"

namespace {
#include "all.cu"
}

const bnas_kernel *bnas_faults(void) { return bnas_last_kernel; }
