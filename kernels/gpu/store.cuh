// Stores of the forward pass: a block's tile of a step's values, and the channel statistics that their BatchNorms need.
//
// Statistics are merged in a fixed order. A block reduces its tile around the tile's first pixel; the last block of an
// image merges the image's tiles, and the last image's merges the batch (Chan et al.), in doubles:
//   mean = Σ n_k·mean_k / Σ n_k        M2 = Σ (M2_k + n_k·(mean_k − mean)²)        σ² = M2 / Σ n_k
#pragma once
#include "block.cuh"
#include "node.cuh"

// scratch that store_values needs, in bytes, for a block of the given number of threads.
#define STORE_SCRATCH(threads) ((threads) * 32)

__device__ __forceinline__ const Output &output_of(const Forward &step, int column) {
	int b = 0;
	while (b + 1 < step.outs && column >= step.out[b + 1].column)
		b++;
	return step.out[b];
}

// Stores four channels at offset `at` and returns what was stored.
__device__ __forceinline__ float4 write_value(void *value, i64 narrow, i64 at, float4 x) {
	if (!narrow) {
		*(float4 *)(global((float *)value) + at) = x;
		return x;
	}
	unsigned a = to_f16(x.x), b = to_f16(x.y), c = to_f16(x.z), d = to_f16(x.w);
	*(uint2 *)(global((unsigned short *)value) + at) = make_uint2(a | b << 16, c | d << 16);
	return make_float4(from_f16(a), from_f16(b), from_f16(c), from_f16(d));
}

// The tile keeps what was stored: statistics are of the values that loads will see.
__device__ inline void write_tile(const Forward &step, const Place &at, float *tile, int ld) {
	const int groups = at.columns / 4, w = (int)step.tiling.tile_w;
	for (int i = threadIdx.x; i < at.rows * w * groups; i += blockDim.x) {
		int p = i / groups, c = at.column + i % groups * 4;
		int y = p / w, x = p % w;
		if (x >= at.width)
			continue;
		const Output &o = output_of(step, c);
		i64 pixel = ((i64)at.image * step.height + at.y0 + y) * step.width + at.x0 + x;
		float4 *from = (float4 *)(tile + (i64)p * ld + (c - at.column));
		float4 stored = write_value(o.value, o.narrow, pixel * o.pitch + (c - o.column), *from);
		if (o.narrow)
			*from = stored;
	}
}

// Mean and M2 of each column of the tile, into dst[columns]. Threads (g, r): four columns, every R-th pixel.
__device__ inline void tile_statistics(const Forward &step, const Place &at, const float *tile, int ld, float *scratch, double2 *dst) {
	const int groups = at.columns / 4, R = blockDim.x / groups, g = threadIdx.x % groups, r = threadIdx.x / groups;
	const int w = (int)step.tiling.tile_w, n = at.rows * at.width;
	if (r < R) {
		float4 shift = *(const float4 *)(tile + 4 * g), sum = make_float4(0, 0, 0, 0), square = sum;
		for (int k = r; k < n; k += R) {
			float4 x = *(const float4 *)(tile + (k / at.width * w + k % at.width) * ld + 4 * g);
			x = make_float4(x.x - shift.x, x.y - shift.y, x.z - shift.z, x.w - shift.w);
			sum = sum + x;
			square = make_float4(fmaf(x.x, x.x, square.x), fmaf(x.y, x.y, square.y), fmaf(x.z, x.z, square.z), fmaf(x.w, x.w, square.w));
		}
		*(float4 *)(scratch + (2 * r * groups + g) * 4) = sum;
		*(float4 *)(scratch + ((2 * r + 1) * groups + g) * 4) = square;
	}
	__syncthreads();
	for (int c = threadIdx.x; c < at.columns; c += blockDim.x) {
		double sum = 0, square = 0;
		for (int k = 0; k < R; k++) {
			sum += scratch[2 * k * at.columns + c];
			square += scratch[(2 * k + 1) * at.columns + c];
		}
		double m2 = square - sum * sum / n;
		dst[c] = make_double2(tile[c] + sum / n, m2 > 0 ? m2 : (m2 == m2 ? 0 : m2));
	}
}

// The image's statistics from its tiles'.
__device__ inline void merge_tiles(const Forward &step, const Place &at) {
	const Statistics &s = step.statistics;
	const Tiling &t = step.tiling;
	for (int c = at.column + threadIdx.x; c < at.column + at.columns; c += blockDim.x) {
		const double2 *part = s.tile + (i64)at.image * t.tiles * step.columns + c;
		double sum = 0, m2 = 0, n = (double)(step.height * step.width);
		for (int k = 0; k < t.tiles; k++)
			sum += tile_pixels(t, k, step.height, step.width) * fresh(part + k * step.columns).x;
		double mean = sum / n;
		for (int k = 0; k < t.tiles; k++) {
			double2 p = fresh(part + k * step.columns);
			m2 += p.y + tile_pixels(t, k, step.height, step.width) * (p.x - mean) * (p.x - mean);
		}
		s.image[(i64)at.image * step.columns + c] = make_double2(mean, m2);
	}
}

// Sum over r of each column's value in scratch[r][columns], by every thread of the column.
__device__ __forceinline__ double column_sum(double *scratch, double value, int columns, int rows, int c, int r) {
	__syncthreads();
	if (r < rows)
		scratch[r * columns + c] = value;
	__syncthreads();
	double sum = 0;
	for (int k = 0; k < rows; k++)
		sum += scratch[k * columns + c];
	return sum;
}

// The batch's statistics from its images', and with them the coefficients of the BatchNorms over these columns.
__device__ inline void merge_images(const Forward &step, const Place &at, double *scratch, int images) {
	const Statistics &s = step.statistics;
	const int R = blockDim.x / at.columns, c = threadIdx.x % at.columns, r = threadIdx.x / at.columns;
	const double n = (double)(step.height * step.width);
	const double2 *part = s.image + at.column + c;
	double sum = 0, m2 = 0;
	for (int i = r; r < R && i < images; i += R)
		sum += fresh(part + i * step.columns).x;
	double mean = column_sum(scratch, sum, at.columns, R, c, r) / images;
	for (int i = r; r < R && i < images; i += R) {
		double2 p = fresh(part + i * step.columns);
		m2 += p.y + n * (p.x - mean) * (p.x - mean);
	}
	double variance = column_sum(scratch, m2, at.columns, R, c, r) / (n * images);
	if (r != 0)
		return;
	int column = at.column + c;
	s.mean[column] = mean;
	s.variance[column] = variance;
	for (int k = 0; k < s.norms; k++) {
		const BatchNorm &b = s.norm[k];
		i64 channel = column - b.column;
		if (channel >= 0 && channel < b.channels)
			b.affine[channel] = affine_of(b, channel, mean, variance);
	}
}

// Stores a tile [pixels][ld] that is in shared memory and gathers its statistics over the first stat_images images.
// scratch is shared memory apart from the tile, STORE_SCRATCH bytes. All threads of the block call it, and at least as
// many threads as columns. The tile must be complete (a barrier before).
__device__ inline void store_values(const Forward &step, const Place &at, float *tile, int ld, void *scratch, int stat_images) {
	write_tile(step, at, tile, ld);
	const Statistics &s = step.statistics;
	if (s.norms == 0 || at.image >= stat_images)
		return;
	if (step.out[0].narrow)
		__syncthreads();
	const i64 tiles = step.tiling.tiles;
	double2 *dst = tiles == 1 ? s.image + (i64)at.image * step.columns : s.tile + ((i64)at.image * tiles + at.tile) * step.columns;
	tile_statistics(step, at, tile, ld, (float *)scratch, dst + at.column);
	// The counters of a slab: the images that are complete, then the tiles of each image.
	unsigned *arrived = s.arrived + blockIdx.y * (unsigned)(1 + gridDim.x / (unsigned)tiles);
	if (tiles > 1) {
		if (!arrive(arrived + 1 + at.image, (unsigned)tiles))
			return;
		merge_tiles(step, at);
	}
	if (arrive(arrived, (unsigned)stat_images))
		merge_images(step, at, (double *)scratch, stat_images);
}
