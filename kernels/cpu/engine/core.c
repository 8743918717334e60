//go:build cgo

#include <string.h>
#include "core.h"

const struct core *core_for(const struct isa *isa, struct conv_shape *s, const char *name) {
	for (const struct core *const *c = name ? isa->fast_cores : isa->cores; *c; c++)
		if ((!name || !strcmp((*c)->name, name)) && (*c)->fits(s)) {
			if ((*c)->widen)
				(*c)->widen(s);
			return *c;
		}
	return NULL;
}

int core_group(const struct core *c, const struct conv_shape *s) { return c->group(s); }

size_t core_pack_size(const struct core *c, const struct conv_shape *s) { return c->pack_size(s); }

size_t core_scratch_size(const struct core *c, const struct conv_shape *s, int nimg) { return c->scratch_size(s, nimg); }

void core_pack(const struct core *c, const struct conv_shape *s, float *dst, const float *w) {
	struct dense dense = {w, s->kb * LANES, s->cb * LANES, s->depthwise ? s->kb * LANES : 1, s->kernel * s->kernel, 0, 0, 0};
	for (int k = 0; k < s->kb; k++)
		for (int i = 0; i < (s->depthwise ? 1 : s->cb); i++)
			c->pack(s, dst, &dense, k, i);
}

void core_run(const struct core *c, const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
              const float *packed, float *scratch) {
	struct ahead none = {.count = 0};
	struct watch watch = watch_start(NULL, 0);
	c->run(s, nimg, out, in, packed, scratch, &none, &watch);
}

double isa_peak(const struct isa *isa) { return isa->peak(); }
