// Everything that is compiled once per instruction set, in one translation unit.
#include <time.h>
#include <stdint.h>
#include "simd.h"
#include "half.inc.h"
#include "isa.h"
#include "weight.h"
#include "ahead.inc.h"
#include "tile.inc.h"
#include "direct.inc.h"
#include "conv1x1.inc.h"
#include "depthwise.inc.h"
#include "winograd.inc.h"
#include "winograd4.inc.h"
#include "winograd8.inc.h"
#include "outer.inc.h"
#include "weight_direct.inc.h"
#include "weight_depthwise.inc.h"
#include "weight_winograd.inc.h"

static const struct core *const cores[] = {&depthwise_core, &winograd4_core, &conv1x1_core, &direct_core, NULL};
static const struct core *const fast_cores[] = {
	&depthwise_core, &winograd8_core, &winograd4_core, &conv1x1_core, &direct_core, NULL,
};
static const struct weight_core *const weight_cores[] = {
	&weight_depthwise_core, &weight_winograd_core, &weight_direct_core, NULL,
};

#include "form.inc.h"
#include "stats.inc.h"
#include "grad.inc.h"
#include "conv.inc.h"
#include "weight.inc.h"
#include "pooling.inc.h"
#include "op.inc.h"
#include "edge.inc.h"
#include "probe.inc.h"
#include "peak.inc.h"

const struct isa ISA(isa) = {
	ISA_NAME, cores, fast_cores, weight_cores, conv, conv_grad, weight_grad, weight_merge, op, op_grad, block, unblock, spatial_mean,
	covariance, products, states, agree, peak,
};
