// The optimizer: all parameters of a path in one launch, after one reduction of their gradients. A block has a
// parameter, its threads the elements. Where there are more, both are dealt again.
//
//   gradient_norm: result = Σ g² over all; the first parameter with a gradient that is not finite (−1: none); and its
//                  first such element
//   update_sgd:    g = [clip·g] + decay·θ;  v = μ·v + g;  θ −= lr·(g + μ·v if Nesterov, else v)
//   update_adamw:  g = [clip·g];  m = β₁m + (1−β₁)g;  v = β₂v + (1−β₂)g²;
//                  θ = θ·(1 − lr·decay) − lr·(m/bias1)/(√(v/bias2) + ε)
//   update_rmsprop: g = [clip·g] + decay·θ;  s = βs + (1−β)g²;  d = μ·d + lr·g/√(s + (1 − bias2) + ε);  θ −= d.
//                  moment1 is d, moment2 is s. 1 − bias2 = βᵗ: the mean square starts at one
//
// clip = min(1, bound/(√Σg² + 10⁻⁶)), or 1 without a bound. [x] is x within ±limit, or x without a limit. Elements are computed in doubles and stored in floats.
// Every product and every sum is rounded by itself. A parameter therefore has the bits that the host's optimizer gives
// it.
#include "plain.cuh"

// Products that are not fused with the sum they enter.
#ifdef BNAS_EMULATED
__device__ __forceinline__ double times(double a, double b) { return a * b; }
#else
__device__ __forceinline__ double times(double a, double b) { return __dmul_rn(a, b); }
#endif

// Σ over the threads of a block, pair by pair; and their minimum.
__device__ __forceinline__ void reduce(double &sum, double &least) {
	__shared__ double sums[256], minima[256];
	__syncthreads();
	sums[threadIdx.x] = sum;
	minima[threadIdx.x] = least;
	for (int n = blockDim.x / 2; n > 0; n /= 2) {
		__syncthreads();
		if (threadIdx.x < n) {
			sums[threadIdx.x] += sums[threadIdx.x + n];
			minima[threadIdx.x] = min(minima[threadIdx.x], minima[threadIdx.x + n]);
		}
	}
	__syncthreads();
	sum = sums[0];
	least = minima[0];
}

constexpr double NOWHERE = 1e300; // greater than any index

// partial is [count][2]: Σ g² of a parameter, and the index of its first element that is not finite. A block has 256
// threads.
extern "C" __global__ void __launch_bounds__(256) gradient_norm(double *result, double *partial, unsigned *arrived, const Parameter *list, i64 count) {
	for (i64 k = blockIdx.x; k < count; k += gridDim.x) {
		const Parameter &p = list[k];
		double sum = 0, bad = NOWHERE;
		for (i64 e = threadIdx.x; e < p.length; e += blockDim.x) {
			double g = p.grad[e];
			sum += times(g, g);
			if (!(fabs(g) <= 3.5e38) && bad == NOWHERE)
				bad = (double)e;
		}
		reduce(sum, bad);
		if (threadIdx.x == 0) {
			partial[2 * k] = sum;
			partial[2 * k + 1] = bad;
		}
	}
	if (!arrive(OneCounter{arrived}, 0, gridDim.x))
		return;
	double sum = 0, bad = NOWHERE;
	for (i64 k = threadIdx.x; k < count; k += blockDim.x) {
		sum += fresh(partial + 2 * k);
		if (fresh(partial + 2 * k + 1) != NOWHERE && bad == NOWHERE)
			bad = (double)k;
	}
	reduce(sum, bad);
	if (threadIdx.x > 0)
		return;
	result[0] = sum;
	result[1] = bad == NOWHERE ? -1 : bad;
	result[2] = bad == NOWHERE ? -1 : fresh(partial + 2 * (i64)bad + 1);
}

__device__ __forceinline__ double clip_factor(const double *norm, double bound) {
	return bound > 0 ? min(1.0, bound / (sqrt(norm[0]) + 1e-6)) : 1;
}

__device__ __forceinline__ double within(double g, double limit) { return limit > 0 ? max(-limit, min(limit, g)) : g; }

extern "C" __global__ void __launch_bounds__(256) update_sgd(const Parameter *list, i64 count, const double *norm, double lr, double momentum, double nesterov, double clip, double limit) {
	if (norm[1] >= 0)
		return;
	const double factor = clip_factor(norm, clip);
	for (i64 k = blockIdx.x; k < count; k += gridDim.x) {
		const Parameter &p = list[k];
		for (i64 e = threadIdx.x; e < p.length; e += blockDim.x) {
			double x = p.data[e], g = within(times(factor, p.grad[e]), limit) + times(p.decay, x);
			if (momentum != 0) {
				double v = times(momentum, p.moment1[e]) + g;
				p.moment1[e] = (float)v;
				g = nesterov != 0 ? g + times(momentum, v) : v;
			}
			p.data[e] = (float)(x - times(lr, g));
		}
	}
}

extern "C" __global__ void __launch_bounds__(256) update_adamw(const Parameter *list, i64 count, const double *norm, double lr, double beta1, double beta2, double eps, double clip, double limit) {
	if (norm[1] >= 0)
		return;
	const double factor = clip_factor(norm, clip);
	for (i64 k = blockIdx.x; k < count; k += gridDim.x) {
		const Parameter &p = list[k];
		for (i64 e = threadIdx.x; e < p.length; e += blockDim.x) {
			double g = within(times(factor, p.grad[e]), limit);
			double m = times(beta1, p.moment1[e]) + times(1 - beta1, g);
			double v = times(beta2, p.moment2[e]) + times(times(1 - beta2, g), g);
			p.moment1[e] = (float)m;
			p.moment2[e] = (float)v;
			double x = times(p.data[e], 1 - times(lr, p.decay));
			p.data[e] = (float)(x - times(lr, m / p.bias1) / (sqrt(v / p.bias2) + eps));
		}
	}
}

extern "C" __global__ void __launch_bounds__(256) update_rmsprop(const Parameter *list, i64 count, const double *norm, double lr, double momentum, double beta, double eps, double clip, double limit) {
	if (norm[1] >= 0)
		return;
	const double factor = clip_factor(norm, clip);
	for (i64 k = blockIdx.x; k < count; k += gridDim.x) {
		const Parameter &p = list[k];
		const double start = 1 - p.bias2;
		for (i64 e = threadIdx.x; e < p.length; e += blockDim.x) {
			double x = p.data[e], g = within(times(factor, p.grad[e]), limit) + times(p.decay, x);
			double s = times(beta, p.moment2[e]) + times(times(1 - beta, g), g);
			p.moment2[e] = (float)s;
			double d = times(lr, g) / sqrt(s + start + eps);
			if (momentum != 0) {
				d += times(momentum, p.moment1[e]);
				p.moment1[e] = (float)d;
			}
			p.data[e] = (float)(x - d);
		}
	}
}
