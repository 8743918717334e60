// Everything that is compiled once per instruction set, in one translation unit.
#include <time.h>
#include "simd.h"
#include "isa.h"
#include "tile.inc.h"
#include "direct.inc.h"
#include "conv1x1.inc.h"
#include "depthwise.inc.h"
#include "winograd.inc.h"

static const struct core *const cores[] = {&depthwise_core, &winograd_core, &conv1x1_core, &direct_core, NULL};

#include "form.inc.h"
#include "stats.inc.h"
#include "grad.inc.h"
#include "conv.inc.h"
#include "pooling.inc.h"
#include "op.inc.h"
#include "edge.inc.h"
#include "probe.inc.h"
#include "peak.inc.h"

const struct isa ISA(isa) = {
	ISA_NAME, cores, conv, conv_grad, op, op_grad, block, unblock, spatial_mean, covariance, fired, codes, agree, peak,
};
