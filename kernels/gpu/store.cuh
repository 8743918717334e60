// Stores of the forward pass: a block's tile of a step's values, and the channel statistics for their BatchNorms.
//
// Statistics are merged in a fixed order. A block reduces its tile around the tile's first pixel. The last block of an
// image merges the image's tiles, the last block of a group the group's images, the last block of all the groups. Merges are in
// doubles (Chan et al.):
//   mean = Σ n_k·mean_k / Σ n_k        M2 = Σ (M2_k + n_k·(mean_k − mean)²)        σ² = M2 / Σ n_k
#pragma once
#include "block.cuh"
#include "node.cuh"

// The bytes of scratch of store_values, for a block of that many threads.
#define STORE_SCRATCH(threads) ((threads) * 32)

__device__ __forceinline__ const Output &output_of(const Forward &step, int column) {
	int b = 0;
	while (b + 1 < step.outs && column >= step.out[b + 1].column)
		b++;
	return step.out[b];
}

__device__ __forceinline__ uint2 halves_of(float4 x) { return make_uint2(two_f16(x.x, x.y), two_f16(x.z, x.w)); }

__device__ __forceinline__ float4 operator-(float4 a, float4 b) { return make_float4(a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w); }

__device__ __forceinline__ float4 add_squares(float4 sum, float4 x) {
	return make_float4(fmaf(x.x, x.x, sum.x), fmaf(x.y, x.y, sum.y), fmaf(x.z, x.z, sum.z), fmaf(x.w, x.w, sum.w));
}

// Σ(x − shift) of eight columns, and then Σ(x − shift)².
struct Moments {
	float4 sum[2], square[2];
};

// Stores a thread's pixels, eight columns of each, and returns their sums, shift the tile's first pixel. In half precision later loads
// see the rounded values, so the statistics are theirs.
template <bool HALF, bool SUMS, bool STRAIGHT>
__device__ __forceinline__ Moments store_pixels(const float *tile, int ld, Pixel p, int count, void *value, int pitch) {
	Moments m = {};
	if (count <= 0)
		return m;
	float4 shift[2] = {*(const float4 *)tile, *(const float4 *)(tile + 4)};
	if (HALF)
		shift[0] = widened(halves_of(shift[0])), shift[1] = widened(halves_of(shift[1]));
	const char *from = (const char *)(tile + p.tile * ld);
	char *to = (char *)value + (i64)(p.map * pitch) * (HALF ? 2 : 4);
	const int ahead_from = p.down_tile * ld * 4;
	const i64 ahead_to = (i64)(p.down_map * pitch) * (HALF ? 2 : 4);
	// Stores a pixel and goes on to the next one. d: what the sums take of it.
	const auto store = [&](float4 (&d)[2]) {
		float4 x[2] = {*(const float4 *)from, *(const float4 *)(from + 16)};
		if (HALF) {
			const uint2 low = halves_of(x[0]), high = halves_of(x[1]);
			*(uint4 *)to = make_uint4(low.x, low.y, high.x, high.y);
			if (SUMS)
				x[0] = widened(low), x[1] = widened(high);
		} else {
			*(float4 *)to = x[0];
			*(float4 *)(to + 16) = x[1];
		}
		if (STRAIGHT) {
			from += ahead_from;
			to += ahead_to;
		} else {
			p.next<false>();
			from = (const char *)(tile + p.tile * ld);
			to = (char *)value + (i64)(p.map * pitch) * (HALF ? 2 : 4);
		}
		d[0] = x[0] - shift[0];
		d[1] = x[1] - shift[1];
	};
	float4 d[2];
	store(d);
#pragma unroll
	for (int k = 0; k < 2; k++) {
		m.sum[k] = d[k];
		m.square[k] = make_float4(d[k].x * d[k].x, d[k].y * d[k].y, d[k].z * d[k].z, d[k].w * d[k].w);
	}
	const char *const end = STRAIGHT ? from + (count - 1) * ahead_from : 0;
#pragma unroll 1
	while (STRAIGHT ? from != end : --count > 0) {
		store(d);
		if constexpr (SUMS)
#pragma unroll
			for (int k = 0; k < 2; k++) {
				m.sum[k] = m.sum[k] + d[k];
				m.square[k] = add_squares(m.square[k], d[k]);
			}
	}
	return m;
}

template <bool HALF> __device__ __forceinline__ Moments store_pixels(const float *tile, int ld, const Pixel &p, int count, void *value, int pitch, bool sums) {
	if (p.straight())
		return sums ? store_pixels<HALF, true, true>(tile, ld, p, count, value, pitch) : store_pixels<HALF, false, true>(tile, ld, p, count, value, pitch);
	return sums ? store_pixels<HALF, true, false>(tile, ld, p, count, value, pitch) : store_pixels<HALF, false, false>(tile, ld, p, count, value, pitch);
}

// The threads that store the same eight columns: an even number, or one.
__device__ __forceinline__ int storing_eight(const Place &at) {
	const int R = storing(at, 8);
	return R > 1 ? R - R % 2 : R;
}

// Whether the lanes of a warp that have the same columns add their sums, so that scratch has those of each warp: they are then
// a power of two apart. Otherwise pairs of threads add theirs.
__device__ __forceinline__ bool by_warp(int groups) { return groups <= 16 && (groups & (groups - 1)) == 0; }

// The sums of a column that scratch has.
__device__ __forceinline__ int partial_sums(const Place &at) { return by_warp(at.columns / 8) ? blockDim.x / 32 : (storing_eight(at) + 1) / 2; }

// Adds the N numbers of the lanes of a warp that are equal modulo `groups`, a power of two: first those of lanes D apart. Each time a
// lane keeps one half of the sums. Stores what it has at the end, numbers `at` and so on of 16; number 8 and those after it are in the
// next row.
template <int N, int D> __device__ __forceinline__ void put_lane_sums(float (&v)[16], int groups, int at, float *to, int columns) {
	const int lane = threadIdx.x % 32;
	if constexpr (D > 0) {
		if (D >= groups) {
			constexpr int HALF = N > 1 ? N / 2 : 1;
			const bool upper = lane & D;
#pragma unroll
			for (int k = 0; k < HALF; k++) {
				const float low = v[k], high = v[k + N / 2];
				v[k] = (upper ? high : low) + __shfl_xor_sync(0xffffffffu, upper ? low : high, D);
			}
			return put_lane_sums<HALF, D / 2>(v, groups, N > 1 && upper ? at + HALF : at, to, columns);
		}
	}
	to += at < 8 ? at : columns + at - 8;
	if constexpr (N > 1) {
#pragma unroll
		for (int k = 0; k < N; k += 2)
			*(float2 *)(to + (k < 8 ? k : columns + k - 8)) = make_float2(v[k], v[k + 1]);
	} else if (D > 0 || lane % 2 == 0)
		*to = v[0];
}

// Leaves the sums of the block's threads in scratch: those of x in even rows, of squares in odd ones. Thread r of R has the sums of
// columns 8g and so on. All threads of the block call it.
__device__ __forceinline__ void put_moments(Moments m, float *scratch, int columns, int g, int r, int R) {
	if (by_warp(columns / 8)) {
		float v[16];
#pragma unroll
		for (int k = 0; k < 2; k++) {
			*(float4 *)(v + 4 * k) = m.sum[k];
			*(float4 *)(v + 8 + 4 * k) = m.square[k];
		}
		return put_lane_sums<16, 16>(v, columns / 8, 0, scratch + threadIdx.x / 32 * 2 * columns + 8 * g, columns);
	}
	const int half = (R + 1) / 2;
	float4 *const sum = (float4 *)(scratch + 2 * (r < half ? r : r - half) * columns + 8 * g), *const square = (float4 *)((float *)sum + columns);
#pragma unroll 1
	for (int first = 0; first < 2; first++) {
		if (first)
			__syncthreads();
		if (first ? r >= half : r < half || r >= R)
			continue;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			if (first && r + half < R)
				m.sum[k] = m.sum[k] + sum[k], m.square[k] = m.square[k] + square[k];
			sum[k] = m.sum[k];
			square[k] = m.square[k];
		}
	}
}

// Stores the tile. sums: the sums of its columns go to scratch. A thread reads the fields of the step before its first store:
// the compiler must assume that a store changes them, and would read them again for each pixel.
__device__ inline void write_tile(const Forward &step, const Place &at, const float *tile, int ld, float *scratch, bool sums) {
	const unsigned groups = (unsigned)at.columns / 8;
	const int R = storing_eight(at), r = threadIdx.x / groups, g = threadIdx.x - r * groups;
	const int width = (int)step.width, c = at.column + 8 * g, count = r < R ? (at.rows * at.width - r + R - 1) / R : 0;
	const Output &o = output_of(step, c);
	const int pitch = (int)o.pitch;
	const bool half = o.half != 0;
	const int pixel = (at.image * (int)step.height + at.y0) * width + at.x0;
	const i64 origin = (i64)pixel * pitch + (c - (int)o.column);
	void *const value = global((char *)o.value) + (origin << (half ? 1 : 2));
	const Pixel p(at, (int)step.tiling.tile_w, width, r, R);
	tile += 8 * g;
	const Moments m = half ? store_pixels<true>(tile, ld, p, count, value, pitch, sums) : store_pixels<false>(tile, ld, p, count, value, pitch, sums);
	if (sums)
		put_moments(m, scratch, at.columns, g, r, R);
}

// Adds `count` rows of shared memory to N sums, in this order: of[j] has the sum of what is at from + j · plane. Rows are `pitch` apart. `ahead` of
// them are loaded together, of what is left at the end half as many, and so on.
template <int ahead, class S, class T, int N> __device__ __forceinline__ void add_rows(S (&of)[N], const T *from, int count, int pitch, int plane) {
#pragma unroll 1
	for (; count >= ahead; count -= ahead) {
		T x[ahead][N];
#pragma unroll
		for (int k = 0; k < ahead; k++, from += pitch)
#pragma unroll
			for (int j = 0; j < N; j++)
				x[k][j] = from[j * plane];
		all_loaded();
#pragma unroll
		for (int k = 0; k < ahead; k++)
#pragma unroll
			for (int j = 0; j < N; j++)
				of[j] = of[j] + x[k][j];
	}
	if constexpr (ahead > 1)
		add_rows<ahead / 2>(of, from, count, pitch, plane);
}

// Mean and M2 of each column of the tile, those of the image if it has one tile, from the sums that write_tile left in scratch.
__device__ inline void tile_statistics(const Forward &step, const Place &at, const float *tile, const float *scratch) {
	const int c = threadIdx.x;
	if (c >= at.columns)
		return;
	const int R = partial_sums(at), n = at.rows * at.width, tiles = (int)step.tiling.tiles;
	double sums[2] = {0, 0}; // of x − shift, and of its squares
	add_rows<2>(sums, scratch + c, R, 2 * at.columns, at.columns);
	const float shift = step.out[0].half ? from_f16(to_f16(tile[c])) : tile[c];
	const double m2 = sums[1] - sums[0] * sums[0] / n;
	double2 *const dst = tiles == 1 ? step.statistics.image + (i64)at.image * step.columns : step.statistics.tile + ((i64)at.image * tiles + at.tile) * step.columns;
	dst[at.column + c] = make_double2(shift + sums[0] / n, m2 > 0 ? m2 : (m2 == m2 ? 0 : m2));
}

// The statistics of the image, from those of its tiles.
__device__ inline void merge_tiles(const Forward &step, const Place &at) {
	const Statistics &s = step.statistics;
	const Tiling &t = step.tiling;
	for (int c = at.column + threadIdx.x; c < at.column + at.columns; c += blockDim.x) {
		const double2 *part = s.tile + (i64)at.image * t.tiles * step.columns + c;
		double sum = 0, m2 = 0, n = (double)(step.height * step.width);
		in_order<8>(0, (int)t.tiles, 1, part, step.columns, [&](int k, double2 p) { sum += tile_pixels(t, k, step.height, step.width) * p.x; });
		double mean = sum / n;
		in_order<8>(0, (int)t.tiles, 1, part, step.columns, [&](int k, double2 p) {
			m2 += p.y + tile_pixels(t, k, step.height, step.width) * (p.x - mean) * (p.x - mean);
		});
		s.image[(i64)at.image * step.columns + c] = make_double2(mean, m2);
	}
}

// How the threads of a block merge entries of its columns: this one has entries row, row + rows, … of a column, or none.
struct Merging {
	int columns, rows, column, row;
	__device__ __forceinline__ explicit Merging(const Place &at) {
		columns = at.columns;
		rows = (unsigned)blockDim.x / (unsigned)columns;
		row = (unsigned)threadIdx.x / (unsigned)columns;
		column = threadIdx.x - row * columns;
	}
	// Entries of the column that are before `count`, for the thread.
	__device__ __forceinline__ int end(int count) const { return row < rows ? count : 0; }
	// Whether the thread stores what all threads of the column have.
	__device__ __forceinline__ bool stores() const { return row == 0; }
	// Whether the thread makes the coefficients of the column's BatchNorms: in another warp, mostly, than the thread that counts arrivals,
	// so that these are found while it waits.
	__device__ __forceinline__ bool finishes() const { return row == rows - 1; }
};

// Σ_r of a column's N values. Every thread of the column gets the sums. scratch is [N][rows][columns].
template <int N> __device__ __forceinline__ void column_sums(double *scratch, double (&value)[N], const Merging &m) {
	const int plane = m.rows * m.columns;
	__syncthreads();
	if (m.row < m.rows)
#pragma unroll
		for (int j = 0; j < N; j++)
			scratch[j * plane + threadIdx.x] = value[j];
	__syncthreads();
#pragma unroll
	for (int j = 0; j < N; j++)
		value[j] = 0;
	add_rows<4>(value, scratch + m.column, m.rows, m.columns, plane);
}

__device__ __forceinline__ double column_sum(double *scratch, double value, const Merging &m) {
	double sum[1] = {value};
	column_sums(scratch, sum, m);
	return sum[0];
}

// A BatchNorm over a column of a step: what its coefficients are made of, loaded ahead.
struct Norm {
	int k; // of the step's, or their number: there is none
	Affine *affine;
	float gamma, beta;
	double eps;
};

// The first BatchNorm over a column, from the k-th on.
__device__ __forceinline__ Norm next_norm(const Statistics &s, i64 column, int k) {
	for (; k < s.norms; k++) {
		const BatchNorm &b = s.norm[k];
		const i64 channel = column - b.column;
		if (channel >= 0 && channel < b.channels)
			return {k, b.affine + channel, b.gamma[channel], b.beta[channel], b.eps};
	}
	return {k, 0, 0, 0, 0};
}

// The coefficients of the BatchNorms over a column of a step, from the given one on. Columns of different values have different
// BatchNorms: each lane looks for its next one, and all go through theirs together.
__device__ __forceinline__ void put_coefficients(const Statistics &s, i64 column, Norm b, double mean, double variance) {
	for (; b.k < s.norms; b = next_norm(s, column, b.k + 1))
		*b.affine = affine_of(b.gamma, b.beta, b.eps, mean, variance);
}

// x / n, n > 0. A power of two, as numbers of images and pixels mostly are, takes no division of doubles, for the same bits.
__device__ __forceinline__ double divided(double x, i64 n) {
	if ((n & (n - 1)) == 0)
		return x * __uint_as_float(0x7f000000u - __float_as_uint((float)n));
	return x / (double)n;
}

// The entries that a merge reads: `count` of `per` images each, the last one of fewer, of `images` in all.
struct Entries {
	int count, per, images;
};

// Sums over the entries that a thread merges, of w_k = n_k·d_k / n and M2_k + n_k·d_k², d_k = mean_k − shift. n: pixels of an image.
struct MergedEntries {
	double n, shift, per, last;
	int step, end; // entry end − 1 has `last` images, any other one `per`
	double *sums;
	template <int N> __device__ __forceinline__ void operator()(int first, const double2 (&entry)[N]) const {
		double d[N], w[N];
#pragma unroll
		for (int k = 0; k < N; k++) {
			d[k] = entry[k].x - shift;
			w[k] = (first + k * step == end - 1 ? last : per) * d[k];
		}
#pragma unroll
		for (int k = 0; k < N; k++) {
			sums[0] += w[k];
			sums[1] += entry[k].y + n * w[k] * d[k];
		}
	}
};

// Mean and M2 of one column, for every thread of the column, from those of some entries. In doubles one pass around the first entry's
// mean m₀ is as exact as two: mean = m₀ + Σ n_k·d_k / Σ n_k, M2 = Σ (M2_k + n_k·d_k²) − (Σ n_k·d_k)² / Σ n_k, d_k = mean_k − m₀.
__device__ __forceinline__ double2 merge_entries(const Forward &step, const Merging &m, double *scratch, const double2 *part, const Entries &e) {
	const double n = (double)(step.height * step.width), shift = fresh((const double *)part);
	double sums[2] = {0, 0};
	const MergedEntries merged = {n, shift, (double)e.per, (double)(e.images - (e.count - 1) * e.per), m.rows, e.count, sums};
	in_batches<8>(m.row, m.end(e.count), m.rows, part, step.columns, merged);
	column_sums(scratch, sums, m);
	const double d = divided(sums[0], e.images), m2 = sums[1] - n * sums[0] * d;
	return make_double2(shift + d, m2 > 0 ? m2 : (m2 == m2 ? 0 : m2));
}

__device__ __forceinline__ unsigned *arrived(const Forward &step) { return step.statistics.arrived; }

// The statistics of the batch, from those of its images, and the coefficients of the BatchNorms over these columns. The image of this
// block is complete. all: images of the launch, of which the first `images` have statistics.
__device__ inline void merge_images(const Forward &step, const Place &at, double *scratch, int all, int images) {
	const Statistics &s = step.statistics;
	const int groups = image_groups(images), group = at.image / GROUP;
	const Counters<Forward> counters{step, all};
	Entries e = {images, 1, images};
	if (groups > 0)
		e.count = e.images = min(GROUP, images - group * GROUP);
	if (!arrive(counters, counters.of_images(groups > 0 ? group : -1), (unsigned)e.count))
		return;
	const Merging m(at);
	const int column = at.column + m.column;
	const double2 *part = s.image + (groups > 0 ? (i64)group * GROUP * step.columns : 0) + column;
	Norm norm = {};
#pragma unroll 1
	for (bool first = true;; first = false) {
		const double2 merge = merge_entries(step, m, scratch, part, e);
		if (!first || groups == 0) {
			if (groups == 0 && m.finishes())
				norm = next_norm(s, column, 0);
			const double variance = divided(merge.y, step.height * step.width * images);
			if (m.finishes())
				put_coefficients(s, column, norm, merge.x, variance);
			if (m.stores())
				s.mean[column] = merge.x, s.variance[column] = variance;
			return;
		}
		double2 *const merged = s.image + (i64)all * step.columns + column;
		if (m.stores())
			merged[(i64)group * step.columns] = merge;
		if (!arrive(counters, counters.of_groups(), (unsigned)groups, [&] {
				if (m.finishes())
					norm = next_norm(s, column, 0);
			}))
			return;
		part = merged;
		e = {groups, GROUP, images};
	}
}

// Stores a tile [pixels][ld] in shared memory and gathers its statistics over the first stat_images images. scratch is
// other shared memory, STORE_SCRATCH bytes. All threads of the block call it. The block has at least as many threads as
// columns. The tile must be complete (a barrier before).
__device__ inline void store_values(const Forward &step, const Place &at, const float *tile, int ld, void *scratch, int stat_images) {
	const Statistics &s = step.statistics;
	const bool sums = s.norms > 0 && at.image < stat_images;
	write_tile(step, at, tile, ld, (float *)scratch, sums);
	if (!sums)
		return;
	__syncthreads();
	tile_statistics(step, at, tile, (const float *)scratch);
	const int tiles = (int)step.tiling.tiles, all = (int)(gridDim.x / (unsigned)tiles);
	if (tiles > 1) {
		const Counters<Forward> counters{step, all};
		if (!arrive(counters, counters.of_tiles(at.image), (unsigned)tiles))
			return;
		merge_tiles(step, at);
	}
	merge_images(step, at, (double *)scratch, all, stat_images);
}
