// Observations of a node, z = Σ terms without activation: exact counts and sums in doubles.
//
//   spatial_mean:     dst[i][c] = Σ_p z / (H·W)
//   fire_count:       dst[i][c] = number of pixels with z > 0
//   covariance:       partial[i][c][d] = Σ_p (z_c − μ_c)(z_d − μ_d)
//   covariance_total: cov[c][d] = Σ_i partial[i][c][d] / count, in order
//
// For mean and count, blocks are dealt an image and 64 channels; thread (g, r) has four channels and every 16th pixel.
// For the covariance, blocks are dealt an image and 32×32 pairs of channels; a thread has two by two, and 32 pixels of
// both sides are in shared memory at a time.
#include "plain.cuh"

enum { PROBE_CHANNELS = 64, PROBE_ROWS = 16 };

struct Identity {
	__device__ __forceinline__ double operator()(float z) const { return z; }
};

struct Positive {
	__device__ __forceinline__ double operator()(float z) const { return z > 0; }
};

// store(image·channels + c, Σ_p f(z)) for every image and channel. A double counts exactly.
template <class F, class Store>
__device__ __forceinline__ void sum_pixels(const Node &node, i64 images, F f, Store store) {
	__shared__ double part[PROBE_ROWS][PROBE_CHANNELS];
	const i64 pixels = node.height * node.width, chunks = (node.channels + PROBE_CHANNELS - 1) / PROBE_CHANNELS;
	const int g = threadIdx.x % (PROBE_CHANNELS / 4), r = threadIdx.x / (PROBE_CHANNELS / 4);
	for (i64 item = block_index(); item < images * chunks; item += block_count()) {
		const i64 image = item / chunks;
		const int first = (int)(item % chunks) * PROBE_CHANNELS, c = first + 4 * g;
		double sum[4] = {0, 0, 0, 0};
#pragma unroll 1
		for (i64 p = r; c < node.pitch && p < pixels; p += PROBE_ROWS) {
			float4 z = node_sum(node, image, (image * pixels + p) * node.pitch + c, c);
			sum[0] += f(z.x), sum[1] += f(z.y), sum[2] += f(z.z), sum[3] += f(z.w);
		}
		__syncthreads();
		for (int j = 0; j < 4; j++)
			part[r][4 * g + j] = sum[j];
		__syncthreads();
		int k = threadIdx.x;
		if (k >= PROBE_CHANNELS || first + k >= node.channels)
			continue;
		double total = 0;
		for (int i = 0; i < PROBE_ROWS; i++)
			total += part[i][k];
		store(image * node.channels + first + k, total);
	}
}

struct StoreMean {
	double *dst;
	double pixels;
	__device__ __forceinline__ void operator()(i64 at, double sum) const { dst[at] = sum / pixels; }
};

struct StoreCount {
	i64 *dst;
	__device__ __forceinline__ void operator()(i64 at, double sum) const { dst[at] = (i64)sum; }
};

extern "C" __global__ void __launch_bounds__(256, 2) spatial_mean(double *dst, const Node *node, i64 images) {
	sum_pixels(*node, images, Identity(), StoreMean{dst, (double)(node->height * node->width)});
}

extern "C" __global__ void __launch_bounds__(256, 2) fire_count(i64 *dst, const Node *node, i64 images) {
	sum_pixels(*node, images, Positive(), StoreCount{dst});
}

enum { PAIR = 32 }; // pixels, and channels of each side

// Deviations from the means of 32 pixels × 32 channels, zeros outside: a thread has four channels of one pixel.
__device__ __forceinline__ void load_deviations(float (&to)[PAIR][PAIR + 1], const Node &node, const double *mean, i64 image, i64 from, int first) {
	const i64 pixels = node.height * node.width, p = from + threadIdx.x / 8;
	const int column = threadIdx.x % 8 * 4, c = first + column;
	const bool inside = p < pixels && c < node.pitch;
	float4 z = inside ? node_sum(node, image, (image * pixels + p) * node.pitch + c, c) : zeros();
#pragma unroll
	for (int j = 0; j < 4; j++)
		to[threadIdx.x / 8][column + j] = inside && c + j < node.channels ? (float)(component(z, j) - mean[c + j]) : 0;
}

extern "C" __global__ void __launch_bounds__(256, 2) covariance(double *partial, const double *mean, const Node *node, i64 images) {
	__shared__ float left[PAIR][PAIR + 1], right[PAIR][PAIR + 1];
	const i64 C = node->channels, pixels = node->height * node->width, chunks = (C + PAIR - 1) / PAIR;
	const int row = threadIdx.x / 16, column = threadIdx.x % 16;
	for (i64 item = block_index(); item < images * chunks * chunks; item += block_count()) {
		const i64 image = item / (chunks * chunks);
		const int c = (int)(item / chunks % chunks) * PAIR, d = (int)(item % chunks) * PAIR;
		const float(*other)[PAIR + 1] = c == d ? left : right;
		double sum[2][2] = {};
		for (i64 from = 0; from < pixels; from += PAIR) {
			__syncthreads();
			load_deviations(left, *node, mean, image, from, c);
			if (c != d)
				load_deviations(right, *node, mean, image, from, d);
			__syncthreads();
			if (c + row >= C || d + column >= C) // none of its pairs is
				continue;
#pragma unroll 4
			for (int p = 0; p < PAIR; p++) {
				const double l[2] = {left[p][row], left[p][row + 16]}, r[2] = {other[p][column], other[p][column + 16]};
				for (int a = 0; a < 2; a++)
					for (int b = 0; b < 2; b++)
						sum[a][b] += l[a] * r[b];
			}
		}
		for (int a = 0; a < 2; a++)
			for (int b = 0; b < 2; b++)
				if (c + row + 16 * a < C && d + column + 16 * b < C)
					partial[(image * C + c + row + 16 * a) * C + d + column + 16 * b] = sum[a][b];
	}
}

extern "C" __global__ void __launch_bounds__(256) covariance_total(double *cov, const double *partial, i64 images, i64 channels, i64 count) {
	const i64 pairs = channels * channels;
	for (i64 k = thread_index(); k < pairs; k += thread_count()) {
		double sum = 0;
		for (i64 i = 0; i < images; i++)
			sum += partial[i * pairs + k];
		cov[k] = sum / count;
	}
}
