// The Gram matrix of a Jacobian: the empirical neural tangent kernel.
//
//   K[i][j] = Σ_p J[i][p]·J[j][p]        J [rows][columns] floats, K [rows][rows] doubles
//
// Blocks are dealt 16×16 pairs of rows, a pair a thread. They take 32 columns of both sides at a time through shared
// memory. The product of two floats is exact in a double. The sum is in doubles, column by column: the condition number
// of K divides its largest eigenvalue by its smallest.
#include "plain.cuh"

extern "C" __global__ void __launch_bounds__(256) jacobian_gram(double *gram, const float *jacobian, i64 rows, i64 columns) {
	__shared__ float left[16][33], right[16][33];
	const i64 chunks = (rows + 15) / 16;
	const int row = threadIdx.x / 16, column = threadIdx.x % 16;
	for (i64 item = block_index(); item < chunks * chunks; item += block_count()) {
		const i64 i0 = item / chunks * 16, j0 = item % chunks * 16, i = i0 + row, j = j0 + column;
		double sum = 0;
		for (i64 from = 0; from < columns; from += 32) {
			__syncthreads();
			for (int k = threadIdx.x; k < 16 * 32; k += blockDim.x) {
				const i64 p = from + k % 32, a = i0 + k / 32, b = j0 + k / 32;
				left[k / 32][k % 32] = p < columns && a < rows ? jacobian[a * columns + p] : 0;
				right[k / 32][k % 32] = p < columns && b < rows ? jacobian[b * columns + p] : 0;
			}
			__syncthreads();
			for (int p = 0; p < 32; p++)
				sum += (double)left[row][p] * right[column][p];
		}
		if (i < rows && j < rows)
			gram[i * rows + j] = sum;
	}
}
