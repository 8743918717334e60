// The choice of an instruction set at run time.
#ifndef BNAS_ISA_H
#define BNAS_ISA_H
#include "engine.h"

// isa_best returns the widest instruction set that this processor has; isa_named returns that of a name
// ("avx512", "avx2", "portable"), or NULL if the name is unknown or the processor lacks it.
const struct isa *isa_best(void);
const struct isa *isa_named(const char *name);
#endif
