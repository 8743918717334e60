// Tensor cores, ldmatrix, cp.async and the conversions, as kernels/gpu/intrinsics.cuh writes them.

__device__ __forceinline__ unsigned shared_address(const void *p) {
	return (unsigned)__cvta_generic_to_shared(p);
}

__device__ __forceinline__ void copy16(void *to, const void *from, bool valid) {
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(valid ? 16 : 0));
}

__device__ __forceinline__ void commit() { asm volatile("cp.async.commit_group;"); }

template <int N> __device__ __forceinline__ void wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// d = a·b with a 16×8 and b 8×8, rounded to tf32.
extern "C" __global__ void mma_tf32(float *d, const float *a, const float *b) {
	int g = threadIdx.x / 4, t = threadIdx.x % 4;
	unsigned x[4], y[2];
	float c[4] = {};
	const float from_a[4] = {a[g * 8 + t], a[(g + 8) * 8 + t], a[g * 8 + t + 4], a[(g + 8) * 8 + t + 4]};
	const float from_b[2] = {b[t * 8 + g], b[(t + 4) * 8 + g]};
	for (int i = 0; i < 4; i++)
		asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(x[i]) : "f"(from_a[i]));
	for (int i = 0; i < 2; i++)
		asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y[i]) : "f"(from_b[i]));
	asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
		: "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
		: "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]));
	d[g * 8 + 2 * t] = c[0];
	d[g * 8 + 2 * t + 1] = c[1];
	d[(g + 8) * 8 + 2 * t] = c[2];
	d[(g + 8) * 8 + 2 * t + 1] = c[3];
}

// d = a·b with a 16×16 and b 16×8, both by rows: through cp.async in two stages, ldmatrix and its transpose.
#define HALF_MMA(NAME, TYPE)                                                                                           \
	extern "C" __global__ void NAME(float *d, const unsigned short *a, const unsigned short *b) {                      \
		__shared__ __align__(16) unsigned short sa[16][16], sb[16][8];                                                 \
		int l = threadIdx.x, g = l / 4, t = l % 4;                                                                     \
		copy16(&sa[l / 2][l % 2 * 8], a + l * 8, true);                                                                \
		commit();                                                                                                      \
		if (l < 16)                                                                                                    \
			copy16(&sb[l][0], b + l * 8, true);                                                                        \
		commit();                                                                                                      \
		unsigned x[4], y[4]; /* of y the second half is the first again */                                             \
		float c[4] = {};                                                                                               \
		wait<1>();                                                                                                     \
		__syncthreads();                                                                                               \
		asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"                                   \
			: "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(shared_address(&sa[l % 16][l / 16 * 8])));          \
		wait<0>();                                                                                                     \
		__syncthreads();                                                                                               \
		asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"                             \
			: "=r"(y[0]), "=r"(y[1]), "=r"(y[2]), "=r"(y[3]) : "r"(shared_address(&sb[l % 16][0])));                   \
		asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "      \
			"{%8,%9}, {%0,%1,%2,%3};"                                                                                  \
			: "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                                                           \
			: "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]));                                       \
		d[g * 8 + 2 * t] = c[0];                                                                                       \
		d[g * 8 + 2 * t + 1] = c[1];                                                                                   \
		d[(g + 8) * 8 + 2 * t] = c[2];                                                                                 \
		d[(g + 8) * 8 + 2 * t + 1] = c[3];                                                                             \
	}

HALF_MMA(mma_f16, "f16")
HALF_MMA(mma_bf16, "bf16")

// Rows that are not valid become zeros.
extern "C" __global__ void copy_rows(float *out, const float *in, long long rows) {
	__shared__ float4 s[32];
	copy16(&s[threadIdx.x], in + threadIdx.x * 4, threadIdx.x < rows);
	commit();
	wait<0>();
	__syncthreads();
	float4 v = s[31 - threadIdx.x];
	((float4 *)out)[threadIdx.x] = v;
}

// out[i] = float → f16 → float, bf16 → float, tf32.
extern "C" __global__ void halves(float *f16, float *bf16, unsigned *tf32, const float *in) {
	unsigned short h;
	float v = in[threadIdx.x], w;
	asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(v));
	asm("cvt.f32.f16 %0, %1;" : "=f"(w) : "h"(h));
	f16[threadIdx.x] = w;
	unsigned pair;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(0.0f), "f"(v));
	bf16[threadIdx.x] = __uint_as_float(pair << 16);
	unsigned u;
	asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(u) : "f"(v));
	tf32[threadIdx.x] = u;
}
