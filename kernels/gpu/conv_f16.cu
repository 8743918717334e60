// Convolutions with operands in f16: see conv_mma.cuh. Gradients need more range than f16 has: conv_bf16_gradient.
#include "conv_mma.cuh"

extern "C" __global__ void __launch_bounds__(256, 2) conv_f16(const Forward *step, i64 images, i64 stat_images) {
#ifdef BNAS_TENSOR_CORES
	conv_mma_forward<F16>(*step, stat_images);
#endif
}
