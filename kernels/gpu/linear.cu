// The classifier, and its gradients.
//
//   y[k]     = Σ_c W[k][c]·u[c] + b[k]
//   du[c]    = Σ_k dy[k]·W[k][c]
//   dW[k][c] = Σ_i dy_i[k]·u_i[c]        db[k] = Σ_i dy_i[k]
//
// u is a node of 1×1 pixels. y is the map of out[0], with pitch and padding like any value. W is [classes][channels],
// dense, as the store has it. A block has an image and a channel tile of its result. W comes from the second-level
// cache.
#include "plain.cuh"
#include "store_gradient.cuh"

enum { LINEAR_CHUNK = 1024 }; // elements of u or dy that a block holds at a time

// A warp has a class at a time, a lane every 32nd channel.
extern "C" __global__ void __launch_bounds__(256, 2) linear(const Forward *step, const float *weight, const float *bias, i64 images) {
	__shared__ __align__(16) float u[LINEAR_CHUNK];
	SHARED(float, tile);
	const Forward &s = *step;
	const Node &in = *s.in;
	const Output &o = s.out[0];
	const Place at = place_of(s.tiling, s.columns, 1, 1);
	const int lane = threadIdx.x % 32, channels = (int)in.channels;
	for (int c = threadIdx.x; c < at.columns; c += blockDim.x)
		tile[c] = bias && at.column + c < o.channels ? bias[at.column + c] : 0;
	for (int first = 0; first < channels; first += LINEAR_CHUNK) {
		const int n = min((int)LINEAR_CHUNK, (int)in.pitch - first);
		__syncthreads();
		for (int c = 4 * threadIdx.x; c < n; c += 4 * blockDim.x)
			*(float4 *)(u + c) = load_node(in, at.image, at.image * in.pitch + first + c, first + c);
		__syncthreads();
		for (int k = threadIdx.x / 32; k < at.columns && at.column + k < o.channels; k += blockDim.x / 32) {
			const float *row = weight + (i64)(at.column + k) * channels + first;
			float sum = 0;
			for (int c = lane; c < min(n, channels - first); c += 32)
				sum = fmaf(row[c], u[c], sum);
			for (int d = 16; d > 0; d /= 2)
				sum += __shfl_xor_sync(0xffffffffu, sum, d);
			if (lane == 0)
				tile[k] += sum;
		}
	}
	__syncthreads();
	for (int c = threadIdx.x; c < at.columns; c += blockDim.x)
		((float *)o.value)[at.image * o.pitch + at.column + c] = tile[c];
}

// Component k of the gradient of an image's logits.
__device__ __forceinline__ float logit_gradient(const Backward &s, i64 image, int k) {
	int c = k & ~3;
	return component(load_incoming(s.out[0], image, image * s.out[0].pitch + c, c), k & 3);
}

// Thread (c, r) has a channel and every R-th class.
extern "C" __global__ void __launch_bounds__(256, 2) linear_gradient(const Backward *step, const float *weight, i64 images, i64 frozen, i64 sums) {
	__shared__ float dy[LINEAR_CHUNK];
	SHARED(float, tile);
	const Backward &s = *step;
	const Place at = place_of(s.tiling, s.in.pitch, 1, 1);
	float *scratch = plain_scratch(tile, s.tiling);
	const int R = (int)blockDim.x / at.columns, r = (int)threadIdx.x / at.columns, c = threadIdx.x - r * at.columns;
	const int channels = (int)s.in.channels, classes = (int)s.out[0].channels;
	float sum = 0;
	for (int first = 0; first < classes; first += LINEAR_CHUNK) {
		const int n = min((int)LINEAR_CHUNK, classes - first);
		__syncthreads();
		for (int k = threadIdx.x; k < n; k += blockDim.x)
			dy[k] = logit_gradient(s, at.image, first + k);
		__syncthreads();
		for (int k = r; k < n && r < R && at.column + c < channels; k += R)
			sum = fmaf(dy[k], weight[(i64)(first + k) * channels + at.column + c], sum);
	}
	if (r < R)
		scratch[r * at.columns + c] = sum;
	__syncthreads();
	if (r == 0) {
		for (int k = 1; k < R; k++)
			sum += scratch[k * at.columns + c];
		tile[c] = sum;
	}
	__syncthreads();
	store_gradient(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)images, frozen != 0, sums != 0);
}

// Blocks are dealt a class and 64 channels, or the bias of a class. Thread (g, r) has four channels and every 16th image.
// The sixteen partial sums are added in order, all in doubles.
extern "C" __global__ void __launch_bounds__(256, 2) linear_weight_gradient(float *dweight, float *dbias, const Backward *step, i64 images) {
	__shared__ double part[16][64];
	const Backward &s = *step;
	const Node &in = s.in;
	const int channels = (int)in.channels, chunks = (channels + 63) / 64, r = threadIdx.x / 16, g = threadIdx.x % 16;
	for (i64 item = block_index(); item < s.out[0].channels * (chunks + 1); item += block_count()) {
		const int k = (int)(item / (chunks + 1)), chunk = (int)(item % (chunks + 1)), c = chunk * 64 + 4 * g;
		double sum[4] = {0, 0, 0, 0};
		for (i64 i = r; i < images; i += 16) {
			double dy = logit_gradient(s, i, k);
			float4 u = chunk == chunks ? make_float4(1, 0, 0, 0) : c < channels ? load_node(in, i, i * in.pitch + c, c) : zeros();
			sum[0] += dy * u.x, sum[1] += dy * u.y, sum[2] += dy * u.z, sum[3] += dy * u.w;
		}
		__syncthreads();
		for (int j = 0; j < 4; j++)
			part[r][4 * g + j] = sum[j];
		__syncthreads();
		if (threadIdx.x >= 64)
			continue;
		double total = 0;
		for (int i = 0; i < 16; i++)
			total += part[i][threadIdx.x];
		if (chunk < chunks && chunk * 64 + threadIdx.x < channels)
			dweight[(i64)k * channels + chunk * 64 + threadIdx.x] = (float)total;
		if (chunk == chunks && threadIdx.x == 0 && dbias)
			dbias[k] = (float)total;
	}
}
