// Convolutions and their input gradients on tensor cores: implicit GEMMs, operands of type T, sums in fp32.
//
//   tile[p][c] = Σ_tap Σ_k patch[p at tap][k] · weight[tap][k][c]
//
// A block has a tile of pixels and a channel tile. K = taps × channels runs in chunks of two steps of 32 bytes (16 tf32
// or 32 halves). A chunk's patch is staged once for all taps and columns (mma_patch.cuh). There are two buffers for
// patches: one is staged while the other is multiplied. The weights of one chunk and one tap are a stage of a ring.
// They are copied asynchronously, STAGES − 1 stages ahead. There is one barrier a stage.
//
// A warp has 32 pixels × 8·nt columns. For a step it reads 2 ldmatrix of pixels and nt/2 of weights (tf32: 2·nt words)
// and issues 2·nt mma. Two warps share the columns of a larger channel tile. Rows of A are pixels sorted by phase
// (mma_problem.cuh); a phase is padded to 16 rows. Each lane has the address of its row of A, so that a tap costs one
// addition. A row reads zeros at a tap that is not its phase's. A warp skips a tap that none of its phases has.
//
// Registers: 8·nt sums (48 forward, 32 backward), 12 of fragments, 8 of a batch on its way. What all threads know is in
// shared memory. So a thread stays within 128: two blocks of 256 threads, or four of 128, share a multiprocessor.
//
// Roofline: while it moves a byte, an A100 (1555 GB/s, 156 TFLOP/s in tf32) computes 100 FLOP, 200 with halves; an H100
// (3350, 495) 148 and 295. Maps are fp32 in any case. A 3×3 convolution of 16 channels to 48 columns reads 64 bytes a
// pixel, writes 192 and costs 13.8 kFLOP: 54 FLOP a byte. From 32 to 96 it is 108, from 64 to 192 216; 1×1 has a ninth.
// All are therefore bound by memory with halves, but the last one on an A100; in tf32 the first one is.
//
// Shared memory comes second. For a step of 48 columns a warp makes 20 reads of 128 bytes. Four warps beside each other
// take 80 cycles for them; the cores multiply for 96. Halves have half as many steps. Weights come from L2, once a
// block: 27 KB for 2.3 µs of a multiprocessor's DRAM.
//
// Loads under way: an A100's multiprocessor needs 1555 GB/s · 600 ns / 108 = 9 KB to keep DRAM busy, an H100's 18. Four
// blocks of 128 threads have 24 KB under way in a batch of the first chunk, and 16 KB beside multiplications.
//
// Numerics, with ρ = 2⁻¹¹ for tf32 and f16, 2⁻⁸ for bf16: |ũ − u| ≤ ρ|u|. f16 has this from 2⁻¹⁴ to 65504; it is ∞
// beyond, and has multiples of 2⁻²⁴ below. The products of two operands are exact in fp32. A result is off by at most
//   (2ρ + ρ²) Σ|u||w| + K·2⁻²³ Σ|u||w|
// The second term is of the sums in fp32, which tensor cores truncate. A result's sum has a fixed order: chunks, taps,
// K.
#pragma once
#include "mma_problem.cuh"

#ifdef BNAS_TENSOR_CORES

enum { STAGES = 4, STEPS = 2 };

// The length of a row, padded so that an eighth of it is odd: see mma_operand.cuh.
__device__ __forceinline__ int odd_eighths(int n) { return n % 16 == 0 ? n + 8 : n; }

// Steps of 32 bytes along K of a chunk.
template <class T> __device__ __forceinline__ int steps_of(i64 channels) { return channels > T::K ? STEPS : 1; }

// Bytes of a patch's row.
template <class T> __device__ __forceinline__ int row_bytes(i64 channels) { return 32 * steps_of<T>(channels) + 16; }

// Row r of A's 16-row tile m.
__device__ __forceinline__ Row row_of(const Tiling &t, int phases, int m, int r) {
	const int h = (int)t.tile_h, w = (int)t.tile_w, across = min(phases, w);
	const int tiles = (((h + phases - 1) / phases) * ((w + phases - 1) / phases) + 15) / 16; // of a phase
	const int phase = m / tiles, n = m % tiles * 16 + r;
	Row row;
	row.fy = phase / across;
	row.fx = phase % across;
	const int rows = (h - row.fy + phases - 1) / phases, width = (w - row.fx + phases - 1) / phases;
	row.some = row.fy < min(phases, h);
	row.inside = row.some && n < rows * width;
	row.y = row.inside ? n / width : 0;
	row.x = row.inside ? n % width : 0;
	return row;
}

// What all threads of a block know. It is in shared memory: it would take nine registers of each thread.
struct Shape {
	Patch patch;
	int patch_bytes;
	int ld, slot_bytes; // of a slot of the ring: [K][ld]
	int units, reciprocal; // units of 16 bytes in its rows; 2¹⁶ / units, rounded up
};

enum { ZEROS = 32 * STEPS, HEADER = ZEROS + 48 }; // bytes: a row of zeros, and the Shape

// The ring of weights: stage s, of chunk s / taps and tap s % taps, is in slot s % STAGES.
template <class T, class Problem> struct Ring {
	const Problem &problem;
	const Shape &shape;
	char *slots;
	int slot, tap, first; // of the next stage to copy

	__device__ __forceinline__ void copy() {
		const int left = problem.channels() - first, kernel = problem.kernel();
		if (left > 0) {
			char *to = slots + slot * shape.slot_bytes;
			const int units = shape.units, reciprocal = shape.reciprocal, row_bytes = shape.ld * T::BYTES;
			const int n = (left > T::K ? STEPS * T::K : T::K) * units;
#pragma unroll 1
			for (int u = threadIdx.x; u < n; u += blockDim.x) {
				int row = u * reciprocal >> 16, unit = u - row * units;
				const char *from = problem.weight(tap, first + row, unit * (16 / T::BYTES));
				cp_async16(to + row * row_bytes + unit * 16, from ? from : problem.weights[0].at, from != 0);
			}
			if (++tap == kernel * kernel) {
				tap = 0;
				first += STEPS * T::K;
			}
		}
		slot = (slot + 1) % STAGES;
		cp_async_commit();
	}
};

// acc += A · B for some steps along K and 8·NT columns. row0 and row1 are a lane's rows of the two tiles of A, weights its
// part of B.
template <class T, int NT, int MOST>
__device__ __forceinline__ void multiply(float (&acc)[2][MOST][4], const char *row0, const char *row1, const char *weights, int ld, int steps) {
#pragma unroll 1
	for (int s = 0; s < steps; s++, weights += 32 * ld) {
		unsigned a[2][4];
		ldmatrix_x4(a[0], row0 + 32 * s);
		ldmatrix_x4(a[1], row1 + 32 * s);
#pragma unroll
		for (int n = 0; n < NT; n += 2) {
			unsigned b[4];
			T::columns(b, weights + n * 8 * T::BYTES, ld);
#pragma unroll
			for (int m = 0; m < 2; m++) {
				T::multiply(acc[m][n], a[m], b);
				T::multiply(acc[m][n + 1], a[m], b + 2);
			}
		}
	}
}

// The sums of a warp, into the block's tile.
template <int MOST>
__device__ __forceinline__ void put_sums(float *tile, int ld, const Tiling &t, int phases, const float (&acc)[2][MOST][4], int m0, int column, int nt) {
	const int lane = threadIdx.x % 32;
#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int lower = 0; lower < 2; lower++) {
			Row r = row_of(t, phases, m0 + m, lane / 4 + 8 * lower);
			if (!r.inside)
				continue;
			float *to = tile + ((r.y * phases + r.fy) * (int)t.tile_w + r.x * phases + r.fx) * ld + column + lane % 4 * 2;
#pragma unroll
			for (int n = 0; n < MOST; n++)
				if (n < nt && column + 8 * n < t.channel_tile)
					*(float2 *)(to + 8 * n) = make_float2(acc[m][n][2 * lower], acc[m][n][2 * lower + 1]);
		}
}

// Groups of 8 columns of a warp: an even number, because fragments come in pairs.
__device__ __forceinline__ int column_groups(i64 channel_tile, int split) { return ((int)(channel_tile >> split) + 15) / 16 * 2; }

// Writes the Shape and the row of zeros. A barrier must follow.
template <class T>
__device__ __forceinline__ Shape &lay_out(char *shared, const Patch &patch, int ld, int columns, int steps) {
	Shape &shape = *(Shape *)(shared + ZEROS);
	if (threadIdx.x < ZEROS / 4)
		((unsigned *)shared)[threadIdx.x] = 0;
	if (threadIdx.x == 0) {
		const int units = columns * T::BYTES / 16;
		shape = Shape{patch, patch.height * patch.width * patch.ld, ld, 32 * steps * ld, units, (65536 + units - 1) / units};
	}
	return shape;
}

// Computes the block's tile [pixels][odd_eighths(channel_tile)] into `shared`. Before that, `shared` has the header, the
// list of weights, one patch (two if there are several chunks) and the ring.
template <class T, class Problem>
__device__ __forceinline__ void conv_mma(char *shared, const Tiling &t, const Patch &window, Problem &problem, int image) {
	const int channels = problem.channels(), steps = steps_of<T>(channels), chunk = steps * T::K, kernel = problem.kernel();
	const int split = t.channel_tile > 8 * Problem::MOST, nt = column_groups(t.channel_tile, split), ld = odd_eighths(8 * nt << split);
	const int patch_bytes = window.height * window.width * window.ld;
	char *const patches = (char *)(problem.weights + problem.entries());
	const Shape &shape = lay_out<T>(shared, window, ld, 8 * nt << split, steps);
	__syncthreads();
	Ring<T, Problem> ring = {problem, shape, patches + patch_bytes * (channels > chunk ? 2 : 1), 0, 0, 0};
	for (int i = 0; i < STAGES - 1; i++)
		ring.copy();
	typedef typename Problem::Operand Operand;
	Stager<T, Operand> stager(problem.operand(image), shape.patch);
	stager.begin(0, steps);
	stager.template rest<Operand::FIRST>(patches);

	const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, offset = lane / 16 * 16;
	const int m0 = (warp >> split) * 2, column = (warp & split) * 8 * nt;
	const Row row0 = problem.placed(row_of(t, problem.phases(), m0, lane % 16));
	const Row row1 = problem.placed(row_of(t, problem.phases(), m0 + 1, lane % 16));
	const int stride = problem.stride() * window.ld;
	const int base0 = (row0.y * window.width + row0.x) * stride + offset, base1 = (row1.y * window.width + row1.x) * stride + offset;
	const char *weights = ring.slots + T::lane(lane, ld) + column * T::BYTES;
	float acc[2][Problem::MOST][4] = {};
#pragma unroll 1
	for (int first = 0, buffer = 0; first < channels; first += chunk, buffer ^= 1) {
		const char *present = patches + buffer * shape.patch_bytes;
		char *const next = patches + (buffer ^ 1) * shape.patch_bytes;
		const int now = channels - first > T::K ? steps : 1, left = channels - first - chunk;
		if (left > 0)
			stager.begin(first + chunk, left > T::K ? steps : 1);
#pragma unroll 1
		for (int ky = 0; ky < kernel; ky++)
#pragma unroll 1
			for (int kx = 0; kx < kernel; kx++) {
				cp_async_wait<STAGES - 2>();
				__syncthreads();
				ring.copy(); // and now ring.slot is that of this stage
				const bool staging = left > 0 && stager.more();
				Batch<Operand::NEXT> batch;
				if (staging)
					stager.fetch(batch);
				__syncwarp();
				const int tap0 = row0.some ? problem.tap(shape.patch, row0, ky, kx) : -1;
				const int tap1 = row1.some ? problem.tap(shape.patch, row1, ky, kx) : -1;
				if (tap0 >= 0 || tap1 >= 0) {
					const char *a0 = tap0 >= 0 ? present + base0 + tap0 : shared + offset, *a1 = tap1 >= 0 ? present + base1 + tap1 : shared + offset;
					const char *b = weights + ring.slot * shape.slot_bytes;
					if (nt == 2)
						multiply<T, 2>(acc, a0, a1, b, shape.ld, now);
					else if (nt == 4)
						multiply<T, 4>(acc, a0, a1, b, shape.ld, now);
					else
						multiply<T, Problem::MOST>(acc, a0, a1, b, shape.ld, now);
				}
				if (staging)
					stager.put(next, batch);
			}
		if (left > 0)
			stager.template rest<Operand::NEXT>(next);
	}
	__syncthreads();
	put_sums((float *)shared, odd_eighths((int)t.channel_tile), t, problem.phases(), acc, m0, column, nt);
	__syncthreads();
}

// The block's place is computed again after the main loop: kept, it would take registers there.
template <class T> __device__ __forceinline__ void conv_mma_forward(const Forward &s, i64 stat_images) {
	SHARED(char, shared);
	const Tiling &t = s.tiling;
	{
		Place at = place_of(t, s.columns, s.height, s.width);
		Patch patch = patch_of(s, at.y0, at.x0, (int)t.tile_h, (int)t.tile_w, row_bytes<T>(s.in->pitch));
		ForwardMma<T> problem(s, at, (Weights *)(shared + HEADER));
		conv_mma<T>(shared, t, patch, problem, at.image);
	}
	const int ld = odd_eighths((int)t.channel_tile);
	store_values(s, place_of(t, s.columns, s.height, s.width), (float *)shared, ld, (float *)shared + t.tile_h * t.tile_w * ld, (int)stat_images);
}

template <class T> __device__ __forceinline__ void conv_mma_gradient(const Backward &s, i64 images, bool frozen, bool sums) {
	SHARED(char, shared);
	const Tiling &t = s.tiling;
	{
		Place at = place_of(t, s.in.pitch, s.in.height, s.in.width);
		Patch patch = patch_of(s, at.y0, at.x0, (int)t.tile_h, (int)t.tile_w, row_bytes<T>(s.columns));
		GradientMma<T> problem(s, at, (Weights *)(shared + HEADER));
		conv_mma<T>(shared, t, patch, problem, at.image);
	}
	const int ld = odd_eighths((int)t.channel_tile);
	store_gradient(s, place_of(t, s.in.pitch, s.in.height, s.in.width), (float *)shared, ld, (float *)shared + t.tile_h * t.tile_w * ld, (int)images, frozen, sums);
}

#endif
