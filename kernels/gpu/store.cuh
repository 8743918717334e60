// Stores of the forward pass: a block's tile of a step's values, and the channel statistics for their BatchNorms.
//
// Statistics are merged in a fixed order. A block reduces its tile around the tile's first pixel. The last block of an
// image merges the image's tiles. The last image's last block merges the batch. Merges are in doubles (Chan et al.):
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

// Stores four channels at offset `at` and returns what was stored.
__device__ __forceinline__ float4 write_value(void *value, i64 half, i64 at, float4 x) {
	if (!half) {
		*(float4 *)(global((float *)value) + at) = x;
		return x;
	}
	unsigned a = to_f16(x.x), b = to_f16(x.y), c = to_f16(x.z), d = to_f16(x.w);
	*(uint2 *)(global((unsigned short *)value) + at) = make_uint2(a | b << 16, c | d << 16);
	return make_float4(from_f16(a), from_f16(b), from_f16(c), from_f16(d));
}

// Stores the tile. Thread (g, r) has four columns and every R-th pixel. In half precision the tile keeps the rounded
// values: later loads see those, so the statistics must be theirs. A thread reads the fields of the step before its first
// store: the compiler must assume that a store changes them, and would read them again for each pixel.
__device__ inline void write_tile(const Forward &step, const Place &at, float *tile, int ld) {
	const int groups = at.columns / 4, R = blockDim.x / groups, g = threadIdx.x % groups, r = threadIdx.x / groups;
	if (r >= R)
		return;
	const int w = (int)step.tiling.tile_w, n = at.rows * at.width, width = (int)step.width, c = at.column + 4 * g;
	const Output &o = output_of(step, c);
	const int pitch = (int)o.pitch;
	const i64 half = o.half, origin = (((i64)at.image * step.height + at.y0) * width + at.x0) * pitch + (c - o.column);
	void *const value = o.value;
	Walk walk(r, R, at.width);
	for (int k = r; k < n; k += R, walk.next()) {
		float4 *from = (float4 *)(tile + (walk.y * w + walk.x) * ld + 4 * g);
		float4 stored = write_value(value, half, origin + (i64)(walk.y * width + walk.x) * pitch, *from);
		if (half)
			*from = stored;
	}
}

// Mean and M2 of each column of the tile, into dst[columns]. Thread (g, r) has four columns and every R-th pixel.
__device__ inline void tile_statistics(const Forward &step, const Place &at, const float *tile, int ld, float *scratch, double2 *dst) {
	const int groups = at.columns / 4, R = blockDim.x / groups, g = threadIdx.x % groups, r = threadIdx.x / groups;
	const int w = (int)step.tiling.tile_w, n = at.rows * at.width;
	if (r < R) {
		float4 shift = *(const float4 *)(tile + 4 * g), sum = make_float4(0, 0, 0, 0), square = sum;
		Walk walk(r, R, at.width);
		for (int k = r; k < n; k += R, walk.next()) {
			float4 x = *(const float4 *)(tile + (walk.y * w + walk.x) * ld + 4 * g);
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

// Σ_r of a column's values. Every thread of the column gets the sum. scratch is [rows][columns].
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

// The statistics of one column of a step, and the coefficients of the BatchNorms over it.
__device__ __forceinline__ void put_statistics(const Statistics &s, i64 column, double mean, double variance) {
	s.mean[column] = mean;
	s.variance[column] = variance;
	for (int k = 0; k < s.norms; k++) {
		const BatchNorm &b = s.norm[k];
		i64 channel = column - b.column;
		if (channel >= 0 && channel < b.channels)
			b.affine[channel] = affine_of(b, channel, mean, variance);
	}
}

// The statistics of the batch, from those of its images, and the coefficients of the BatchNorms over these columns.
__device__ inline void merge_images(const Forward &step, const Place &at, double *scratch, int images) {
	const Statistics &s = step.statistics;
	const int R = blockDim.x / at.columns, c = threadIdx.x % at.columns, r = threadIdx.x / at.columns;
	const double n = (double)(step.height * step.width);
	const double2 *part = s.image + at.column + c;
	const int end = r < R ? images : 0;
	double sum = 0, m2 = 0;
	in_order<8>(r, end, R, part, step.columns, [&](int, double2 p) { sum += p.x; });
	double mean = column_sum(scratch, sum, at.columns, R, c, r) / images;
	in_order<8>(r, end, R, part, step.columns, [&](int, double2 p) { m2 += p.y + n * (p.x - mean) * (p.x - mean); });
	double variance = column_sum(scratch, m2, at.columns, R, c, r) / (n * images);
	if (r != 0)
		return;
	put_statistics(s, at.column + c, mean, variance);
}

// Stores a tile [pixels][ld] in shared memory and gathers its statistics over the first stat_images images. scratch is
// other shared memory, STORE_SCRATCH bytes. All threads of the block call it. The block has at least as many threads as
// columns. The tile must be complete (a barrier before).
__device__ inline void store_values(const Forward &step, const Place &at, float *tile, int ld, void *scratch, int stat_images) {
	write_tile(step, at, tile, ld);
	const Statistics &s = step.statistics;
	if (s.norms == 0 || at.image >= stat_images)
		return;
	if (step.out[0].half)
		__syncthreads();
	const i64 tiles = step.tiling.tiles;
	double2 *dst = tiles == 1 ? s.image + (i64)at.image * step.columns : s.tile + ((i64)at.image * tiles + at.tile) * step.columns;
	tile_statistics(step, at, tile, ld, (float *)scratch, dst + at.column);
	// The counters of a channel tile: the images that are complete, then the tiles of each image.
	unsigned *arrived = s.arrived + blockIdx.y * (unsigned)(1 + gridDim.x / (unsigned)tiles);
	if (tiles > 1) {
		if (!arrive(arrived + 1 + at.image, (unsigned)tiles))
			return;
		merge_tiles(step, at);
	}
	if (arrive(arrived, (unsigned)stat_images))
		merge_images(step, at, (double *)scratch, stat_images);
}
