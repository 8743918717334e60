// The rows of the per-sample Jacobian: each image's own dγ and dβ, from the sums that the backward pass gathered per
// image.
//
//   dst[i][column + c] = f·Σ_p D·x̂        dst[i][column + channels + c] = f·Σ_p D        dst [images][columns]
//
// f is the factor of the BatchNorm's term for the image, 1 without.
//
// Blocks are dealt a BatchNorm and an image. Threads run over channels.
#include "plain.cuh"

extern "C" __global__ void __launch_bounds__(256) sample_gradients(float *dst, const SampleBN *norms, i64 count, i64 images, i64 columns) {
	for (i64 item = block_index(); item < count * images; item += block_count()) {
		const SampleBN &b = norms[item / images];
		const i64 i = item % images;
		float *dgamma = dst + i * columns + b.column, *dbeta = dgamma + b.channels;
		for (int c = threadIdx.x; c < b.channels; c += blockDim.x) {
			float4 s = b.image ? b.image[i * b.pitch + c] : zeros();
			if (b.factor)
				s = s * b.factor[i];
			dgamma[c] = component(s, (int)b.term + 1);
			dbeta[c] = s.x;
		}
	}
}
