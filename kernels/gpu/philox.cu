// Normal numbers on the device: the stream of package philox, Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) and the
// transform of Box and Muller.
//
//   (w0, w1, w2, w3) = Philox(pair, key)        a = 1 − u(w0, w1), b = u(w2, w3), u on [0, 1) with 53 bits
//   dst[2·pair] = σ√(−2 log a)·cos 2πb          dst[2·pair + 1] = σ√(−2 log a)·sin 2πb
//
// key is the stream's key, the first word low. counter is the upper half of the stream's counter, the third word low;
// the lower half counts pairs from 0. A thread makes a pair, in doubles. The double is within 10⁻¹⁵·σ·√(−2 log a) of
// the host's. The floats are therefore equal, except where that crosses a rounding boundary: there they differ by one
// ulp.
#include "plain.cuh"

__device__ __forceinline__ uint4 philox(uint4 counter, uint2 key) {
	for (int round = 0; round < 10; round++) {
		unsigned long long p0 = 0xD2511F53ull * counter.x, p1 = 0xCD9E8D57ull * counter.z;
		counter = make_uint4((unsigned)(p1 >> 32) ^ counter.y ^ key.x, (unsigned)p1, (unsigned)(p0 >> 32) ^ counter.w ^ key.y, (unsigned)p0);
		key = make_uint2(key.x + 0x9E3779B9u, key.y + 0xBB67AE85u);
	}
	return counter;
}

// Uniform on [0, 1), of two words, the first one low.
__device__ __forceinline__ double uniform(unsigned low, unsigned high) {
	return (double)((((unsigned long long)high << 32) | low) >> 11) * 0x1p-53;
}

// cos and sin of 2πb for b on [0, 1): of the angle to the nearest quarter, by the polynomials of fdlibm.
__device__ __forceinline__ double2 turn(double b) {
	int quarter = (int)(4 * b + 0.5);
	double x = (4 * b - quarter) * 1.57079632679489661923, z = x * x;
	double s = x + x * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 +
		z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
	double c = 1 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 +
		z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
	switch (quarter & 3) {
	case 0: return make_double2(c, s);
	case 1: return make_double2(-s, c);
	case 2: return make_double2(-c, -s);
	}
	return make_double2(s, -c);
}

extern "C" __global__ void __launch_bounds__(256) philox_normal(float *dst, i64 length, i64 key, i64 counter, double sigma) {
	const uint2 k = make_uint2((unsigned)key, (unsigned)(key >> 32));
	for (i64 pair = thread_index(); 2 * pair < length; pair += thread_count()) {
		uint4 w = philox(make_uint4((unsigned)pair, (unsigned)(pair >> 32), (unsigned)counter, (unsigned)(counter >> 32)), k);
		double r = sigma * sqrt(-2 * log(1 - uniform(w.x, w.y)));
		double2 direction = turn(uniform(w.z, w.w));
		dst[2 * pair] = (float)(r * direction.x);
		if (2 * pair + 1 < length)
			dst[2 * pair + 1] = (float)(r * direction.y);
	}
}
