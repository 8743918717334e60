//go:build cgo

#include "engine.h"
#include "isa.h"
#include "core.h"
#include "entry.h"
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

void choose_core(const struct isa *isa, struct conv_job *j, int apart, int fast) {
	const struct core *const *c = fast ? isa->fast_cores : isa->cores;
	while (!(*c)->fits(&j->shape))
		c++;
	j->core = *c;
	if (j->core->widen)
		j->core->widen(&j->shape);
	const struct conv_shape *s = &j->shape;
	j->group = j->core->group(s);
	j->list = ((size_t)j->group * (s->cb + s->kb) * sizeof(float *) / sizeof(float) + LANES - 1) / LANES * LANES;
	j->pad = (size_t)j->group * s->cb * s->ph * s->pw * LANES;
	j->out = apart ? (size_t)j->group * s->kb * s->h * s->w * LANES : 0;
	j->scratch = (j->core->scratch_size(s, j->group) + LANES - 1) / LANES * LANES;
}

size_t pack_floats(const struct conv_job *j, int kb, int cb) { return kb * j->core->block_size(&j->shape, cb); }

void choose_weight_core(const struct isa *isa, struct weight_job *j) {
	enum { SMALL = 1 << 15, LARGEST = 1 << 24 }; // floats
	const struct conv_shape *s = &j->conv.shape;
	const struct weight_core *const *c = isa->weight_cores;
	while (!(*c)->fits(s))
		c++;
	j->core = *c;
	j->size = j->core->size(s);
	j->part = j->core->part(s);
	if (j->part > s->kb)
		j->part = s->kb;
	j->least = j->size < SMALL ? 4 : 8;
	j->chunks = 32;
	while (j->chunks > 1 && j->chunks * j->size > LARGEST)
		j->chunks /= 2;
	struct conv_shape part = *s;
	part.kb = j->part;
	j->pad = (size_t)s->cb * s->ph * s->pw * LANES;
	j->dy = (size_t)part.kb * s->h * s->w * LANES;
	j->scratch = j->core->scratch_size(&part);
}

int weight_joins(const struct weight_job *j, const struct conv_job *g) {
	const struct conv_shape *s = &j->conv.shape;
	return g->spread == 1 && j->part == s->kb && g->y0 >= 0 && g->x0 >= 0 &&
	       g->y0 + s->h <= g->shape.ph && g->x0 + s->w <= g->shape.pw;
}

// Large memory is a mapping of its own. malloc would keep it after free, in the arena of the thread that asked for it, where no other
// thread finds it. The sanitizer sees the ends of what malloc gives alone.
#if defined(MADV_HUGEPAGE) && !defined(__SANITIZE_ADDRESS__)
#define MAPPED
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef MAPPED
#endif
#endif
#ifdef MAPPED
enum { HUGE_PAGE = 2 << 20 };

static size_t mapped(size_t n) { return (n * sizeof(float) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

static float *map_floats(size_t n) {
	const size_t bytes = mapped(n);
	char *all = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return NULL;
	const size_t before = (HUGE_PAGE - (size_t)all % HUGE_PAGE) % HUGE_PAGE;
	if (before)
		munmap(all, before);
	munmap(all + before + bytes, HUGE_PAGE - before);
	madvise(all + before, bytes, MADV_HUGEPAGE);
	return (float *)(all + before);
}
#endif

float *new_floats(size_t n) {
#ifdef MAPPED
	if (n * sizeof(float) >= HUGE_PAGE)
		return map_floats(n);
#endif
	void *p = NULL;
	return posix_memalign(&p, 64, n * sizeof(float)) ? NULL : p;
}

void free_floats(float *p, size_t n) {
#ifdef MAPPED
	if (n * sizeof(float) >= HUGE_PAGE) {
		if (p)
			munmap(p, mapped(n));
		return;
	}
#endif
	free(p);
}

// The pairs of an output and an input block are the items of a loop; of a depthwise convolution the output blocks.
struct pack_args {
	const struct place *at;
	const struct conv_job *job;
	float *dst;
	struct dense weights;
	int kb, cb;  // of all weights in dst
	int across; // the input blocks that are items
};

static void pack_body(void *arg, struct pool *pool, int thread) {
	const struct pack_args *a = arg;
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int i; (i = pool_next(pool, thread)) >= 0;)
		a->job->core->pack(&a->job->shape, a->kb, a->cb, a->dst, &a->weights, i / a->across, a->weights.c0 + i % a->across);
	watch_lap(&watch, PHASE_WEIGHTS);
}

void run_pack(const struct place *at, const struct conv_job *j, float *dst, int kb, int cb, const struct dense *dense, int across, const float *w) {
	struct pack_args a = {at, j, dst, *dense, kb, cb, j->shape.depthwise ? 1 : across};
	a.weights.w = w;
	pool_run(at->pool, kb * a.across, pack_body, &a);
}

void run_conv(const struct isa *isa, const struct place *at, const struct conv_job *j, const struct load *loads,
              int nloads, const struct term *terms, const struct out *outs, int nouts, int rows, const float *const *packs) {
	const struct conv_shape *s = &j->shape;
	struct panel panels[s->kb];
	const float *blocks[s->kb];
	int kb[nouts];
	for (int o = 0, k = 0; o < nouts; k += kb[o++])
		lay_blocks(j->core, s, packs[o], kb[o] = outs[o].cb, s->cb, blocks + k);
	struct packed packed = {panels, lay_panels(j->core, kb, nouts, panels), s->kb, blocks, &s->cb};
	isa->conv(at, j, loads, nloads, terms, outs, nouts, rows, &packed);
}

void run_conv_grad(const struct isa *isa, const struct place *at, const struct conv_job *j, const struct load *loads,
                   int nloads, const struct term *terms, const struct grad *grad, const float *const *packs, int npacks,
                   const struct weight_job *weight, const struct load *u, float *sums) {
	const struct conv_shape *s = &j->shape;
	struct panel panels[s->kb];
	const float *blocks[npacks * s->kb];
	int cb[npacks];
	for (int p = 0; p < npacks; p++) {
		cb[p] = npacks == 1 ? s->cb : loads[p].cb;
		lay_blocks(j->core, s, packs[p], s->kb, cb[p], blocks + p * s->kb);
	}
	struct packed packed = {panels, lay_panels(j->core, &s->kb, 1, panels), s->kb, blocks, cb};
	isa->conv_grad(at, j, loads, nloads, terms, grad, &packed, weight, u, sums);
}

void run_weight_grad(const struct isa *isa, const struct place *at, const struct weight_job *j, const struct load *loads,
                     int nloads, const struct term *terms, float *sums) {
	isa->weight_grad(at, j, loads, nloads, terms, sums);
}

void run_weight_merge(const struct isa *isa, const struct place *at, const struct weight_job *j, const struct weight_slice *to,
                      float *dw, const float *sums) {
	isa->weight_merge(at, j, to, dw, sums);
}

void run_op(const struct isa *isa, const struct place *at, const struct op_job *j, const struct load *loads, int nloads,
            const struct term *terms, const struct out *out, int rows) {
	isa->op(at, j, loads, nloads, terms, out, rows);
}

void run_op_grad(const struct isa *isa, const struct place *at, const struct op_job *j, const struct load *dy,
                 const struct load *loads, const struct term *terms, const struct grad *grads, int ngrads) {
	isa->op_grad(at, j, dy, loads, terms, grads, ngrads);
}

void run_block(const struct isa *isa, const struct place *at, const float *src, const struct out *out, int h, int w, int rows) {
	isa->block(at, src, out, h, w, rows);
}

void run_unblock(const struct isa *isa, const struct place *at, float *dst, const struct load *l, const struct term *t) {
	isa->unblock(at, dst, l, t);
}

void run_spatial_mean(const struct isa *isa, const struct place *at, double *dst, const struct load *l, const struct term *t) {
	isa->spatial_mean(at, dst, l, t);
}

void run_covariance(const struct isa *isa, const struct place *at, double *sums, const float *centre, double *mean, double *cov,
                    const struct load *l, const struct term *t) {
	isa->covariance(at, sums, centre, mean, cov, l, t);
}

void run_states(const struct isa *isa, const struct place *at, uint64_t *dst, size_t words, int64_t *count, const struct load *l, const struct term *t) {
	isa->states(at, dst, words, count, l, t);
}

size_t covariance_doubles(int cb) { return STRETCHES * covariance_len(cb); }

size_t covariance_floats(int cb, int h, int w) { return covariance_scratch(cb, h, w); }

void run_products(const struct isa *isa, const struct place *at, const struct products *j, double *sums, double *dst) {
	isa->products(at, j, sums, dst);
}

size_t products_doubles(const struct products *j) { return STRETCHES * products_len(j); }

void run_agree(const struct isa *isa, const struct place *at, int64_t *k, const uint64_t *codes, size_t words, int64_t units, int64_t weight) {
	isa->agree(at, k, codes, words, units, weight);
}
