// Calls of a single core, for benchmarks and tests. The engine calls cores in conv.inc.h.
#ifndef BNAS_CORE_H
#define BNAS_CORE_H
#include "isa.h"

// core_for returns the first core of isa that fits *s, and widens s. With a name it returns the core of
// that name, or NULL.
const struct core *core_for(const struct isa *isa, struct conv_shape *s, const char *name);
int core_group(const struct core *c, const struct conv_shape *s);
size_t core_pack_size(const struct core *c, const struct conv_shape *s);
size_t core_scratch_size(const struct core *c, const struct conv_shape *s, int nimg);
void core_pack(const struct core *c, const struct conv_shape *s, float *dst, const float *w);
void core_run(const struct core *c, const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
              const float *packed, float *scratch);
double isa_peak(const struct isa *isa);

// lay_panels lists the panels of n siblings of blocks[i] output blocks each, and returns their number. Siblings of one block share panels.
int lay_panels(const struct core *c, const int *blocks, int n, struct panel *panels);
// lay_blocks lists the weights from cb input blocks to each of kb output blocks that a core has packed together.
void lay_blocks(const struct core *c, const struct conv_shape *s, const float *packed, int kb, int cb, const float **at);
#endif
