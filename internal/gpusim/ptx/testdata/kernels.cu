// Kernels that the interpreter is tested with. Compiled by NVRTC as README.md says.

#define SHARED(T, name) extern __shared__ __align__(16) unsigned char dynamic_shared[]; T *name = (T *)dynamic_shared

// sum[i] = a[i] + b[i]
extern "C" __global__ void vector_add(float *sum, const float *a, const float *b, long long n) {
	long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
	if (i < n)
		sum[i] = a[i] + b[i];
}

// out[block] = Σ of the block's 256 elements, by shuffles.
extern "C" __global__ void reduce(float *out, const float *a) {
	__shared__ float part[8];
	float v = a[blockIdx.x * blockDim.x + threadIdx.x];
	for (int o = 16; o > 0; o >>= 1)
		v += __shfl_xor_sync(0xffffffffu, v, o);
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = v;
	__syncthreads();
	if (threadIdx.x < 8) {
		v = part[threadIdx.x];
		for (int o = 4; o > 0; o >>= 1)
			v += __shfl_xor_sync(0xffu, v, o);
		if (threadIdx.x == 0)
			out[blockIdx.x] = v;
	}
}

// c = a·b of n×n by 16×16 tiles; n a multiple of 16.
extern "C" __global__ void gemm(float *c, const float *a, const float *b, long long n) {
	SHARED(float, tile);
	float(*ta)[16] = (float(*)[16])tile, (*tb)[16] = (float(*)[16])(tile + 256);
	int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 16 + y, column = blockIdx.x * 16 + x;
	float sum = 0;
	for (int k = 0; k < n; k += 16) {
		ta[y][x] = a[row * n + k + x];
		tb[y][x] = b[(k + y) * n + column];
		__syncthreads();
		for (int i = 0; i < 16; i++)
			sum = fmaf(ta[y][i], tb[i][x], sum);
		__syncthreads();
	}
	c[row * n + column] = sum;
}

// total += Σ a by integers; the last block writes how many there were, and resets the counter.
extern "C" __global__ void last_block(float *out, float *part, const float *a, unsigned *arrived) {
	__shared__ int last;
	__shared__ float sum[64];
	sum[threadIdx.x] = a[blockIdx.x * blockDim.x + threadIdx.x];
	__syncthreads();
	if (threadIdx.x == 0) {
		float s = 0;
		for (int i = 0; i < 64; i++)
			s += sum[i];
		part[blockIdx.x] = s;
		__threadfence();
		last = atomicAdd(arrived, 1u) + 1 == gridDim.x;
	}
	__syncthreads();
	if (last && threadIdx.x == 0) {
		float s = 0;
		for (int i = 0; i < gridDim.x; i++)
			s += __ldcg(part + i);
		*out = s;
		*arrived = 0;
	}
}

// The same by groups of 4 blocks: arrived is [1 + groups]. The last block of a group adds its parts, that of the launch the groups.
extern "C" __global__ void last_group(float *out, float *part, const float *a, unsigned *arrived) {
	__shared__ int last;
	__shared__ float sum[64];
	const int group = blockIdx.x / 4, groups = (gridDim.x + 3) / 4, members = min(4, (int)gridDim.x - 4 * group);
	sum[threadIdx.x] = a[blockIdx.x * blockDim.x + threadIdx.x];
	__syncthreads();
	if (threadIdx.x == 0) {
		float s = 0;
		for (int i = 0; i < 64; i++)
			s += sum[i];
		part[blockIdx.x] = s;
		__threadfence();
		last = atomicAdd(arrived + 1 + group, 1u) + 1 == members;
		if (last) {
			arrived[1 + group] = 0;
			for (int i = s = 0; i < members; i++)
				s += __ldcg(part + 4 * group + i);
			part[gridDim.x + group] = s;
			__threadfence();
			if (atomicAdd(arrived, 1u) + 1 == groups) {
				*arrived = 0;
				for (int i = s = 0; i < groups; i++)
					s += __ldcg(part + gridDim.x + i);
				*out = s;
			}
		}
	}
}

// The functions of doubles that the kernels of kernels/gpu call.
extern "C" __global__ void doubles(double *y, const double *x) {
	double v = x[threadIdx.x];
	y[threadIdx.x * 3 + 0] = log(v);
	y[threadIdx.x * 3 + 1] = sqrt(v);
	y[threadIdx.x * 3 + 2] = 1 / v;
}

// The same of floats.
extern "C" __global__ void floats(float *y, const float *x) {
	float v = x[threadIdx.x];
	y[threadIdx.x * 3 + 0] = expf(v);
	y[threadIdx.x * 3 + 1] = sqrtf(v);
	y[threadIdx.x * 3 + 2] = 1 / v;
}

// Lanes part and meet; a switch that may become a table; counting by votes; bytes and words of a table.
__constant__ int primes[8] = {2, 3, 5, 7, 11, 13, 17, 19};
__device__ float weights[4] = {0.5f, 0.25f, 0.125f, 1};
extern "C" __global__ void control(int *out, unsigned char *bytes, long long *wide) {
	int i = threadIdx.x, v = 0;
	switch (i % 9) {
	case 0: v = primes[i % 8]; break;
	case 1: v = i * 3; break;
	case 2: v = i / 3 - 7; break;
	case 3: for (int k = 0; k < i; k++) v += k * k; break;
	case 4: v = -i % 5; break;
	case 5: v = __popc(i * 77); break;
	case 6: v = i * 5 % 7; break;
	case 7: v = (int)(weights[i % 4] * 100); break;
	default: v = i << 3 ^ i >> 1;
	}
	unsigned ballot = __ballot_sync(0xffffffffu, v & 1);
	if (i % 2)
		v += __popc(ballot);
	else
		v -= __popc(ballot);
	out[i] = v;
	bytes[i] = (unsigned char)v;
	wide[i] = (long long)v * 0x123456789ll / (i + 1) + (wide[i] >> 3);
}

// Vectors, and a local array that is indexed.
extern "C" __global__ void locals(float4 *out, const float4 *in, const int *index) {
	float local[8];
	float4 v = in[threadIdx.x];
	for (int k = 0; k < 8; k++)
		local[k] = v.x + k;
	out[threadIdx.x] = make_float4(local[index[threadIdx.x] & 7], v.y, v.z, v.w);
}
