// Softmax cross-entropy with label smoothing, its gradient, and the number of images that are classified correctly.
//
//   loss = mean_i −Σ_k q_k·log p_k        p = softmax(y), q = (1 − smoothing)·onehot + smoothing/K
//   dy[i][k] = (p_k − q_k)/n              correct: the label is the first maximum
//
// cross_entropy writes the loss and `correct`. cross_entropy_auxiliary, of an auxiliary classifier, is launched after it: it adds
// its loss, times `weight`, multiplies its gradient by `weight`, and leaves `correct`. It is a kernel of its own, so that the loss
// without an auxiliary classifier takes no more instructions.
//
// logits and dlogits are [images][pitch]. The padding of dlogits becomes zero. A warp has one image at a time, a lane
// every 32nd class. Exponentials are in floats, because few GPUs are quick at doubles. Sums are in doubles: lanes by
// pairs, then images in order. There is one block, of many warps, so that the sum of the loss has one order.
#include "plain.cuh"

template <class T>
__device__ __forceinline__ T warp_sum(T x) {
	for (int d = 16; d > 0; d /= 2)
		x += __shfl_xor_sync(0xffffffffu, x, d);
	return x;
}

// The index of the first maximum of y, as a search from the front with > finds it. A NaN is passed over, but if y[0] is a
// NaN the index is 0.
__device__ __forceinline__ int warp_argmax(const float *y, int classes) {
	float best = y[0];
	int at = 0;
	for (int k = threadIdx.x % 32; k < classes; k += 32)
		if (y[k] > best) {
			best = y[k];
			at = k;
		}
	for (int d = 16; d > 0; d /= 2) {
		float x = __shfl_xor_sync(0xffffffffu, best, d);
		int k = __shfl_xor_sync(0xffffffffu, at, d);
		if (x > best || (x == best && k < at)) {
			best = x;
			at = k;
		}
	}
	return at;
}

template <bool AUXILIARY>
__device__ __forceinline__ void loss_and_gradient(float *dlogits, double *result, const float *logits, const i64 *labels, i64 images, i64 classes, i64 pitch, double smoothing, double weight) {
	__shared__ double losses[32], right[32];
	const int warp = threadIdx.x / 32, warps = blockDim.x / 32, lane = threadIdx.x % 32, K = (int)classes;
	double loss = 0, correct = 0;
	for (i64 i = warp; i < images; i += warps) {
		const float *y = logits + i * pitch;
		float *dy = dlogits + i * pitch;
		const int label = (int)labels[i], first = warp_argmax(y, K);
		const double top = y[first];
		double sum = 0;
		for (int k = lane; k < K; k += 32)
			sum += expf((float)(y[k] - top));
		sum = warp_sum(sum);
		const double normaliser = log(sum);
		double own = 0;
		for (int k = lane; k < K; k += 32) {
			double logp = y[k] - top - normaliser, q = smoothing / K + (k == label ? 1 - smoothing : 0);
			own -= q * logp;
			double d = (expf((float)(y[k] - top)) / sum - q) / images;
			dy[k] = (float)(AUXILIARY ? weight * d : d);
		}
		for (int k = K + lane; k < pitch; k += 32)
			dy[k] = 0;
		loss += warp_sum(own);
		correct += first == label;
	}
	if (lane == 0) {
		losses[warp] = loss;
		right[warp] = correct;
	}
	__syncthreads();
	if (threadIdx.x > 0)
		return;
	for (int w = 1; w < warps; w++) {
		loss += losses[w];
		correct += right[w];
	}
	if (AUXILIARY) {
		result[0] += weight * (loss / images);
		return;
	}
	result[0] = loss / images;
	result[1] = correct;
}

extern "C" __global__ void __launch_bounds__(1024) cross_entropy(float *dlogits, double *result, const float *logits, const i64 *labels, i64 images, i64 classes, i64 pitch, double smoothing) {
	loss_and_gradient<false>(dlogits, result, logits, labels, images, classes, pitch, smoothing, 1);
}

extern "C" __global__ void __launch_bounds__(1024) cross_entropy_auxiliary(float *dlogits, double *result, const float *logits, const i64 *labels, i64 images, i64 classes, i64 pitch, double smoothing, double weight) {
	loss_and_gradient<true>(dlogits, result, logits, labels, images, classes, pitch, smoothing, weight);
}
