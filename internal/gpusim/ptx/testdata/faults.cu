// One fault in each kernel. They differ from correct ones by what the comment says.

__device__ __forceinline__ unsigned shared_address(const void *p) {
	return (unsigned)__cvta_generic_to_shared(p);
}

__device__ __forceinline__ void copy16(void *to, const void *from) {
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from));
}

// No barrier between the write of a neighbour's element and its reading.
extern "C" __global__ void missing_barrier(float *out, const float *in) {
	__shared__ float s[64];
	s[threadIdx.x] = in[threadIdx.x];
	out[threadIdx.x] = s[63 - threadIdx.x];
}

// No barrier before the buffer is written again.
extern "C" __global__ void missing_second_barrier(float *out, const float *in) {
	__shared__ float s[64];
	s[threadIdx.x] = in[threadIdx.x];
	__syncthreads();
	float v = s[63 - threadIdx.x];
	s[threadIdx.x] = v + 1;
	__syncthreads();
	out[threadIdx.x] = s[63 - threadIdx.x];
}

// A warp's lanes exchange through shared memory without __syncwarp.
extern "C" __global__ void missing_syncwarp(float *out, const float *in) {
	__shared__ volatile float s[32];
	s[threadIdx.x] = in[threadIdx.x];
	out[threadIdx.x] = s[31 - threadIdx.x];
}

// The same with it: no fault.
extern "C" __global__ void with_syncwarp(float *out, const float *in) {
	__shared__ volatile float s[32];
	s[threadIdx.x] = in[threadIdx.x];
	__syncwarp();
	float v = s[31 - threadIdx.x];
	__syncwarp();
	s[threadIdx.x] = v * 2;
	__syncwarp();
	out[threadIdx.x] = s[threadIdx.x ^ 1];
}

// Two lanes write different values to one place.
extern "C" __global__ void two_writers(float *out, const float *in) {
	__shared__ float s[32];
	s[threadIdx.x / 2] = in[threadIdx.x];
	__syncthreads();
	out[threadIdx.x] = s[threadIdx.x / 2];
}

// Half words of one word by two threads: no fault.
extern "C" __global__ void half_words(float *out, const float *in) {
	__shared__ unsigned short s[64];
	s[threadIdx.x] = (unsigned short)in[threadIdx.x];
	__syncthreads();
	out[threadIdx.x] = s[63 - threadIdx.x];
}

// One element too far.
extern "C" __global__ void global_beyond(float *out, const float *in) { out[threadIdx.x] = in[threadIdx.x + 1]; }

// One byte beside an element.
extern "C" __global__ void misaligned(float *out, const float *in) {
	out[threadIdx.x] = *(const float *)((const char *)in + threadIdx.x + 1);
}

// One element beyond the shared array.
extern "C" __global__ void shared_beyond(float *out, const float *in) {
	__shared__ float s[64];
	s[threadIdx.x + 1] = in[threadIdx.x];
	__syncthreads();
	out[threadIdx.x] = s[threadIdx.x];
}

// One element beyond an array, where another one follows.
extern "C" __global__ void shared_between(float *out, const float *in) {
	__shared__ float s[64], r[64];
	r[threadIdx.x] = s[threadIdx.x + 1] = in[threadIdx.x];
	__syncthreads();
	out[threadIdx.x] = s[threadIdx.x] + r[63 - threadIdx.x];
}

// Nobody writes the last element.
extern "C" __global__ void uninitialised(float *out, const float *in) {
	__shared__ float s[64];
	if (threadIdx.x < 63)
		s[threadIdx.x] = in[threadIdx.x];
	__syncthreads();
	out[threadIdx.x] = s[63 - threadIdx.x];
}

// Some lanes do not come to the barrier.
extern "C" __global__ void divergent_barrier(float *out, const float *in) {
	__shared__ float s[64];
	s[threadIdx.x] = in[threadIdx.x];
	if (threadIdx.x % 2)
		__syncthreads();
	out[threadIdx.x] = s[threadIdx.x];
}

// A warp leaves before the barrier.
extern "C" __global__ void early_return(float *out, const float *in) {
	__shared__ float s[64];
	if (threadIdx.x >= 32)
		return;
	s[threadIdx.x] = in[threadIdx.x];
	__syncthreads();
	out[threadIdx.x] = s[31 - threadIdx.x];
}

// No wait for the copies.
extern "C" __global__ void missing_wait(float *out, const float *in) {
	__shared__ float4 s[64];
	copy16(&s[threadIdx.x], in + threadIdx.x * 4);
	asm volatile("cp.async.commit_group;");
	__syncthreads();
	out[threadIdx.x] = s[63 - threadIdx.x].x;
}

// The wait leaves the newest group, which is the one that is needed.
extern "C" __global__ void wait_too_few(float *out, const float *in) {
	__shared__ float4 s[64];
	copy16(&s[threadIdx.x], in + threadIdx.x * 4);
	asm volatile("cp.async.commit_group;");
	asm volatile("cp.async.wait_group 1;");
	__syncthreads();
	out[threadIdx.x] = s[63 - threadIdx.x].x;
}

// The wait orders a thread's own copies alone; others need a barrier too.
extern "C" __global__ void wait_without_barrier(float *out, const float *in) {
	__shared__ float4 s[64];
	copy16(&s[threadIdx.x], in + threadIdx.x * 4);
	asm volatile("cp.async.commit_group;");
	asm volatile("cp.async.wait_group 0;" ::: "memory");
	out[threadIdx.x] = s[63 - threadIdx.x].x;
}

// A copy into a buffer that others still read.
extern "C" __global__ void copy_too_early(float *out, const float *in) {
	__shared__ float4 s[64];
	s[threadIdx.x] = make_float4(1, 2, 3, 4);
	__syncthreads();
	float v = s[63 - threadIdx.x].y;
	copy16(&s[threadIdx.x], in + threadIdx.x * 4);
	asm volatile("cp.async.commit_group;");
	asm volatile("cp.async.wait_group 0;" ::: "memory");
	__syncthreads();
	out[threadIdx.x] = v + s[63 - threadIdx.x].x;
}

// The same, where the first warp reads what the second one copies to.
extern "C" __global__ void copy_too_early_later(float *out, const float *in) {
	__shared__ float4 s[64];
	s[threadIdx.x] = make_float4(1, 2, 3, 4);
	__syncthreads();
	float v = 0;
	if (threadIdx.x < 32)
		v = s[63 - threadIdx.x].y;
	else
		copy16(&s[threadIdx.x], in + threadIdx.x * 4);
	asm volatile("cp.async.commit_group;");
	asm volatile("cp.async.wait_group 0;" ::: "memory");
	__syncthreads();
	out[threadIdx.x] = v + s[63 - threadIdx.x].x;
}

// The second warp writes what the first one reads.
extern "C" __global__ void missing_third_barrier(float *out, const float *in) {
	__shared__ float s[64];
	s[threadIdx.x] = in[threadIdx.x];
	__syncthreads();
	float v = 0;
	if (threadIdx.x < 32)
		v = s[63 - threadIdx.x];
	else
		s[threadIdx.x] = 5;
	__syncthreads();
	out[threadIdx.x] = v + s[63 - threadIdx.x];
}

// Lanes that the mask names do not come.
extern "C" __global__ void missing_lanes(float *out, const float *in) {
	float v = in[threadIdx.x];
	if (threadIdx.x % 2)
		v = __shfl_xor_sync(0xffffffffu, v, 2);
	__syncwarp();
	out[threadIdx.x] = v;
}

// A thread waits for what nobody does.
extern "C" __global__ void endless(volatile float *out, const float *in) {
	while (out[0] == 0)
		;
	out[1] = in[0];
}
