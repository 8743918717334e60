// Kernels with one fault each, which the emulator must find.

extern "C" __global__ void planted_read_beyond(float *dst, const float *src, long long n) {
	long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
	if (i < n)
		dst[i] = src[i + 1];
}

extern "C" __global__ void planted_write_before(float *dst) { dst[(int)threadIdx.x - 1] = 1; }

extern "C" __global__ void planted_null(float *dst) { dst[threadIdx.x] = 1; }

extern "C" __global__ void planted_dynamic_beyond(float *dst) {
	SHARED(float, shared);
	shared[threadIdx.x] = 1;
	__syncthreads();
	dst[threadIdx.x] = shared[threadIdx.x + 1];
}

extern "C" __global__ void planted_static_beyond(float *dst, long long shift) {
	__shared__ float shared[32];
	shared[threadIdx.x] = 1;
	__syncthreads();
	dst[threadIdx.x] = shared[threadIdx.x + shift];
}

extern "C" __global__ void planted_misaligned(float *dst, const float *src) {
	*(float4 *)(dst + 4 * threadIdx.x) = *(const float4 *)(src + 1 + 4 * threadIdx.x);
}

extern "C" __global__ void planted_missing_barrier(float *dst) {
	SHARED(float, shared);
	shared[threadIdx.x] = (float)threadIdx.x;
	dst[threadIdx.x] = shared[(threadIdx.x + 32) % blockDim.x];
}

// The barrier after the reads is missing.
extern "C" __global__ void planted_early_overwrite(float *dst) {
	SHARED(float, shared);
	for (int k = 0; k < 2; k++) {
		shared[threadIdx.x] = (float)k;
		__syncthreads();
		dst[threadIdx.x] = shared[(threadIdx.x + 32) % blockDim.x];
	}
}

extern "C" __global__ void planted_missing_syncwarp(float *dst) {
	SHARED(float, shared);
	shared[threadIdx.x] = 1;
	dst[threadIdx.x] = shared[threadIdx.x ^ 1];
}

extern "C" __global__ void planted_divergent_barrier(float *dst) {
	if (threadIdx.x < 32)
		__syncthreads();
	else
		__syncthreads();
	dst[threadIdx.x] = 1;
}

extern "C" __global__ void planted_partial_barrier(float *dst) {
	if (threadIdx.x == 40)
		return;
	__syncthreads();
	dst[threadIdx.x] = 1;
}

extern "C" __global__ void planted_shared_unwritten(float *dst) {
	SHARED(float, shared);
	if (threadIdx.x != 5)
		shared[threadIdx.x] = 1;
	__syncthreads();
	dst[threadIdx.x] = shared[threadIdx.x];
}

extern "C" __global__ void planted_static_unwritten(float *dst) {
	__shared__ float shared[32];
	if (threadIdx.x > 7)
		shared[threadIdx.x] = 1;
	__syncthreads();
	dst[threadIdx.x] = shared[threadIdx.x];
}

extern "C" __global__ void planted_global_unwritten(float *dst, const float *src) { dst[threadIdx.x] = src[threadIdx.x]; }

extern "C" __global__ void planted_missing_wait(float *dst, const float *src) {
	SHARED(float, shared);
	cp_async16(shared + 4 * threadIdx.x, src + 4 * threadIdx.x, true);
	cp_async_commit();
	__syncthreads();
	dst[threadIdx.x] = shared[4 * threadIdx.x];
}

// Others read what a thread's cp.async brings before a barrier.
extern "C" __global__ void planted_wait_without_barrier(float *dst, const float *src) {
	SHARED(float, shared);
	cp_async16(shared + 4 * threadIdx.x, src + 4 * threadIdx.x, true);
	cp_async_commit();
	cp_async_wait<0>();
	dst[threadIdx.x] = shared[4 * (threadIdx.x ^ 1)];
}

// The sum is formed by whoever comes first: an atomic hands out the places, and floats are added in that order.
extern "C" __global__ void planted_order_of_blocks(float *sum, float *part, unsigned *arrived, const float *x) {
	unsigned place = atomicAdd(arrived, 1u);
	part[place] = x[blockIdx.x];
	__threadfence();
	if (atomicAdd(arrived + 1, 1u) + 1 != gridDim.x)
		return;
	float total = 0;
	for (unsigned k = 0; k < gridDim.x; k++)
		total += part[k];
	*sum = total;
}

// The same within a block.
extern "C" __global__ void planted_order_of_threads(float *sum, unsigned *arrived, const float *x) {
	SHARED(float, shared);
	unsigned place = atomicAdd(arrived, 1u);
	shared[place] = x[threadIdx.x];
	__syncthreads();
	if (threadIdx.x != 0)
		return;
	float total = 0;
	for (unsigned k = 0; k < blockDim.x; k++)
		total += shared[k];
	*sum = total;
}

// The barrier after the reads is missing.
extern "C" __global__ void planted_race_of_threads(float *dst, float *work) {
	work[threadIdx.x] = (float)threadIdx.x;
	__syncthreads();
	dst[threadIdx.x] = work[(threadIdx.x + 32) % blockDim.x];
	work[threadIdx.x] = 0;
}

extern "C" __global__ void planted_race_of_threads_writing(float *dst) { *dst = (float)threadIdx.x; }

extern "C" __global__ void planted_race_of_blocks(float *dst) { *dst = (float)blockIdx.x; }

extern "C" __global__ void planted_missing_fence(float *sum, float *part, unsigned *arrived) {
	part[blockIdx.x] = 1;
	if (atomicAdd(arrived, 1u) + 1 != gridDim.x)
		return;
	float total = 0;
	for (unsigned k = 0; k < gridDim.x; k++)
		total += part[k];
	*sum = total;
}

// A thread fences and arrives for the block, and no barrier is between the writes of the others and its fence.
extern "C" __global__ void planted_arrival_without_barrier(float *sum, float *part, unsigned *arrived) {
	__shared__ bool last;
	part[blockIdx.x * blockDim.x + threadIdx.x] = 1;
	if (threadIdx.x == 0) {
		__threadfence();
		last = atomicAdd(arrived, 1u) + 1 == gridDim.x;
	}
	__syncthreads();
	if (!last || threadIdx.x != 0)
		return;
	float total = 0;
	for (unsigned k = 0; k < gridDim.x * blockDim.x; k++)
		total += part[k];
	*sum = total;
}

// A thread writes between its fence and its arrival.
extern "C" __global__ void planted_write_after_fence(float *sum, float *part, unsigned *arrived) {
	__threadfence();
	part[blockIdx.x] = 1;
	if (atomicAdd(arrived, 1u) + 1 != gridDim.x)
		return;
	float total = 0;
	for (unsigned k = 0; k < gridDim.x; k++)
		total += part[k];
	*sum = total;
}

// What a block writes after it has arrived is not ordered by its arrival.
extern "C" __global__ void planted_late_write(float *sum, float *part, unsigned *arrived) {
	__threadfence();
	bool last = atomicAdd(arrived, 1u) + 1 == gridDim.x;
	part[blockIdx.x] = 1;
	if (!last)
		return;
	float total = 0;
	for (unsigned k = 0; k < gridDim.x; k++)
		total += part[k];
	*sum = total;
}

extern "C" __global__ void planted_warp_deadlock(int *dst) {
	int v = (int)threadIdx.x;
	if (threadIdx.x % 32 < 16)
		v = __shfl_xor_sync(0xffffffffu, v, 1);
	else
		__syncthreads();
	dst[threadIdx.x] = v;
}

extern "C" __global__ void planted_warp_left(int *dst) {
	if (threadIdx.x % 32 == 7)
		return;
	dst[threadIdx.x] = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);
}

extern "C" __global__ void planted_warp_masks(int *dst) {
	unsigned mask = threadIdx.x % 2 ? 0xffffffffu : 0xfffffffeu;
	dst[threadIdx.x] = __shfl_sync(threadIdx.x == 0 ? 1u : mask, (int)threadIdx.x, 1);
}

extern "C" __global__ void planted_not_in_mask(int *dst) { dst[threadIdx.x] = __shfl_sync(0xffffu, (int)threadIdx.x, 1); }
