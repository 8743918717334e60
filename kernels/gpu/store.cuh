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

// The pixels of a block's tile that a thread stores: every R-th, in four columns. It goes from one to the next by additions: x
// is the column of the map less the tile's first, `tile` the pixel in the tile, and `map` the pixel in the map less the
// tile's first.
struct Pixel {
	int x, tile, map;
	int right, down_tile, down_map, width, wrap_tile, wrap_map;
	__device__ __forceinline__ Pixel(const Place &at, int tile_width, int map_width, int first, int apart) {
		const int y = first / at.width;
		x = first - y * at.width;
		tile = y * tile_width + x;
		map = y * map_width + x;
		const int down = apart / at.width;
		right = apart - down * at.width;
		down_tile = down * tile_width + right;
		down_map = down * map_width + right;
		width = at.width;
		wrap_tile = tile_width - width;
		wrap_map = map_width - width;
	}
	__device__ __forceinline__ void next() {
		x += right;
		tile += down_tile;
		map += down_map;
		if (x >= width) {
			x -= width;
			tile += wrap_tile;
			map += wrap_map;
		}
	}
};

// Stores a thread's pixels and leaves their sums in scratch: Σ(x − shift) in row 2r, Σ(x − shift)² in row 2r + 1, shift the
// tile's first pixel. In half precision later loads see the rounded values, so the statistics are theirs.
template <bool HALF, bool SUMS>
__device__ __forceinline__ void store_pixels(const float *tile, int ld, Pixel p, int count, void *value, int pitch, float *scratch, int columns) {
	float4 shift = *(const float4 *)tile, sum = make_float4(0, 0, 0, 0), square = sum;
	if (HALF)
		shift = widened(halves_of(shift));
#pragma unroll 1
	for (; count > 0; count--, p.next()) {
		float4 x = *(const float4 *)(tile + p.tile * ld);
		if (HALF) {
			const uint2 h = halves_of(x);
			*(uint2 *)((unsigned short *)value + p.map * pitch) = h;
			if (SUMS)
				x = widened(h);
		} else
			*(float4 *)((float *)value + p.map * pitch) = x;
		if (!SUMS)
			continue;
		x = make_float4(x.x - shift.x, x.y - shift.y, x.z - shift.z, x.w - shift.w);
		sum = sum + x;
		square = make_float4(fmaf(x.x, x.x, square.x), fmaf(x.y, x.y, square.y), fmaf(x.z, x.z, square.z), fmaf(x.w, x.w, square.w));
	}
	if (!SUMS)
		return;
	*(float4 *)scratch = sum;
	*(float4 *)(scratch + columns) = square;
}

// Stores the tile. sums: the sums of its columns go to scratch. A thread reads the fields of the step before its first store:
// the compiler must assume that a store changes them, and would read them again for each pixel.
__device__ inline void write_tile(const Forward &step, const Place &at, const float *tile, int ld, float *scratch, bool sums) {
	const int groups = at.columns / 4, R = blockDim.x / groups, g = threadIdx.x % groups, r = threadIdx.x / groups;
	if (r >= R)
		return;
	const int width = (int)step.width, c = at.column + 4 * g, count = (at.rows * at.width - r + R - 1) / R;
	const Output &o = output_of(step, c);
	const int pitch = (int)o.pitch;
	const bool half = o.half != 0;
	const i64 origin = (((i64)at.image * step.height + at.y0) * width + at.x0) * pitch + (c - o.column);
	void *const value = global((char *)o.value) + (origin << (half ? 1 : 2));
	const Pixel p(at, (int)step.tiling.tile_w, width, r, R);
	tile += 4 * g;
	scratch += 2 * r * at.columns + 4 * g;
	if (half && sums)
		store_pixels<true, true>(tile, ld, p, count, value, pitch, scratch, at.columns);
	else if (half)
		store_pixels<true, false>(tile, ld, p, count, value, pitch, scratch, at.columns);
	else if (sums)
		store_pixels<false, true>(tile, ld, p, count, value, pitch, scratch, at.columns);
	else
		store_pixels<false, false>(tile, ld, p, count, value, pitch, scratch, at.columns);
}

// Mean and M2 of each column of the tile, into dst[columns], from the sums that write_tile left in scratch.
__device__ inline void tile_statistics(const Forward &step, const Place &at, const float *tile, const float *scratch, double2 *dst) {
	const int R = blockDim.x / (at.columns / 4), n = at.rows * at.width;
	const bool half = step.out[0].half != 0;
	for (int c = threadIdx.x; c < at.columns; c += blockDim.x) {
		double sum = 0, square = 0;
		const float *from = scratch + c;
		for (int k = 0; k < R; k++, from += 2 * at.columns) {
			sum += from[0];
			square += from[at.columns];
		}
		const float shift = half ? from_f16(to_f16(tile[c])) : tile[c];
		double m2 = square - sum * sum / n;
		dst[c] = make_double2(shift + sum / n, m2 > 0 ? m2 : (m2 == m2 ? 0 : m2));
	}
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

// Σ_r of a column's N values. Every thread of the column gets the sums. scratch is [N][rows][columns].
template <int N> __device__ __forceinline__ void column_sums(double *scratch, double (&value)[N], int columns, int rows, int c, int r) {
	const int plane = rows * columns;
	__syncthreads();
	if (r < rows)
#pragma unroll
		for (int j = 0; j < N; j++)
			scratch[j * plane + r * columns + c] = value[j];
	__syncthreads();
#pragma unroll
	for (int j = 0; j < N; j++)
		value[j] = 0;
#pragma unroll 4
	for (int k = 0; k < rows; k++)
#pragma unroll
		for (int j = 0; j < N; j++)
			value[j] += scratch[j * plane + k * columns + c];
}

__device__ __forceinline__ double column_sum(double *scratch, double value, int columns, int rows, int c, int r) {
	double sum[1] = {value};
	column_sums(scratch, sum, columns, rows, c, r);
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

// The statistics of one column of a step, and the coefficients of the BatchNorms over it, from the given one on. Columns of different
// values have different BatchNorms: each lane looks for its next one, and all go through theirs together.
__device__ __forceinline__ void put_statistics(const Statistics &s, i64 column, Norm b, double mean, double variance) {
	s.mean[column] = mean;
	s.variance[column] = variance;
	for (; b.k < s.norms; b = next_norm(s, column, b.k + 1))
		*b.affine = affine_of(b.gamma, b.beta, b.eps, mean, variance);
}

// The entries that a merge reads: `count` of `per` images each, the last one of fewer, of `images` in all.
struct Entries {
	int count, per, images;
	__device__ __forceinline__ int of(int k) const { return min(per, images - k * per); }
};

// Mean and M2 of one column, for every thread of the column, from those of some entries. In doubles one pass around the first entry's
// mean m₀ is as exact as two: mean = m₀ + Σ n_k·d_k / Σ n_k, M2 = Σ (M2_k + n_k·d_k²) − (Σ n_k·d_k)² / Σ n_k, d_k = mean_k − m₀.
__device__ inline double2 merge_entries(const Forward &step, const Place &at, double *scratch, const double2 *part, const Entries &e) {
	const int R = blockDim.x / at.columns, c = threadIdx.x % at.columns, r = threadIdx.x / at.columns;
	const double n = (double)(step.height * step.width), shift = fresh((const double *)part);
	double sums[2] = {0, 0};
	in_order<8>(r, r < R ? e.count : 0, R, part, step.columns, [&](int k, double2 p) {
		const double d = p.x - shift, w = e.of(k) * d;
		sums[0] += w;
		sums[1] += p.y + n * w * d;
	});
	column_sums(scratch, sums, at.columns, R, c, r);
	const double d = sums[0] / e.images, m2 = sums[1] - n * sums[0] * d;
	return make_double2(shift + d, m2 > 0 ? m2 : (m2 == m2 ? 0 : m2));
}

// The statistics of the batch, from those of its images, and the coefficients of the BatchNorms over these columns. The image of this
// block is complete. all: images of the launch, of which the first `images` have statistics.
__device__ inline void merge_images(const Forward &step, const Place &at, double *scratch, unsigned *arrived, int all, int images) {
	const Statistics &s = step.statistics;
	const int groups = image_groups(images), group = at.image / GROUP, column = at.column + threadIdx.x % at.columns;
	const bool first = threadIdx.x < at.columns;
	double2 *const merged = s.image + (i64)all * step.columns + column;
	const double2 *part = s.image + column;
	Entries e = {images, 1, images};
	if (groups > 0) {
		e.count = e.images = min(GROUP, images - group * GROUP);
		part += (i64)group * GROUP * step.columns;
		arrived += 1 + group;
	}
	if (!arrive(arrived, (unsigned)e.count))
		return;
	const Norm norm = next_norm(s, column, 0); // on its way during the merges
#pragma unroll 1
	for (bool last = groups == 0;; last = true) {
		const double2 m = merge_entries(step, at, scratch, part, e);
		if (last) {
			if (first)
				put_statistics(s, column, norm, m.x, m.y / ((double)(step.height * step.width) * images));
			return;
		}
		if (first)
			merged[(i64)group * step.columns] = m;
		arrived -= 1 + group;
		if (!arrive(arrived, (unsigned)groups))
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
	const int tiles = (int)step.tiling.tiles;
	double2 *dst = tiles == 1 ? s.image + (i64)at.image * step.columns : s.tile + ((i64)at.image * tiles + at.tile) * step.columns;
	tile_statistics(step, at, tile, (const float *)scratch, dst + at.column);
	// The counters of a channel tile: the groups that are complete (without groups, the images), the images of each group, and the
	// tiles of each image.
	const int all = (int)(gridDim.x / (unsigned)tiles), groups = image_groups(all);
	unsigned *arrived = s.arrived + blockIdx.y * (unsigned)(1 + groups + all);
	if (tiles > 1) {
		if (!arrive(arrived + 1 + groups + at.image, (unsigned)tiles))
			return;
		merge_tiles(step, at);
	}
	merge_images(step, at, (double *)scratch, arrived, all, stat_images);
}
