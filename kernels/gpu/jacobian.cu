// Gram matrices of the rows of Jacobians, in doubles: the empirical tangent kernel.
//
//   K[i][j] += Σ_p c²_p·J[i][p]·J[j][p]        J [rows][columns] floats, c [columns] doubles, K [rows][rows] doubles
//
// jacobian_gram sums each chunk of columns, column by column, for each two tiles of 16 rows, the second one not before the first:
// partial[pair of tiles][chunk][16][16]. gram_total adds the chunks in order. The product of two floats is exact in a double. The
// sums are doubles: the condition number of K divides its largest eigenvalue by its smallest.
//
// jacobian_columns gathers columns: dst[i][k] = J[i][which[k]].
#include "plain.cuh"

enum { GRAM_TILE = 16, GRAM_COLUMNS = 32 };

// The tiles of 16 rows of a pair: (0, 0), (0, 1), …, (1, 1), …
struct TilePair {
	i64 left, right;
	__device__ __forceinline__ TilePair(i64 pair, i64 tiles) : left(0) {
		for (; pair >= tiles - left; left++)
			pair -= tiles - left;
		right = left + pair;
	}
};

// Blocks are dealt a pair of tiles and a chunk; a thread has two rows. c is 0 for ones.
extern "C" __global__ void __launch_bounds__(256)
	jacobian_gram(double *partial, const float *jacobian, const double *factors, i64 rows, i64 columns, i64 chunks, i64 chunk) {
	__shared__ double left[GRAM_TILE][GRAM_COLUMNS + 1], right[GRAM_TILE][GRAM_COLUMNS + 1];
	const i64 tiles = (rows + GRAM_TILE - 1) / GRAM_TILE, pairs = tiles * (tiles + 1) / 2;
	const int row = threadIdx.x / GRAM_TILE, column = threadIdx.x % GRAM_TILE;
	for (i64 item = block_index(); item < pairs * chunks; item += block_count()) {
		const TilePair at(item / chunks, tiles);
		const i64 first = item % chunks * chunk, end = first + chunk < columns ? first + chunk : columns;
		double sum = 0;
		for (i64 from = first; from < end; from += GRAM_COLUMNS) {
			__syncthreads();
			for (int k = threadIdx.x; k < GRAM_TILE * GRAM_COLUMNS; k += blockDim.x) {
				const int r = k / GRAM_COLUMNS, p = k % GRAM_COLUMNS;
				const i64 a = at.left * GRAM_TILE + r, b = at.right * GRAM_TILE + r, q = from + p;
				const double c = q < end ? factors ? factors[q] : 1 : 0;
				left[r][p] = q < end && a < rows ? c * jacobian[a * columns + q] : 0;
				right[r][p] = q < end && b < rows ? c * jacobian[b * columns + q] : 0;
			}
			__syncthreads();
#pragma unroll 8
			for (int p = 0; p < GRAM_COLUMNS; p++)
				sum += left[row][p] * right[column][p];
		}
		partial[item * blockDim.x + threadIdx.x] = sum;
	}
}

extern "C" __global__ void __launch_bounds__(256) gram_total(double *gram, const double *partial, i64 rows, i64 chunks, i64 add) {
	const i64 tiles = (rows + GRAM_TILE - 1) / GRAM_TILE;
	for (i64 item = thread_index(); item < rows * rows; item += thread_count()) {
		const i64 i = item / rows, j = item % rows, low = i < j ? i : j, high = i < j ? j : i;
		const i64 t = low / GRAM_TILE, pair = t * tiles - t * (t - 1) / 2 + high / GRAM_TILE - t;
		const double *from = partial + pair * chunks * (GRAM_TILE * GRAM_TILE) + low % GRAM_TILE * GRAM_TILE + high % GRAM_TILE;
		double sum = add ? gram[item] : 0;
#pragma unroll 4
		for (i64 k = 0; k < chunks; k++)
			sum += from[k * (GRAM_TILE * GRAM_TILE)];
		gram[item] = sum;
	}
}

extern "C" __global__ void __launch_bounds__(256)
	jacobian_columns(float *dst, const float *jacobian, const i64 *which, i64 rows, i64 columns, i64 count) {
	for (i64 item = thread_index(); item < rows * count; item += thread_count())
		dst[item] = jacobian[item / count * columns + which[item % count]];
}
