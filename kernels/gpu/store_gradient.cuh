// Stores of the backward pass: a block's tile of the gradient at a node, and the sums for dγ and dβ.
//
//   D = G ⊙ act′(z)      dβ = Σ f·D      dγ = Σ f·D·x̂      over images and pixels, per image first, in a fixed order
//
// f is the factor of the BatchNorm's term for the image, 1 without. It multiplies the image's sums, and no pixel.
//
// The sums give the slopes, dx = γr(f·D − dβ/m − x̂·dγ/m). The steps that stored the node's values load their gradients
// through them.
#pragma once
#include "block.cuh"
#include "node.cuh"
#include "store.cuh"

#define GRADIENT_SCRATCH(threads) ((threads) * 64)

// Adds to the sums of one channel: D, and D·x̂ for each term.
template <int TERMS> __device__ __forceinline__ float4 add_products(float4 sum, float d, float x0, float x1, float x2) {
	return make_float4(sum.x + d, fmaf(d, x0, sum.y), TERMS > 1 ? fmaf(d, x1, sum.z) : sum.z, TERMS > 2 ? fmaf(d, x2, sum.w) : sum.w);
}

// Returns four channels of the node's sum in an image. hat becomes x̂ of each term, 0 for a term without BatchNorm.
__device__ __forceinline__ float4 terms_of(const Node &n, int image, i64 at, int c, float4 hat[3]) {
	float4 sum = make_float4(0, 0, 0, 0);
	for (int t = 0; t < 3; t++) {
		hat[t] = make_float4(0, 0, 0, 0);
		if (t >= n.terms)
			continue;
		float4 x = read_value(n.term[t].value, n.term[t].half, at);
		const Affine *a = n.term[t].affine;
		if (a) {
			a = global(a);
			Affine p = a[c], q = a[c + 1], r = a[c + 2], s = a[c + 3];
			hat[t] = make_float4((x.x - p.mean) * p.rstd, (x.y - q.mean) * q.rstd, (x.z - r.mean) * r.rstd, (x.w - s.mean) * s.rstd);
			x = make_float4(normalise(x.x, p), normalise(x.y, q), normalise(x.z, r), normalise(x.w, s));
		}
		if (const float *factor = n.term[t].factor)
			x = x * factor[image];
		sum = t == 0 ? x : sum + x;
	}
	return sum;
}

__device__ __forceinline__ float4 masked(float4 g, float4 z, i64 activation) {
	return make_float4(passes(z.x, activation) ? g.x : 0, passes(z.y, activation) ? g.y : 0,
		passes(z.z, activation) ? g.z : 0, passes(z.w, activation) ? g.w : 0);
}

// A thread's part of a tile: four channels of some pixels.
struct GradientTile {
	const float *tile; // of the thread's channels
	int ld, count; // pixels of the thread
	i64 origin; // of the tile's first pixel in the map, in elements, of the thread's channels
	int channel, image;
	bool add, sums;
	float4 *scratch; // [threads][4]: sums of the channels
};

// What a pixel needs of a BatchNorm: all but rstd, by which a thread multiplies its sums at the end.
struct Centred {
	float mean, scale, beta;
};

struct Centred4 {
	Centred x, y, z, w;
};

__device__ __forceinline__ Centred4 centred_of(const Affine *a) {
	const Affine4 c = coefficients_of(a);
	return Centred4{{c.x.mean, c.x.scale, c.x.beta}, {c.y.mean, c.y.scale, c.y.beta}, {c.z.mean, c.z.scale, c.z.beta}, {c.w.mean, c.w.scale, c.w.beta}};
}

// Terms whose coefficients a thread keeps; it reads those of the others for each pixel. A kernel with registers for more than two says so
// in KEPT_TERMS. On sm_70 those of two do not fit.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 750
enum { KEPT = 1 };
#elif defined(KEPT_TERMS)
enum { KEPT = KEPT_TERMS };
#else
enum { KEPT = 2 };
#endif

// How a thread stores its pixels. RELU_SUMS: straight, the activation is ReLU and there are sums, as at most nodes.
enum { WALK, STRAIGHT, RELU_SUMS, RELU_SUMS_ADD };

__device__ __forceinline__ float4 rstd_of(const Affine *a) {
	if (!a)
		return make_float4(0, 0, 0, 0);
	a = global(a);
	return make_float4(a[0].rstd, a[1].rstd, a[2].rstd, a[3].rstd);
}

// The gradient of a node of TERMS terms without factors, all in half precision or none, masked by its activation.
template <int TERMS, bool HALF, int WAY>
__device__ __forceinline__ void store_gradients(const Node &in, float *gradient, const GradientTile &g, Pixel p) {
	enum { BYTES = HALF ? 2 : 4, KNOWN = WAY >= RELU_SUMS, AHEAD = KNOWN && HALF && TERMS < 3 ? 2 : 1 };
	const bool relu = KNOWN || in.activation != LINEAR, bounded = !KNOWN && in.activation == RELU6;
	const bool add = KNOWN ? WAY == RELU_SUMS_ADD : g.add, sums = KNOWN || g.sums;
	Centred4 kept[KEPT];
	const Affine *read[TERMS]; // those of the others
	const char *value[TERMS];
	const int pitch = (int)in.pitch, ahead = p.down_map * pitch;
#pragma unroll
	for (int t = 0; t < TERMS; t++) {
		value[t] = global((const char *)in.term[t].value) + (g.origin + p.map * pitch) * BYTES;
		read[t] = in.term[t].affine ? in.term[t].affine + g.channel : 0;
		if (t < KEPT)
			kept[t] = centred_of(read[t]);
	}
	float4 sum[4] = {}, *to = (float4 *)(gradient + g.origin + p.map * pitch);
	const float *from = g.tile + p.tile * g.ld;
	const int ahead_from = p.down_tile * g.ld;
	const float *const end = from + g.count * ahead_from;
	int count = g.count;
#pragma unroll 1 // the numbers of AHEAD pixels and the coefficients fill the registers
	while (WAY != WALK ? from != end : --count >= 0) {
		Stored<HALF, 4> stored[AHEAD][TERMS];
		float4 before[AHEAD];
#pragma unroll
		for (int j = 0; j < AHEAD; j++) {
			if (j > 0 && from + j * ahead_from == end)
				break;
#pragma unroll
			for (int t = 0; t < TERMS; t++)
				stored[j][t].load(value[t] + j * ahead * BYTES);
			if (add && AHEAD > 1)
				before[j] = *(const float4 *)((const float *)to + j * ahead);
		}
#pragma unroll
		for (int j = 0; j < AHEAD; j++) {
			if (j > 0 && from == end)
				break;
			float4 z, centred[TERMS];
#pragma unroll
			for (int t = 0; t < TERMS; t++) {
				float4 x = stored[j][t].value(0);
				const Centred4 a = t < KEPT ? kept[t % KEPT] : centred_of(read[t]);
				x = make_float4(x.x - a.x.mean, x.y - a.y.mean, x.z - a.z.mean, x.w - a.w.mean);
				centred[t] = x;
				x = make_float4(fmaf(x.x, a.x.scale, a.x.beta), fmaf(x.y, a.y.scale, a.y.beta), fmaf(x.z, a.z.scale, a.z.beta), fmaf(x.w, a.w.scale, a.w.beta));
				z = t == 0 ? x : z + x;
			}
			float4 d = *(const float4 *)from;
			if (relu)
				d = masked(d, z, RELU);
			if (bounded)
				d = masked(d, z, RELU6);
			if (add)
				d = d + (AHEAD > 1 ? before[j] : *to);
			*to = d;
			int over = ahead;
			if (WAY != WALK)
				from += ahead_from;
			else {
				const int map = p.map;
				p.next<false>();
				from = g.tile + p.tile * g.ld;
				over = (p.map - map) * pitch;
			}
			to = (float4 *)((float *)to + over);
#pragma unroll
			for (int t = 0; t < TERMS; t++)
				value[t] += over * BYTES;
			if (!sums)
				continue;
			const float4 zero = make_float4(0, 0, 0, 0);
			const float4 h0 = centred[0], h1 = TERMS > 1 ? centred[1 % TERMS] : zero, h2 = TERMS > 2 ? centred[2 % TERMS] : zero;
			sum[0] = add_products<TERMS>(sum[0], d.x, h0.x, h1.x, h2.x);
			sum[1] = add_products<TERMS>(sum[1], d.y, h0.y, h1.y, h2.y);
			sum[2] = add_products<TERMS>(sum[2], d.z, h0.z, h1.z, h2.z);
			sum[3] = add_products<TERMS>(sum[3], d.w, h0.w, h1.w, h2.w);
		}
	}
	if (!sums)
		return;
	const float4 none = make_float4(0, 0, 0, 0);
	const float4 r0 = rstd_of(read[0]), r1 = TERMS > 1 ? rstd_of(read[1 % TERMS]) : none, r2 = TERMS > 2 ? rstd_of(read[2 % TERMS]) : none;
	float4 *const mine = g.scratch + 4 * threadIdx.x;
	mine[0] = make_float4(sum[0].x, sum[0].y * r0.x, sum[0].z * r1.x, sum[0].w * r2.x);
	mine[1] = make_float4(sum[1].x, sum[1].y * r0.y, sum[1].z * r1.y, sum[1].w * r2.y);
	mine[2] = make_float4(sum[2].x, sum[2].y * r0.z, sum[2].z * r1.z, sum[2].w * r2.z);
	mine[3] = make_float4(sum[3].x, sum[3].y * r0.w, sum[3].z * r1.w, sum[3].w * r2.w);
}

template <int TERMS, bool HALF>
__device__ __forceinline__ void store_gradients(const Node &in, float *gradient, const GradientTile &g, const Pixel &p) {
	if (!p.straight())
		store_gradients<TERMS, HALF, WALK>(in, gradient, g, p);
	else if (in.activation != RELU || !g.sums)
		store_gradients<TERMS, HALF, STRAIGHT>(in, gradient, g, p);
	else if (g.add)
		store_gradients<TERMS, HALF, RELU_SUMS_ADD>(in, gradient, g, p);
	else
		store_gradients<TERMS, HALF, RELU_SUMS>(in, gradient, g, p);
}

// The same of any node.
__device__ __forceinline__ void store_any_gradients(const Node &in, float *gradient, const GradientTile &g, Pixel p) {
	const i64 activation = in.activation;
	const int pitch = (int)in.pitch;
	float4 sum[4] = {};
#pragma unroll 1
	for (int count = g.count; count > 0; count--, p.next<false>()) {
		const i64 to = g.origin + p.map * pitch;
		float4 d = *(const float4 *)(g.tile + p.tile * g.ld), hat[3];
		if (g.sums || activation != LINEAR)
			d = masked(d, terms_of(in, g.image, to, g.channel, hat), activation);
		if (g.add)
			d = d + *(const float4 *)(gradient + to);
		*(float4 *)(gradient + to) = d;
		if (g.sums) {
			sum[0] = add_products<3>(sum[0], d.x, hat[0].x, hat[1].x, hat[2].x);
			sum[1] = add_products<3>(sum[1], d.y, hat[0].y, hat[1].y, hat[2].y);
			sum[2] = add_products<3>(sum[2], d.z, hat[0].z, hat[1].z, hat[2].z);
			sum[3] = add_products<3>(sum[3], d.w, hat[0].w, hat[1].w, hat[2].w);
		}
	}
	if (g.sums)
#pragma unroll
		for (int j = 0; j < 4; j++)
			g.scratch[4 * threadIdx.x + j] = sum[j];
}

template <int TERMS> __device__ __forceinline__ void store_gradients(const Node &in, float *gradient, const GradientTile &g, const Pixel &p) {
	if (in.term[0].half)
		store_gradients<TERMS, true>(in, gradient, g, p);
	else
		store_gradients<TERMS, false>(in, gradient, g, p);
}

// The same where nothing is masked and nothing summed, straight.
__device__ __forceinline__ void copy_gradients(float *gradient, const GradientTile &g, const Pixel &p, int pitch) {
	const float *from = g.tile + p.tile * g.ld;
	float *to = gradient + g.origin + p.map * pitch;
	const int ahead_from = p.down_tile * g.ld, ahead = p.down_map * pitch;
#pragma unroll 1
	for (const float *const end = from + g.count * ahead_from; from != end; from += ahead_from, to += ahead) {
		const float4 d = *(const float4 *)from;
		*(float4 *)to = g.add ? d + *(const float4 *)to : d;
	}
}

// Whether the terms have no factors, and all their values the same precision.
__device__ __forceinline__ bool plain(const Node &in) {
	bool plain = !in.term[0].factor;
#pragma unroll
	for (int t = 1; t < 3; t++)
		if (t < (int)in.terms)
			plain = plain & !in.term[t].factor & (in.term[t].half == in.term[0].half);
	return plain;
}

// Stores D. Thread (g, r) has four channels and every R-th pixel. It leaves its sums in scratch[r][columns].
__device__ inline void write_gradient(const Backward &step, const Place &at, const float *tile, int ld, float4 *scratch, bool sums) {
	const Node &in = step.in;
	const unsigned groups = (unsigned)at.columns / 4;
	const int R = storing(at, 4), r = threadIdx.x / groups, g = threadIdx.x - r * groups;
	if (r >= R)
		return;
	const int width = (int)in.width, c = at.column + 4 * g, pixel = (at.image * (int)in.height + at.y0) * width + at.x0;
	const i64 origin = (i64)pixel * (int)in.pitch + c;
	const GradientTile t = {tile + 4 * g, ld, (at.rows * at.width - r + R - 1) / R, origin, c, at.image, step.add != 0, sums, scratch};
	const Pixel p(at, (int)step.tiling.tile_w, width, r, R);
	float *const gradient = global(step.gradient);
	const int terms = (int)in.terms;
	if (!sums && in.activation == LINEAR && p.straight())
		copy_gradients(gradient, t, p, (int)in.pitch);
	else if (terms == 0 || !plain(in))
		store_any_gradients(in, gradient, t, p);
	else if (terms == 1)
		store_gradients<1>(in, gradient, t, p);
	else if (terms == 2)
		store_gradients<2>(in, gradient, t, p);
	else
		store_gradients<3>(in, gradient, t, p);
}

// Four sums in doubles.
struct Sum4 {
	double a, b, c, d;
	__device__ __forceinline__ void add(float4 x) { a += x.x, b += x.y, c += x.z, d += x.w; }
	__device__ __forceinline__ float4 rounded() const { return make_float4((float)a, (float)b, (float)c, (float)d); }
};

// The sums of each column of the tile, those of the image if it has one tile.
__device__ inline void tile_sums(const Backward &step, const Place &at, const float4 *scratch) {
	const int c = threadIdx.x;
	if (c >= at.columns)
		return;
	const int R = storing(at, 4), tiles = (int)step.tiling.tiles, pitch = (int)step.in.pitch;
	float4 s[1] = {};
	add_rows<8>(s, scratch + c, R, at.columns, 0);
	float4 *const dst = tiles == 1 ? step.sums.image + (i64)at.image * pitch : step.sums.tile + ((i64)at.image * tiles + at.tile) * pitch;
	dst[at.column + c] = s[0];
}

__device__ inline void add_tiles(const Backward &step, const Place &at) {
	for (int c = at.column + threadIdx.x; c < at.column + at.columns; c += blockDim.x) {
		const float4 *part = step.sums.tile + (i64)at.image * step.tiling.tiles * step.in.pitch + c;
		Sum4 s = {0, 0, 0, 0};
		in_order<4>(0, (int)step.tiling.tiles, 1, part, step.in.pitch, [&](int, float4 p) { s.add(p); });
		step.sums.image[(i64)at.image * step.in.pitch + c] = s.rounded();
	}
}

// dγ, dβ and the coefficients of dx of one channel of one BatchNorm with the coefficients a. share is 1/m of share_of.
__device__ __forceinline__ void differentiate(const BatchNorm &b, i64 c, const Affine &a, double dgamma, double dbeta, double share, bool frozen) {
	b.dgamma[c] = (float)dgamma;
	b.dbeta[c] = (float)dbeta;
	Slope s = {a.scale, 0, 0, a.mean};
	if (!frozen) {
		s.offset = (float)(-a.scale * dbeta * share);
		s.slope = (float)(-(double)a.scale * a.rstd * dgamma * share);
	}
	b.slope[c] = s;
}

// The BatchNorms that enter a node without a factor, with their coefficients of one channel. All are loaded together, and before the
// first store, which the compiler must assume to change them.
struct Norms {
	BatchNorm norm[3];
	Affine a[3];
	bool wanted[3] = {};
	__device__ __forceinline__ void load(const Backward &step, i64 c) {
#pragma unroll
		for (int t = 0; t < 3; t++) { // unrolled, the arrays stay in registers
			wanted[t] = c < step.in.channels && t < step.in.terms && step.sums.norm[t] && !step.in.term[t].factor;
			if (wanted[t])
				norm[t] = *step.sums.norm[t];
		}
#pragma unroll
		for (int t = 0; t < 3; t++)
			if (wanted[t])
				a[t] = norm[t].affine[c];
	}
};

// dγ, dβ and the coefficients of dx of each. sum has ΣD, and ΣD·x̂ of each term, over the batch.
__device__ __forceinline__ void put_gradients(const Norms &n, i64 c, const Sum4 &sum, double share, bool frozen) {
	const double dgamma[3] = {sum.b, sum.c, sum.d};
#pragma unroll
	for (int t = 0; t < 3; t++)
		if (n.wanted[t])
			differentiate(n.norm[t], c, n.a[t], dgamma[t], sum.a, share, frozen);
}

// 1/m, m the number of elements of a channel in the batch.
__device__ __forceinline__ double share_of(const Backward &step, int images) {
	return 1 / ((double)images * (double)(step.in.height * step.in.width));
}

// Σ f·s over the batch, s one of the four sums of an image, for every thread of a channel. Three loads are in flight: a
// fourth takes a register more than the tensor-core kernels have.
__device__ inline double factored_sum(const Backward &step, const Place &at, const Merging &m, int k, const float *factor, double *scratch, int images) {
	const float *part = (const float *)(step.sums.image + at.column + m.column) + k;
	double sum = 0;
	in_order<3>(m.row, m.end(images), m.rows, part, 4 * step.in.pitch, [&](int i, float s) { sum += (double)factor[i] * s; });
	return column_sum(scratch, sum, m);
}

// dγ and dβ of the BatchNorms that enter the node with a factor: each has sums of its own over the batch, Σ f·D·x̂ and Σ f·D.
__device__ inline void add_factored_images(const Backward &step, const Place &at, const Merging &m, double *scratch, int images, bool frozen) {
#pragma unroll 1
	for (int t = 0; t < step.in.terms; t++) {
		const float *factor = step.in.term[t].factor;
		if (!factor || !step.sums.norm[t])
			continue;
		const double dbeta = factored_sum(step, at, m, 0, factor, scratch, images), dgamma = factored_sum(step, at, m, t + 1, factor, scratch, images);
		const int c = at.column + m.column;
		if (m.stores() && c < step.in.channels)
			differentiate(*step.sums.norm[t], c, step.sums.norm[t]->affine[c], dgamma, dbeta, share_of(step, images), frozen);
	}
}

// The four sums of a channel, for every thread of it, from those of `count` images or groups.
__device__ __forceinline__ Sum4 add_entries(const Backward &step, const Merging &m, double *scratch, const float4 *part, int count) {
	Sum4 s = {0, 0, 0, 0};
	in_order<8>(m.row, m.end(count), m.rows, part, step.in.pitch, [&](int, float4 p) { s.add(p); });
	double sums[4] = {s.a, s.b, s.c, s.d};
	column_sums(scratch, sums, m);
	return {sums[0], sums[1], sums[2], sums[3]};
}

__device__ __forceinline__ unsigned *arrived(const Backward &step) { return step.sums.arrived; }

// The sums of the batch, from those of its images. The image of this block is complete.
__device__ inline void add_images(const Backward &step, const Place &at, double *scratch, int images, bool frozen) {
	const int groups = image_groups(images), group = at.image / GROUP;
	const Counters<Backward> counters{step, images};
	int count = groups > 0 ? min(GROUP, images - group * GROUP) : images;
	if (!arrive(counters, counters.of_images(groups > 0 ? group : -1), (unsigned)count))
		return;
	const Merging m(at);
	const int channel = at.column + m.column;
	const float4 *part = step.sums.image + (groups > 0 ? (i64)group * GROUP * step.in.pitch : 0) + channel;
	Norms norms;
#pragma unroll 1
	for (bool first = true;; first = false) {
		const Sum4 sum = add_entries(step, m, scratch, part, count);
		if (!first || groups == 0) {
			if (groups == 0 && m.finishes())
				norms.load(step, channel);
			if (m.finishes())
				put_gradients(norms, channel, sum, share_of(step, images), frozen);
			break;
		}
		float4 *const merged = step.sums.image + (i64)images * step.in.pitch + channel;
		if (m.stores())
			merged[(i64)group * step.in.pitch] = sum.rounded();
		if (!arrive(counters, counters.of_groups(), (unsigned)groups, [&] {
				if (m.finishes())
					norms.load(step, channel);
			}))
			return;
		part = merged;
		count = groups;
	}
	add_factored_images(step, at, m, scratch, images, frozen);
}

// Stores a tile [pixels][ld] of ∂loss/∂u in shared memory as the gradient at the node. sums: gather dγ and dβ at the last
// addition. scratch is other shared memory, GRADIENT_SCRATCH bytes. All threads of the block call it. The block has at
// least as many threads as columns. The tile must be complete (a barrier before).
__device__ inline void store_gradient(const Backward &step, const Place &at, const float *tile, int ld, void *scratch, int images, bool frozen, bool sums) {
	sums = sums && step.last;
	write_gradient(step, at, tile, ld, (float4 *)scratch, sums);
	if (!sums)
		return;
	__syncthreads();
	tile_sums(step, at, (const float4 *)scratch);
	const int tiles = (int)step.tiling.tiles;
	if (tiles > 1) {
		const Counters<Backward> counters{step, images};
		if (!arrive(counters, counters.of_tiles(at.image), (unsigned)tiles))
			return;
		add_tiles(step, at);
	}
	add_images(step, at, (double *)scratch, images, frozen);
}
