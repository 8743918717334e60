// The weights of a convolution, arranged as a kernel reads them.
//
//   form 0, forward    dst[tap][in, pitch][out, pitch] = src[out][in][tap]
//   form 1, gradient   dst[tap][out, pitch][in, pitch] = src[out][in][tap]
//   form 2, depthwise  dst[tap][out, pitch]            = src[out][0][tap]
//   form 3, raw        dst[out][in][tap]               = src[out][in][tap]
//
// src may be the leading outputs and inputs of a larger parameter: its outputs are `row` elements apart.
//
// A pitch is rounded up to 8; the padding is zero. The kernels' columns are the fastest index: neighbouring threads
// load neighbouring float4s.
//
// type 0 is float, type 1 float rounded to tf32 (10 bits of mantissa, ties away from zero, as cvt.rna.tf32), type 2 f16
// and type 3 bf16 (nearest, ties to even). The rounding is in integers, because old architectures lack the
// instructions. Weights are frozen: this runs once a weight, one thread an element of dst.
#include "abi.cuh"

__device__ __forceinline__ unsigned tf32_bits(unsigned u) {
	return (u & 0x7f800000u) == 0x7f800000u ? u : (u + 0x1000u) & 0xffffe000u;
}

__device__ __forceinline__ unsigned short bf16_bits(unsigned u) {
	if ((u & 0x7fffffffu) > 0x7f800000u)
		return 0x7fff; // NaN
	return (unsigned short)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

__device__ __forceinline__ unsigned short f16_bits(unsigned u) {
	unsigned sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
	if (a > 0x7f800000u)
		return 0x7fff; // NaN
	if (a >= 0x477ff000u) // rounds to 2¹⁶ or more
		return (unsigned short)(sign | 0x7c00u);
	if (a < 0x38800000u) // below 2⁻¹⁴ multiples of 2⁻²⁴, which adding ½ leaves in the low bits
		return (unsigned short)(sign | (__float_as_uint(__uint_as_float(a) + 0.5f) - 0x3f000000u));
	return (unsigned short)(sign | ((a - 0x38000000u + 0xfffu + (a >> 13 & 1)) >> 13));
}

// The element of src that goes to element i of dst, −1: padding.
__device__ __forceinline__ i64 packed_from(i64 i, i64 out, i64 in, i64 taps, i64 row, i64 form) {
	if (form == 3)
		return i / (in * taps) * row + i % (in * taps);
	i64 out_pitch = (out + 7) / 8 * 8, in_pitch = form == 2 ? 1 : (in + 7) / 8 * 8;
	i64 tap = i / (in_pitch * out_pitch), rest = i % (in_pitch * out_pitch);
	i64 o = form == 1 ? rest / in_pitch : rest % out_pitch, k = form == 1 ? rest % in_pitch : rest / out_pitch;
	return o < out && k < in ? o * row + k * taps + tap : -1;
}

extern "C" __global__ void pack_weights(void *dst, const float *src, i64 out, i64 in, i64 taps, i64 row, i64 form, i64 type) {
	i64 size = out * in * taps;
	if (form != 3)
		size = (out + 7) / 8 * 8 * (form == 2 ? 1 : (in + 7) / 8 * 8) * taps;
	for (i64 i = blockIdx.x * (i64)blockDim.x + threadIdx.x; i < size; i += (i64)gridDim.x * blockDim.x) {
		i64 from = packed_from(i, out, in, taps, row, form);
		unsigned u = from < 0 ? 0 : __float_as_uint(src[from]);
		if (type == 2)
			((unsigned short *)dst)[i] = f16_bits(u);
		else if (type == 3)
			((unsigned short *)dst)[i] = bf16_bits(u);
		else
			((unsigned *)dst)[i] = type == 1 ? tf32_bits(u) : u;
	}
}
