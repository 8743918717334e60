// Coefficients of BatchNorms without a pass over their values. Block b has norms[b].
//
//   batch_norm_given:   the affine of every channel, from the moments μ and σ²
//   batch_norm_frozen:  the slope of every channel with constant statistics, dx = γrD
//
// The host has made the coefficients of all channels zero. Those of the channels that pad the pitch stay so.
#include "node.cuh"

extern "C" __global__ void __launch_bounds__(256) batch_norm_given(const BatchNorm *norms, i64 count) {
	for (i64 k = blockIdx.x; k < count; k += gridDim.x) {
		const BatchNorm &b = norms[k];
		for (int c = threadIdx.x; c < b.channels; c += blockDim.x)
			b.affine[c] = affine_of(b.gamma[c], b.beta[c], b.eps, b.moments[c], b.variance[c]);
	}
}

extern "C" __global__ void __launch_bounds__(256) batch_norm_frozen(const BatchNorm *norms, i64 count) {
	for (i64 k = blockIdx.x; k < count; k += gridDim.x) {
		const BatchNorm &b = norms[k];
		for (int c = threadIdx.x; c < b.channels; c += blockDim.x)
			b.slope[c] = Slope{b.affine[c].scale, 0, 0, b.affine[c].mean};
	}
}
