// Correct kernels: what the emulator must run without a complaint, in every order of blocks and threads.

extern "C" __global__ void clean_add(float *dst, const float *a, const float *b, long long n) {
	long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
	if (i < n)
		dst[i] = a[i] + b[i];
}

// The sum of the block's values, in a fixed order; shared memory of one float a thread.
__device__ inline float block_sum(float *shared, float value) {
	shared[threadIdx.x] = value;
	__syncthreads();
	for (unsigned step = blockDim.x / 2; step > 0; step /= 2) {
		if (threadIdx.x < step)
			shared[threadIdx.x] += shared[threadIdx.x + step];
		__syncthreads();
	}
	return shared[0];
}

// part[block] = Σ of the block; the last block to finish adds the parts in order, and the counter is zero again.
extern "C" __global__ void clean_sum(float *sum, float *part, unsigned *arrived, const float *x, long long n) {
	SHARED(float, shared);
	__shared__ bool last;
	long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
	float s = block_sum(shared, i < n ? x[i] : 0);
	if (threadIdx.x == 0) {
		part[blockIdx.x] = s;
		__threadfence();
		last = atomicAdd(arrived, 1u) + 1 == gridDim.x;
	}
	__syncthreads();
	if (!last || threadIdx.x != 0)
		return;
	__threadfence();
	float total = 0;
	for (unsigned k = 0; k < gridDim.x; k++)
		total += part[k];
	*sum = total;
	*arrived = 0;
}

// Threads hand numbers on through global memory, with a barrier after each step, also after one that only reads: dst = 6·thread of a neighbour.
extern "C" __global__ void clean_exchange(float *dst, float *work) {
	const unsigned me = threadIdx.x, other = (me + 32) % blockDim.x;
	float sum = 0;
	for (int k = 1; k <= 3; k++) {
		work[me] = (float)(k * me);
		__syncthreads();
		sum += work[other];
		__syncthreads();
	}
	dst[me] = 0;
	__syncthreads();
	float before = dst[other];
	__syncthreads();
	dst[me] = before + sum;
}

// dst[c][r] = src[r][c], 32 × 32 at a time through shared memory.
extern "C" __global__ void clean_transpose(float *dst, const float *src, long long rows, long long columns) {
	__shared__ float tile[32][33];
	long long r = (long long)blockIdx.y * 32 + threadIdx.y, c = (long long)blockIdx.x * 32 + threadIdx.x;
	for (int k = 0; k < 32; k += 8)
		if (r + k < rows && c < columns)
			tile[threadIdx.y + k][threadIdx.x] = src[(r + k) * columns + c];
	__syncthreads();
	r = (long long)blockIdx.y * 32 + threadIdx.x;
	c = (long long)blockIdx.x * 32 + threadIdx.y;
	for (int k = 0; k < 32; k += 8)
		if (r < rows && c + k < columns)
			dst[(c + k) * rows + r] = tile[threadIdx.x][threadIdx.y + k];
}

// For each thread: the sum of its warp, the value of lane 3, of the lane before, and the votes for odd values.
extern "C" __global__ void clean_warp(float *sum, int *third, int *before, unsigned *odd, const int *x) {
	unsigned t = threadIdx.x;
	float s = (float)x[t];
	for (int step = 16; step > 0; step /= 2)
		s += __shfl_xor_sync(0xffffffffu, s, step);
	float down = (float)x[t];
	for (int step = 16; step > 0; step /= 2)
		down += __shfl_down_sync(0xffffffffu, down, step);
	sum[t] = t % 32 == 0 ? down : s;
	third[t] = __shfl_sync(0xffffffffu, x[t], 3);
	before[t] = __shfl_up_sync(0xffffffffu, x[t], 1);
	unsigned votes = __ballot_sync(0xffffffffu, x[t] & 1);
	odd[t] = __any_sync(0xffffffffu, x[t] > 1000) ? 0 : votes;
}

// dst = 2·src through two buffers of 16 bytes a thread, each fetched while the other is used.
extern "C" __global__ void clean_pipeline(float *dst, const float *src, long long chunks) {
	SHARED(float, buffer);
	const unsigned n = blockDim.x * 4, mine = threadIdx.x * 4, other = (threadIdx.x ^ 1) * 4;
	cp_async16(buffer + mine, src + mine, true);
	cp_async_commit();
	for (int k = 0; k < chunks; k++) {
		if (k + 1 < chunks)
			cp_async16(buffer + (k + 1) % 2 * n + mine, src + (k + 1) * n + mine, true);
		cp_async_commit();
		cp_async_wait<1>();
		__syncthreads();
		for (int i = 0; i < 4; i++)
			dst[k * n + other + i] = 2 * buffer[k % 2 * n + other + i];
		__syncthreads();
	}
}

extern "C" __global__ void clean_zero_fill(float *dst, const float *src) {
	SHARED(float, buffer);
	cp_async16(buffer + threadIdx.x * 4, src, threadIdx.x == 0);
	cp_async_commit();
	cp_async_wait<0>();
	for (int i = 0; i < 4; i++)
		dst[threadIdx.x * 4 + i] = buffer[threadIdx.x * 4 + i];
}

// d[16][8] += a[16][8] · b[8][8].
extern "C" __global__ void clean_mma_tf32(float *d, const float *a, const float *b) {
	unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
	unsigned ra[4] = {to_tf32(a[g * 8 + t]), to_tf32(a[(g + 8) * 8 + t]), to_tf32(a[g * 8 + t + 4]), to_tf32(a[(g + 8) * 8 + t + 4])};
	unsigned rb[2] = {to_tf32(b[t * 8 + g]), to_tf32(b[(t + 4) * 8 + g])};
	float *top = d + g * 8 + 2 * t, *bottom = d + (g + 8) * 8 + 2 * t;
	float rd[4] = {top[0], top[1], bottom[0], bottom[1]};
	mma_m16n8k8_tf32(rd, ra, rb);
	top[0] = rd[0], top[1] = rd[1], bottom[0] = rd[2], bottom[1] = rd[3];
}

// d[16][8] += a[16][16] · b[16][8], halves: a's fragments by ldmatrix of its rows, b's by the transposing one.
template <bool BF16> __device__ inline void mma_16(float *d, const float *a, const float *b, unsigned short *shared) {
	for (unsigned i = threadIdx.x; i < 256; i += 32)
		shared[i] = BF16 ? to_bf16(a[i]) : to_f16(a[i]);
	for (unsigned i = threadIdx.x; i < 128; i += 32)
		shared[256 + i] = BF16 ? to_bf16(b[i]) : to_f16(b[i]);
	__syncwarp();
	unsigned l = threadIdx.x, g = l / 4, t = l % 4, ra[4], rb[2];
	ldmatrix_x4(ra, shared + l % 16 * 16 + l / 16 * 8);
	ldmatrix_x2_trans(rb, shared + 256 + l % 16 * 8);
	float *top = d + g * 8 + 2 * t, *bottom = d + (g + 8) * 8 + 2 * t;
	float rd[4] = {top[0], top[1], bottom[0], bottom[1]};
	if (BF16)
		mma_m16n8k16_bf16(rd, ra, rb);
	else
		mma_m16n8k16_f16(rd, ra, rb);
	top[0] = rd[0], top[1] = rd[1], bottom[0] = rd[2], bottom[1] = rd[3];
}
extern "C" __global__ void clean_mma_f16(float *d, const float *a, const float *b) {
	SHARED(unsigned short, shared);
	mma_16<false>(d, a, b, shared);
}
extern "C" __global__ void clean_mma_bf16(float *d, const float *a, const float *b) {
	SHARED(unsigned short, shared);
	mma_16<true>(d, a, b, shared);
}

extern "C" __global__ void clean_convert(unsigned *tf32, unsigned short *f16, unsigned short *bf16, float *back, const float *x, long long n) {
	for (long long i = threadIdx.x; i < n; i += blockDim.x) {
		tf32[i] = to_tf32(x[i]);
		f16[i] = to_f16(x[i]);
		bf16[i] = to_bf16(x[i]);
		back[2 * i] = from_f16(f16[i]);
		back[2 * i + 1] = from_bf16(bf16[i]);
	}
}

// Two blocks share each 4 bytes: each writes its half.
extern "C" __global__ void clean_halves(unsigned short *dst) { dst[2 * threadIdx.x + blockIdx.x] = (unsigned short)(threadIdx.x + 100 * blockIdx.x); }

// dst = a·b + c, of two roundings and of one.
extern "C" __global__ void clean_contract(float *dst, const float *x) {
	dst[0] = x[0] * x[1] + x[2];
	dst[1] = fmaf(x[0], x[1], x[2]);
}
