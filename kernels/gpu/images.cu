// Between dense images, N×C×H×W, and feature maps, NHWC with a pitch.
//
//   images:    the network's input becomes the map of out[0], with statistics like any value
//   to_map:    a dense array becomes a map, its padding zeros
//   read_node: Σ terms of a node, without activation, becomes a dense array
//
// Threads run over pixels first: together they read and write rows of a channel. `images` writes a tile of the map
// through shared memory. In the others a thread has eight channels of the map, a whole sector.
#include "plain.cuh"
#include "store.cuh"

extern "C" __global__ void __launch_bounds__(256, 2) images(const Forward *step, const float *nchw, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const Output &o = s.out[0];
	Place at = place_of(s.tiling, s.columns, s.height, s.width);
	const int pixels = at.rows * at.width, ld = plain_ld(s.tiling), plane = (int)(s.height * s.width);
	for (int i = threadIdx.x; i < pixels * (at.columns / 4); i += blockDim.x) {
		const int group = i / pixels, p = i - group * pixels, y = p / at.width, x = p - y * at.width, c = at.column + 4 * group;
		const float *const from = nchw + (at.image * o.channels + c) * plane + (at.y0 + y) * (int)s.width + at.x0 + x;
		float v[4];
#pragma unroll
		for (int j = 0; j < 4; j++)
			v[j] = c + j < o.channels ? from[j * plane] : 0;
		*(float4 *)(tile + (y * (int)s.tiling.tile_w + x) * ld + 4 * group) = make_float4(v[0], v[1], v[2], v[3]);
	}
	__syncthreads();
	store_values(s, at, tile, ld, plain_scratch(tile, s.tiling), (int)stat_images);
}

// Eight channels from c of pixel p of an image.
struct Octet {
	i64 image, pixel;
	int c;
	__device__ __forceinline__ Octet(i64 i, i64 pixels, i64 pitch) : image(i / pixels / (pitch / 8)), pixel(i % pixels), c((int)(i / pixels % (pitch / 8)) * 8) {}
};

extern "C" __global__ void __launch_bounds__(256, 2) to_map(float *map, const float *nchw, i64 images, i64 channels, i64 height, i64 width) {
	const i64 pixels = height * width, pitch = (channels + 7) / 8 * 8;
	for (i64 i = thread_index(); i < images * pixels * (pitch / 8); i += thread_count()) {
		Octet o(i, pixels, pitch);
		float v[8];
#pragma unroll
		for (int j = 0; j < 8; j++)
			v[j] = o.c + j < channels ? nchw[(o.image * channels + o.c + j) * pixels + o.pixel] : 0;
		float4 *to = (float4 *)(map + (o.image * pixels + o.pixel) * pitch + o.c);
		to[0] = make_float4(v[0], v[1], v[2], v[3]);
		to[1] = make_float4(v[4], v[5], v[6], v[7]);
	}
}

extern "C" __global__ void __launch_bounds__(256, 2) read_node(float *nchw, const Node *node, i64 images) {
	const Node &n = *node;
	const i64 pixels = n.height * n.width;
	for (i64 i = thread_index(); i < images * pixels * (n.pitch / 8); i += thread_count()) {
		Octet o(i, pixels, n.pitch);
		i64 at = (o.image * pixels + o.pixel) * n.pitch + o.c;
		float4 low = node_sum(n, o.image, at, o.c), high = node_sum(n, o.image, at + 4, o.c + 4);
		const float v[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
		for (int j = 0; j < 8; j++)
			if (o.c + j < n.channels)
				nchw[(o.image * n.channels + o.c + j) * pixels + o.pixel] = v[j];
	}
}
