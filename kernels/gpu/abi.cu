// The sizes of the structures of abi.cuh as this compiler lays them out. A test compares them with the host's. Every
// field has 8 bytes, so equal sizes mean equal layouts.
#include "abi.cuh"

extern "C" __global__ void abi_sizes(i64 *sizes) {
	const i64 all[] = {sizeof(Affine), sizeof(Slope), sizeof(BatchNorm), sizeof(Term), sizeof(Node), sizeof(Tiling),
		sizeof(Statistics), sizeof(Output), sizeof(Forward), sizeof(Source), sizeof(Incoming), sizeof(Sums), sizeof(Backward),
		sizeof(WeightGradient), sizeof(SampleBN), sizeof(Parameter), sizeof(Piece), sizeof(View)};
	for (unsigned i = threadIdx.x; i < sizeof all / sizeof *all; i += blockDim.x)
		sizes[i] = all[i];
}
