// The gradient of one convolution's weights.
//
//   dW[o, i, k] = Σ_images Σ_p dy[o, p] · u[i, p·stride − pad + k·dilation]      u = act(node)
//
// The result is small, 16·16·9 to 192·64·9. The sum is very long, 256·1024 terms. Block (x, y) has tile_out × tile_in
// weights of up to TAPS taps in a row of the window, and the images of chunk y. It goes through each image tile by
// tile. It stages dy and the inputs of these taps in shared memory, transforms each value once, and adds up in
// registers. A thread has 4 outputs × 4 inputs × TAPS taps of every R-th pixel: 48 multiplications for 4 float4 loads.
// The threads of a warp share inputs or outputs. A staged row has 4 floats more than channels: neighbouring pixels do
// not conflict.
//
// Order: the pixels of a thread, its R partners, the tiles and images of a chunk as they come, then the chunks. The
// last block to arrive adds the chunks, in doubles. The bits are the same on every GPU. With groups > 1 a block works
// only if it meets the diagonal of groups, and stores only the weights on it. dW has the channels of a group only:
// [out][in / groups][kernel][kernel], its outputs `row` elements apart.
//
// DRAM and L2: u and dy are read tiles · kernel times, each time for a row of taps. Blocks that run together share a
// tile's rows: the second-level cache serves most.
#include "patch.cuh"
#include "block.cuh"

enum { TAPS = 3, WEIGHT_THREADS = 128 };

// The weights of a block: outputs [o, o + tile_out), inputs [i, i + tile_in), taps (ky, kx … kx + taps − 1).
struct WeightBlock {
	int o, i, ky, kx, taps;
};

__device__ __forceinline__ WeightBlock weight_block(const WeightGradient &s) {
	const int kernel = (int)s.kernel, parts = (kernel + TAPS - 1) / TAPS;
	const int tiles = ((int)s.in.pitch + (int)s.tile_in - 1) / (int)s.tile_in, n = blockIdx.x;
	WeightBlock b;
	b.kx = n % parts * TAPS;
	b.ky = n / parts % kernel;
	b.i = n / (parts * kernel) % tiles * (int)s.tile_in;
	b.o = n / (parts * kernel * tiles) * (int)s.tile_out;
	b.taps = min(TAPS, kernel - b.kx);
	return b;
}

// Whether the block has a weight: groups [o / outs, …] and [i / ins, …] have one in common.
__device__ __forceinline__ bool meets_diagonal(const WeightGradient &s, const WeightBlock &b) {
	const int outs = (int)(s.out.channels / s.groups), ins = (int)(s.in.channels / s.groups);
	if (b.o >= s.out.channels || b.i >= s.in.channels)
		return false;
	int last_o = min(b.o + (int)s.tile_out, (int)s.out.channels) - 1, last_i = min(b.i + (int)s.tile_in, (int)s.in.channels) - 1;
	return b.o / outs <= last_i / ins && b.i / ins <= last_o / outs;
}

struct ValueSource {
	const WeightGradient &step;
	__device__ __forceinline__ int height() const { return (int)step.height; }
	__device__ __forceinline__ int width() const { return (int)step.width; }
	__device__ __forceinline__ IncomingChannel at(int c) const { return IncomingChannel{step.out, c}; }
};

// A thread's outputs 4·o …, inputs 4·i …, and its pixels r, r + R, …
struct WeightShare {
	int o, i, r, R;
};

__device__ __forceinline__ WeightShare weight_share(const WeightGradient &s) {
	const int os = (int)s.tile_out / 4, is = (int)s.tile_in / 4, t = threadIdx.x;
	return WeightShare{t % (os * is) / is, t % is, t / (os * is), (int)blockDim.x / (os * is)};
}

__device__ __forceinline__ void add_outer(float (&sum)[4][4], float4 d, float4 u) {
	const float a[4] = {d.x, d.y, d.z, d.w};
#pragma unroll
	for (int j = 0; j < 4; j++) {
		sum[j][0] = fmaf(a[j], u.x, sum[j][0]);
		sum[j][1] = fmaf(a[j], u.y, sum[j][1]);
		sum[j][2] = fmaf(a[j], u.z, sum[j][2]);
		sum[j][3] = fmaf(a[j], u.w, sum[j][3]);
	}
}

// Adds the products of a chunk's images.
__device__ __forceinline__ void accumulate(const WeightGradient &s, const WeightBlock &b, const WeightShare &share, float *dy, int from, int to, float (&sum)[TAPS][4][4]) {
	const int stride = (int)s.stride, dilation = (int)s.dilation, th = (int)s.tile_h, tw = (int)s.tile_w;
	Patch d = {0, 0, th, tw, (int)s.tile_out + 4};
	Patch u = {0, 0, (th - 1) * stride + 1, (tw - 1) * stride + (min((int)s.kernel, TAPS) - 1) * dilation + 1, (int)s.tile_in + 4};
	float *in = dy + th * tw * d.ld;
	const int outs = min((int)s.tile_out, (int)s.out.pitch - b.o), ins = min((int)s.tile_in, (int)s.in.pitch - b.i);
	const bool mine = share.r < share.R && 4 * share.o < outs && 4 * share.i < ins;
	for (int image = from; image < to; image++)
		for (d.y0 = 0; d.y0 < s.height; d.y0 += th)
			for (d.x0 = 0; d.x0 < s.width; d.x0 += tw) {
				u.y0 = d.y0 * stride - (int)s.pad + b.ky * dilation;
				u.x0 = d.x0 * stride - (int)s.pad + b.kx * dilation;
				__syncthreads();
				stage_patch(dy, d, ValueSource{s}, image, b.o, outs);
				stage_patch(in, u, NodeSource{s.in}, image, b.i, ins);
				__syncthreads();
				Walk walk(share.r, share.R, tw);
#pragma unroll 1
				for (int p = share.r; mine && p < th * tw; p += share.R, walk.next()) {
					float4 a = *(const float4 *)(dy + p * d.ld + 4 * share.o);
					const float *at = in + (walk.y * u.width + walk.x) * stride * u.ld + 4 * share.i;
#pragma unroll
					for (int k = 0; k < TAPS; k++)
						if (k < b.taps)
							add_outer(sum[k], a, *(const float4 *)(at + k * dilation * u.ld));
				}
			}
}

// Adds the sums of R partners in order, into buffer [TAPS][tile_out][tile_in].
__device__ __forceinline__ void add_partners(const WeightGradient &s, const WeightShare &share, float *buffer, const float (&sum)[TAPS][4][4]) {
	const int pitch = (int)s.tile_in, plane = (int)s.tile_out * pitch;
	for (int r = 0; r < share.R; r++) {
		__syncthreads();
		if (share.r != r)
			continue;
#pragma unroll
		for (int k = 0; k < TAPS; k++)
#pragma unroll
			for (int j = 0; j < 4; j++) {
				float4 *to = (float4 *)(buffer + k * plane + (4 * share.o + j) * pitch + 4 * share.i);
				float4 v = make_float4(sum[k][j][0], sum[k][j][1], sum[k][j][2], sum[k][j][3]);
				*to = r == 0 ? v : *to + v;
			}
	}
	__syncthreads();
}

// Element n of the block's [tile_out][tile_in][taps]: its index in the buffer, in a chunk's partial sums (−1: there is no
// such weight) and in dW.
struct WeightPlace {
	int buffer;
	i64 partial, weight;
};

__device__ __forceinline__ WeightPlace weight_place(const WeightGradient &s, const WeightBlock &b, int n) {
	const int k = n % b.taps, column = n / b.taps % (int)s.tile_in, row = n / b.taps / (int)s.tile_in, o = b.o + row, i = b.i + column;
	const i64 outs = s.out.channels / s.groups, ins = s.in.channels / s.groups;
	WeightPlace p = {(k * (int)s.tile_out + row) * (int)s.tile_in + column, -1, -1};
	if (o < s.out.channels && i < s.in.channels && o / outs == i / ins) {
		const i64 in_row = (i % ins * s.kernel + b.ky) * s.kernel + b.kx + k;
		p.partial = o * ins * s.kernel * s.kernel + in_row;
		p.weight = o * s.row + in_row;
	}
	return p;
}

extern "C" __global__ void __launch_bounds__(WEIGHT_THREADS, 3) conv_weight_gradient(const WeightGradient *step, i64 images) {
	SHARED(float, shared);
	const WeightGradient &s = *step;
	const WeightBlock b = weight_block(s);
	if (!meets_diagonal(s, b))
		return;
	const int chunks = (int)s.chunks, chunk = blockIdx.y, count = (int)(s.tile_out * s.tile_in) * b.taps;
	const i64 size = s.out.channels * (s.in.channels / s.groups) * s.kernel * s.kernel;
	WeightShare share = weight_share(s);
	float sum[TAPS][4][4] = {};
	if (s.out.sources > 0)
		accumulate(s, b, share, shared, (int)(images * chunk / chunks), (int)(images * (chunk + 1) / chunks), sum);
	add_partners(s, share, shared, sum);
	for (int n = threadIdx.x; n < count; n += blockDim.x) {
		WeightPlace p = weight_place(s, b, n);
		if (p.partial >= 0)
			*(chunks == 1 ? s.gradient + p.weight : s.partial + chunk * size + p.partial) = shared[p.buffer];
	}
	if (chunks == 1 || !arrive(OneCounter{s.arrived}, (int)blockIdx.x, (unsigned)chunks))
		return;
	for (int n = threadIdx.x; n < count; n += blockDim.x) {
		WeightPlace p = weight_place(s, b, n);
		if (p.partial < 0)
			continue;
		double total = 0;
		in_order<8>(0, (int)chunks, 1, s.partial + p.partial, size, [&](int, float x) { total += x; });
		s.gradient[p.weight] = (float)total;
	}
}
