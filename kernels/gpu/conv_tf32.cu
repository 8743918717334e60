// Convolutions with operands in tf32: see conv_mma.cuh.
#include "conv_mma.cuh"

extern "C" __global__ void __launch_bounds__(256, 2) conv_tf32(const Forward *step, i64 images, i64 stat_images) {
#ifdef BNAS_TENSOR_CORES
	conv_mma_forward<Tf32>(*step, stat_images);
#endif
}

extern "C" __global__ void __launch_bounds__(256, 2) conv_tf32_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
#ifdef BNAS_TENSOR_CORES
	conv_mma_gradient<Tf32>(*step, images, frozen != 0, sums != 0);
#endif
}
