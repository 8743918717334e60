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

size_t core_pack_size(const struct core *c, const struct conv_shape *s) { return s->kb * c->block_size(s, s->cb); }

size_t core_scratch_size(const struct core *c, const struct conv_shape *s, int nimg) { return c->scratch_size(s, nimg); }

void core_pack(const struct core *c, const struct conv_shape *s, float *dst, const float *w) {
	struct dense dense = {w, s->kb * LANES, s->cb * LANES, s->depthwise ? s->kb * LANES : 1, s->kernel * s->kernel, 0, 0};
	for (int k = 0; k < s->kb; k++)
		for (int i = 0; i < (s->depthwise ? 1 : s->cb); i++)
			c->pack(s, s->kb, s->cb, dst, &dense, k, i);
}

void core_run(const struct core *c, const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
              const float *packed, float *scratch) {
	struct ahead none = {.count = 0};
	struct watch watch = watch_start(NULL, 0);
	struct panel panels[s->kb];
	const float *at[s->kb];
	struct packed all = {panels, lay_panels(c, &s->kb, 1, panels), s->kb, at, &s->cb};
	lay_blocks(c, s, packed, s->kb, s->cb, at);
	c->run(s, nimg, out, in, &all, scratch, &none, &watch);
}

int lay_panels(const struct core *c, const int *blocks, int n, struct panel *panels) {
	int count = 0;
	for (int i = 0, first = 0; i < n;) {
		int alone = blocks[i] == 1, left = alone ? 0 : blocks[i++];
		for (; alone && i < n && blocks[i] == 1; i++)
			left++;
		for (int nk; left; left -= nk, first += nk) {
			nk = next_panel(c->panel, left);
			panels[count++] = (struct panel){first, nk, alone && nk > 1};
		}
	}
	return count;
}

void lay_blocks(const struct core *c, const struct conv_shape *s, const float *packed, int kb, int cb, const float **at) {
	for (int k = 0; k < kb; k++)
		at[k] = packed + k * c->block_size(s, cb);
}

double isa_peak(const struct isa *isa) { return isa->peak(); }
