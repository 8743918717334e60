// A 3 × 3 convolution of a 32-channel map, for the emulator's speed: dst[y][x][c] = Σ src[y + i][x + j][k]·weight[i][j][k][c],
// src without border 34 × 34, dst 32 × 32. A block of 256 threads has 16 × 16 pixels and 32 columns, a thread 8 pixels of a
// row and 4 columns; 8 channels at a time are in shared memory.
extern "C" __global__ void __launch_bounds__(256) clean_conv(float *dst, const float *src, const float *weight) {
	__shared__ float patch[18][18][8];
	__shared__ float4 taps[9][8][8];
	const int t = threadIdx.x, group = t % 8, y = t / 8 / 2, x = t / 8 % 2 * 8, y0 = blockIdx.y * 16, x0 = blockIdx.x * 16;
	src += (long long)blockIdx.z * 34 * 34 * 32;
	dst += (long long)blockIdx.z * 32 * 32 * 32;
	float4 sum[8] = {};
	for (int first = 0; first < 32; first += 8) {
		for (int i = t; i < 18 * 18 * 8; i += 256)
			patch[i / 8 / 18][i / 8 % 18][i % 8] = src[((y0 + i / 8 / 18) * 34 + x0 + i / 8 % 18) * 32 + first + i % 8];
		for (int i = t; i < 9 * 8 * 8; i += 256)
			taps[i / 64][i / 8 % 8][i % 8] = *(const float4 *)(weight + ((i / 64 * 32 + first + i / 8 % 8) * 32 + i % 8 * 4));
		__syncthreads();
		for (int tap = 0; tap < 9; tap++)
			for (int k = 0; k < 8; k++) {
				float4 w = taps[tap][k][group];
#pragma unroll
				for (int j = 0; j < 8; j++) {
					float u = patch[y + tap / 3][x + j + tap % 3][k];
					sum[j].x = fmaf(u, w.x, sum[j].x);
					sum[j].y = fmaf(u, w.y, sum[j].y);
					sum[j].z = fmaf(u, w.z, sum[j].z);
					sum[j].w = fmaf(u, w.w, sum[j].w);
				}
			}
		__syncthreads();
	}
	for (int j = 0; j < 8; j++)
		*(float4 *)(dst + ((y0 + y) * 32 + x0 + x + j) * 32 + group * 4) = sum[j];
}
