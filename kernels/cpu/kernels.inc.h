// Everything that is compiled once per instruction set, in one translation unit.
#include "simd.h"
#include "isa.h"
#include "direct.inc.h"

static const struct core *const cores[] = {&direct_core, NULL};

const struct isa ISA(isa) = {ISA_NAME, cores};
