// Convolutions and their input gradients on tensor cores: implicit GEMMs, operands of type T, sums in fp32.
//
//   tile[p][c] = Σ_tap Σ_k patch[p at tap][k] · weight[tap][k][c]
//
// A block has a tile of pixels and a channel tile. K = taps × channels runs in chunks of two steps of 32 bytes (16 tf32
// or 32 halves). A chunk's patch is staged once for all taps and columns (mma_patch.cuh). There are two buffers for
// patches: the first two chunks are staged before there are sums, each other one when the sums of the chunk before the
// last are complete. The weights of some taps of a chunk are a stage: two taps (of a window of 3×3 a row), or all where the block's
// room suffices.
// A stage is copied asynchronously while the one before is multiplied. There is one barrier a stage.
//
// A warp has 32 pixels × 8·nt columns. For a step it reads 2 ldmatrix of pixels and nt/2 of weights (tf32: 2·nt words)
// and issues 2·nt mma. Two warps share the columns of a larger channel tile. Rows of A are pixels sorted by phase
// (mma_problem.cuh); a phase is padded to 16 rows. Each lane has the address of its row of A, so that a tap costs one
// addition. In a window of 3×3 that is not dilated a row of taps is unrolled: its addresses are constants beyond one. A row of A
// reads zeros at a tap that is not its phase's. A warp skips a tap that none of its phases has.
//
// Registers: 8·nt sums (48 forward, 32 backward), 12 of fragments. What all threads know is in shared memory. So a thread
// stays within 128: two blocks of 256 threads, or four of 128, share a multiprocessor.
//
// Instructions: a multiprocessor issues four a cycle to its warps, and a small network needs more cycles for them than for
// its bytes. Therefore addresses of shared memory have 32 bits, a pixel is followed by additions, and what depends on the
// channels alone is in registers while a patch is staged or a tile is stored.
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
// blocks of 128 threads have 24 KB under way in a batch of three float4s; a term more or a value in half precision counts
// as one or half of one.
//
// Numerics, with ρ = 2⁻¹¹ for tf32 and f16, 2⁻⁸ for bf16: |ũ − u| ≤ ρ|u|. f16 has this from 2⁻¹⁴ to 65504; it is ∞
// beyond, and has multiples of 2⁻²⁴ below. The products of two operands are exact in fp32. A result is off by at most
//   (2ρ + ρ²) Σ|u||w| + K·2⁻²³ Σ|u||w|
// The second term is of the sums in fp32, which tensor cores truncate. A result's sum has a fixed order: chunks, taps,
// K.
#pragma once
#include "mma_problem.cuh"

#ifdef BNAS_TENSOR_CORES

enum {
	SLOTS = 4, STEPS = 2, // taps of weights that there is room for, steps of a chunk
	ROW = 3, ROW_SLOTS = 2 * ROW, ROW_SHARED = 39 << 10 // where rows of taps are unrolled, there is room for two if a block then has these bytes at most
};

// The length of a row, padded so that an eighth of it is odd: see mma_operand.cuh.
__device__ __forceinline__ constexpr int odd_eighths(int n) { return n % 16 == 0 ? n + 8 : n; }

// Steps of 32 bytes along K of a chunk.
template <class T> __device__ __forceinline__ int steps_of(i64 channels) { return channels > T::K ? STEPS : 1; }

// Bytes of a patch's row.
template <class T> __device__ __forceinline__ int row_bytes(i64 channels) { return 32 * steps_of<T>(channels) + 16; }

// Row r of A's 16-row tile m. Without phases the rows are the tile's pixels.
template <int PHASED> __device__ __forceinline__ Row row_of(const Tiling &t, int phases, int m, int r) {
	const int h = (int)t.tile_h, w = (int)t.tile_w, across = min(phases, w);
	if (!PHASED) {
		const int n = m * 16 + r;
		const bool inside = n < h * w;
		return Row{0, 0, inside ? n / w : 0, inside ? n % w : 0, m * 16 < h * w, inside};
	}
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

// What all threads of a block know. It is in shared memory: it would take registers of each thread.
struct Shape {
	Patch patch;
	int patch_bytes;
	int ld, slot_bytes; // of the weights of a tap and a chunk: [K][ld]
	int channels; // along K
	int kernel, group; // taps in a row of the window, and taps of a stage
	int across, along; // bytes in the patch from a tap to the next one in its row, and from the last one to the next row
	bool rows; // 3×3, not dilated, in stages of whole rows
};

enum { ZEROS = 32 * STEPS, HEADER = ZEROS + 64 }; // bytes: a row of zeros, and the Shape

// What a thread goes on by: from pixel to pixel of a patch, and from row to row of the weights. way: to stage a patch.
struct Turns {
	Onward onward[2 * STEPS];
	int rows, way;
};

// Two stages of weights, one of which is copied while the other is multiplied. A stage has `group` taps of a chunk.
template <class T, class Problem> struct Ring {
	const Problem &problem;
	const Shape &shape;
	const Turns &turns;
	const Units units; // of 16 bytes in the weights' rows
	const typename Problem::Copier copier;
	SharedAddress next; // stage to copy: the thread's unit there
	int stage_bytes; // to the other stage

	__device__ __forceinline__ Ring(const Problem &p, const Shape &s, const Turns &u, int columns, SharedAddress to)
		: problem(p), shape(s), turns(u), units(columns * T::BYTES / 16, u.rows), copier(p, units), next(to + own()), stage_bytes(s.group * s.slot_bytes) {}
	// Bytes to the thread's first unit of a stage.
	__device__ __forceinline__ int own() const { return units.row * shape.ld * T::BYTES + units.unit * 16; }
	// The stage of taps from `tap` on and channels from `first` on, if there are such channels.
	__device__ __forceinline__ void copy(int tap, int first) {
		if (const int left = shape.channels - first; left > 0) {
			const int count = min(shape.group, shape.kernel * shape.kernel - tap), two = left > T::K;
			copier.copy(problem, next, shape.channels, shape.ld * T::BYTES, units.row, turns.rows, tap, first, left, T::LOG_K + two, count);
		}
		next += stage_bytes; // and now the stage that is multiplied is here
		stage_bytes = -stage_bytes;
		cp_async_commit();
	}
};

// The columns from N on.
template <class T, int NT, int LD, int FROM, int N = 0, int MOST>
__device__ __forceinline__ void multiply_columns(float (&acc)[2][MOST][4], const unsigned (&a)[2][4], SharedAddress weights) {
	if constexpr (N < NT) {
		unsigned b[4];
		T::template columns<LD, FROM + N * 8 * T::BYTES>(b, weights);
#pragma unroll
		for (int m = 0; m < 2; m++) {
			T::multiply(acc[m][N], a[m], b);
			T::multiply(acc[m][N + 1], a[m], b + 2);
		}
		multiply_columns<T, NT, LD, FROM, N + 2>(acc, a, weights);
	}
}

// acc += A · B for a step along K and 8·NT columns. row0 + AT and row1 + AT are a lane's rows of the two tiles of A,
// weights + FROM its part of B.
template <class T, int NT, int LD, int AT, int FROM, int MOST>
__device__ __forceinline__ void multiply(float (&acc)[2][MOST][4], SharedAddress row0, SharedAddress row1, SharedAddress weights) {
	unsigned a[2][4];
	ldmatrix_x4<AT>(a[0], row0);
	ldmatrix_x4<AT>(a[1], row1);
	multiply_columns<T, NT, LD, FROM>(acc, a, weights);
}

// Where a warp is in its window.
struct Window {
	int ky, kx;
};

// A stage under way. present: the chunk's patch at the tap (ky, kx); base0, base1: the lane's rows there; steps: of the chunk.
template <class Problem> struct Stage {
	const Problem &problem;
	const Shape &shape;
	const Row &row0, &row1;
	const SharedAddress zeros;
	const int base0, base1;
	Window &at;
	SharedAddress &present;
	int steps;
};

// The taps of any window.
template <class T, int NT, int LD, class Problem, int MOST>
__device__ __forceinline__ void multiply_taps(float (&acc)[2][MOST][4], const Stage<Problem> &s, SharedAddress weights, int taps) {
	const Shape &shape = s.shape;
	Window &w = s.at;
	const int next = s.steps * 32 * LD;
#pragma unroll 1
	for (; taps > 0; taps--, weights += next) {
		SharedAddress a0 = s.present + s.base0, a1 = s.present + s.base1;
		bool some = true;
		if (Problem::PHASED) {
			const int tap0 = s.row0.some ? s.problem.tap(shape.patch, s.row0, w.ky, w.kx) : -1, tap1 = s.row1.some ? s.problem.tap(shape.patch, s.row1, w.ky, w.kx) : -1;
			some = tap0 >= 0 || tap1 >= 0;
			a0 = tap0 >= 0 ? a0 + tap0 : s.zeros;
			a1 = tap1 >= 0 ? a1 + tap1 : s.zeros;
		}
		if (some) {
			multiply<T, NT, LD, 0, 0>(acc, a0, a1, weights);
			if (s.steps > 1)
				multiply<T, NT, LD, 32, 32 * LD>(acc, a0, a1, weights);
		}
		if (!Problem::PHASED)
			s.present += w.kx + 1 < shape.kernel ? shape.across : shape.along;
		if (++w.kx == shape.kernel) {
			w.kx = 0;
			w.ky++;
		}
	}
}

// A row of a window of 3×3 from step I on: NOW steps a tap, ACROSS bytes from one tap to the next.
template <class T, int NT, int LD, int ACROSS, int NOW, int I = 0, int MOST>
__device__ __forceinline__ void multiply_row(float (&acc)[2][MOST][4], SharedAddress a0, SharedAddress a1, SharedAddress weights) {
	if constexpr (I < ROW * NOW) {
		multiply<T, NT, LD, I / NOW * ACROSS + I % NOW * 32, I * 32 * LD>(acc, a0, a1, weights);
		multiply_row<T, NT, LD, ACROSS, NOW, I + 1>(acc, a0, a1, weights);
	}
}

// The rows of taps of a window of 3×3.
template <class T, int NT, int LD, int ACROSS, int NOW, class Problem, int MOST>
__device__ __forceinline__ void multiply_rows(float (&acc)[2][MOST][4], const Stage<Problem> &s, SharedAddress weights, int taps) {
	const int down = s.shape.along + (ROW - 1) * ACROSS;
#pragma unroll 1
	for (; taps > 0; taps -= ROW, weights += ROW * NOW * 32 * LD, s.present += down)
		multiply_row<T, NT, LD, ACROSS, NOW>(acc, s.present + s.base0, s.present + s.base1, weights);
}

// Whether the weights of a row of taps fit the registers.
template <class T> __device__ __forceinline__ constexpr bool fits_rows(int nt) { return T::BYTES == 2 || nt <= 4; }

// The taps of a stage, for 8·NT columns of a warp. SPLIT: two warps share the columns.
template <class T, int NT, int SPLIT, class Problem, int MOST>
__device__ __forceinline__ void multiply_stage(float (&acc)[2][MOST][4], const Stage<Problem> &s, SharedAddress weights, int taps) {
	constexpr int LD = odd_eighths(8 * NT << SPLIT), SIGN = Problem::FORWARD ? 1 : -1, ONE = SIGN * (32 + 16), TWO = SIGN * (2 * 32 + 16);
	if (!Problem::PHASED && fits_rows<T>(NT) && s.shape.rows) {
		if (s.shape.across == ONE)
			multiply_rows<T, NT, LD, ONE, 1>(acc, s, weights, taps);
		else if (s.steps > 1)
			multiply_rows<T, NT, LD, TWO, 2>(acc, s, weights, taps);
		else
			multiply_rows<T, NT, LD, TWO, 1>(acc, s, weights, taps);
	} else
		multiply_taps<T, NT, LD>(acc, s, weights, taps);
}

// Groups of 8 columns of a warp: an even number, because fragments come in pairs.
__device__ __forceinline__ int column_groups(i64 channel_tile, int split) { return ((int)(channel_tile >> split) + 15) / 16 * 2; }

// A warp's part of the tile: 16-row tiles m0 and m0 + 1 of A, and the columns from `column` on. It is computed again after the main loop:
// kept, it would take registers there.
struct WarpPart {
	int m0, column;
};

template <int NT, int SPLIT> __device__ __forceinline__ WarpPart part_of() {
	const int warp = threadIdx.x / 32;
	return WarpPart{(warp >> SPLIT) * 2, (warp & SPLIT) * 8 * NT};
}

// The sums of a warp, into the block's tile. Without phases row n of A is the tile's pixel n.
template <int PHASED, int NT>
__device__ __forceinline__ void put_sums(float *tile, int ld, const Tiling &t, int phases, const float (&acc)[2][NT][4], const WarpPart &part) {
	const int lane = threadIdx.x % 32, pixels = (int)t.tile_h * (int)t.tile_w, columns = (int)t.channel_tile - part.column;
	tile += part.column + lane % 4 * 2;
#pragma unroll
	for (int m = 0; m < 2; m++)
#pragma unroll
		for (int lower = 0; lower < 2; lower++) {
			int n = (part.m0 + m) * 16 + lane / 4 + 8 * lower;
			bool inside = n < pixels;
			if (PHASED) {
				const Row r = row_of<PHASED>(t, phases, part.m0 + m, lane / 4 + 8 * lower);
				n = (r.y * phases + r.fy) * (int)t.tile_w + r.x * phases + r.fx;
				inside = r.inside;
			}
			if (!inside)
				continue;
			float *to = tile + n * ld;
			if (columns >= 8 * NT) {
#pragma unroll
				for (int k = 0; k < NT; k++)
					*(float2 *)(to + 8 * k) = make_float2(acc[m][k][2 * lower], acc[m][k][2 * lower + 1]);
				continue;
			}
#pragma unroll
			for (int k = 0; k < NT; k++)
				if (8 * k < columns)
					*(float2 *)(to + 8 * k) = make_float2(acc[m][k][2 * lower], acc[m][k][2 * lower + 1]);
		}
}

// How many taps a stage has: half of the taps that there is room for, in whole rows if a row fits. There is room for SLOTS (or
// ROW_SLOTS) of them, and for as many as the block's tile and the scratch of its store take later. One stage has all if they fit.
__device__ __forceinline__ int taps_of_stage(int kernel, bool rows, int chunks, int before, int later, int slot_bytes) {
	const int least = rows && kernel == ROW && before + ROW_SLOTS * slot_bytes <= ROW_SHARED ? ROW_SLOTS : SLOTS;
	const int slots = max(least, (later - before) / slot_bytes), taps = kernel * kernel;
	if (chunks == 1 && taps <= slots)
		return taps;
	const int half = min(taps, slots / 2);
	return half > kernel ? half - half % kernel : half;
}

// Writes the Shape and the row of zeros. A barrier must follow.
template <class T, class Problem>
__device__ __forceinline__ Shape &lay_out(char *shared, const Problem &problem, const Patch &patch, int nt, int ld, int steps, int chunks, int before, int later) {
	Shape &shape = *(Shape *)(shared + ZEROS);
	if (threadIdx.x < ZEROS / 4)
		((unsigned *)shared)[threadIdx.x] = 0;
	if (threadIdx.x == 0) {
		const int across = problem.tap(patch, 0, 1), kernel = problem.kernel(), slot = 32 * steps * ld, group = taps_of_stage(kernel, fits_rows<T>(nt), chunks, before, later, slot);
		shape = Shape{patch, patch.height * patch.width * patch.ld, ld, slot, problem.channels(), kernel, group, across, problem.tap(patch, 1, 0) - (kernel - 1) * across,
			fits_rows<T>(nt) && kernel == ROW && group % ROW == 0 && (across == patch.ld || across == -patch.ld)};
	}
	return shape;
}

// What the main loop of a warp needs.
template <class T, class Problem> struct Loop {
	const Tiling &t;
	const Problem &problem;
	const Shape &shape;
	Ring<T, Problem> &ring;
	Stager<T, typename Problem::Operand> &stager;
	const Patch &window;
	const SharedAddress base, patches; // of the block's room, and of its first patch
	int channels, steps; // along K in all, steps of a chunk
};

// The sums of a warp's 8·NT columns, into the block's tile. SPLIT: two warps share the columns.
template <class T, int NT, int SPLIT, class Problem> __device__ __forceinline__ void multiply_all(float *tile, const Loop<T, Problem> &l) {
	enum { PHASED = Problem::PHASED };
	const Problem &problem = l.problem;
	const Shape &shape = l.shape;
	const int lane = threadIdx.x % 32, offset = lane / 16 * 16, chunk = l.steps * T::K, taps = shape.kernel * shape.kernel;
	const WarpPart part = part_of<NT, SPLIT>();
	const Row row0 = problem.placed(row_of<PHASED>(l.t, problem.phases(), part.m0, lane % 16));
	const Row row1 = problem.placed(row_of<PHASED>(l.t, problem.phases(), part.m0 + 1, lane % 16));
	const int stride = problem.stride() * l.window.ld, start = PHASED ? offset : problem.first(l.window, 0) + offset;
	const int base0 = (row0.y * l.window.width + row0.x) * stride + start, base1 = (row1.y * l.window.width + row1.x) * stride + start;
	const int weights = T::lane(lane, shape.ld) + part.column * T::BYTES - l.ring.own(); // from the unit that the thread copies to those it reads
	float acc[2][NT][4] = {};
#pragma unroll 1
	for (int first = 0, buffer = 0; first < l.channels; first += chunk, buffer ^= 1) {
		SharedAddress present = l.patches + buffer * shape.patch_bytes; // at the tap
		const int now = l.channels - first > T::K ? l.steps : 1;
		Window w = {0, 0};
#pragma unroll 1
		for (int tap = 0; tap < taps; tap += shape.group) {
			cp_async_wait<0>();
			__syncthreads();
			const int left = taps - tap - shape.group;
			l.ring.copy(left > 0 ? tap + shape.group : 0, left > 0 ? first : first + chunk);
			if (!PHASED && !row0.some)
				continue;
			const Stage<Problem> stage = {problem, shape, row0, row1, l.base + offset, base0, base1, w, present, now};
			multiply_stage<T, NT, SPLIT>(acc, stage, l.ring.next + weights, min(shape.group, taps - tap));
		}
		const int left = l.channels - first - 2 * chunk;
		if (left <= 0)
			continue;
		__syncthreads();
		l.stager.template begin<4>(first + 2 * chunk, left > T::K ? l.steps : 1);
		l.stager.operand.stage_more(l.stager, l.patches + buffer * shape.patch_bytes);
	}
	__syncthreads();
	put_sums<PHASED, NT>(tile, odd_eighths((int)l.t.channel_tile), l.t, problem.phases(), acc, part_of<NT, SPLIT>());
}

// Computes the block's tile [pixels][odd_eighths(channel_tile)] into `shared`. Before that, `shared` has the header, the
// list of weights, one patch (two if there are several chunks) and two stages of weights.
template <class T, class Problem>
__device__ __forceinline__ void conv_mma(char *shared, Turns &turns, const Tiling &t, const Patch &window, Problem &problem, int image) {
	const int channels = problem.channels(), steps = steps_of<T>(channels), chunk = steps * T::K;
	const int split = t.channel_tile > 8 * Problem::MOST, nt = column_groups(t.channel_tile, split), columns = 8 * nt << split, ld = odd_eighths(columns);
	const int offset_of_patches = HEADER + problem.entries() * (int)sizeof(Weights), chunks = (channels + chunk - 1) / chunk;
	const int offset_of_weights = offset_of_patches + window.height * window.width * window.ld * (chunks > 1 ? 2 : 1);
	const int later = (int)(t.tile_h * t.tile_w) * odd_eighths((int)t.channel_tile) * 4 + Problem::SCRATCH * blockDim.x;
	const SharedAddress base = shared_address(shared), patches = base + offset_of_patches;
	const typename Problem::Operand operand = problem.operand(image);
	if (threadIdx.x < 2 * STEPS)
		turns.onward[threadIdx.x] = onward_of<T>(window, threadIdx.x);
	if (threadIdx.x == 2 * STEPS)
		turns.rows = 1 << (31 - __clz(blockDim.x / (columns * T::BYTES / 16)));
	if (threadIdx.x == blockDim.x - 1)
		turns.way = operand.way();
	const Shape &shape = lay_out<T>(shared, problem, window, nt, ld, steps, chunks, offset_of_weights, later);
	__syncthreads();
	Ring<T, Problem> ring(problem, shape, turns, columns, base + offset_of_weights);
	ring.copy(0, 0);
	Stager<T, typename Problem::Operand> stager(operand, shape.patch, turns.onward);
#pragma unroll 1
	for (int k = 0; k < min(chunks, 2); k++)
		stager.operand.stage(stager, patches + k * shape.patch_bytes, turns.way, k * chunk, channels - k * chunk > T::K ? steps : 1);
	const Loop<T, Problem> loop = {t, problem, shape, ring, stager, window, base, patches, channels, steps};
	float *const tile = (float *)shared;
	if (nt == 2)
		multiply_all<T, 2, 0>(tile, loop);
	else if (Problem::MOST > 4 && nt == 4 && !split)
		multiply_all<T, 4, 0>(tile, loop);
	else if (Problem::MOST > 4 && nt == 4)
		multiply_all<T, 4, 1>(tile, loop);
	else if (!split)
		multiply_all<T, Problem::MOST, 0>(tile, loop);
	else
		multiply_all<T, Problem::MOST, 1>(tile, loop);
	__syncthreads();
}

// The block's place is computed again after the main loop: kept, it would take registers there.
template <class T> __device__ __forceinline__ void conv_mma_forward(const Forward &s, i64 stat_images) {
	SHARED(char, shared);
	__shared__ Turns turns;
	const Tiling &t = s.tiling;
	{
		Place at = place_of(t, s.columns, s.height, s.width);
		Patch patch = patch_of(s, at.y0, at.x0, (int)t.tile_h, (int)t.tile_w, row_bytes<T>(s.in->pitch));
		ForwardMma<T> problem(s, at, (Weights *)(shared + HEADER));
		conv_mma<T>(shared, turns, t, patch, problem, at.image);
	}
	const int ld = odd_eighths((int)t.channel_tile);
	store_values(s, place_of(t, s.columns, s.height, s.width), (float *)shared, ld, (float *)shared + t.tile_h * t.tile_w * ld, (int)stat_images);
}

template <class T, bool PHASES> __device__ __forceinline__ void conv_mma_gradient_tile(const Backward &s, char *shared, Turns &turns) {
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.in.pitch, s.in.height, s.in.width);
	Patch patch = patch_of(s, at.y0, at.x0, (int)t.tile_h, (int)t.tile_w, row_bytes<T>(s.columns));
	GradientMma<T, PHASES> problem(s, at, (Weights *)(shared + HEADER));
	conv_mma<T>(shared, turns, t, patch, problem, at.image);
}

template <class T> __device__ __forceinline__ void conv_mma_gradient(const Backward &s, i64 images, bool frozen, bool sums) {
	SHARED(char, shared);
	__shared__ Turns turns;
	const Tiling &t = s.tiling;
	if (s.stride == 1)
		conv_mma_gradient_tile<T, false>(s, shared, turns);
	else
		conv_mma_gradient_tile<T, true>(s, shared, turns);
	const int ld = odd_eighths((int)t.channel_tile);
	store_gradient(s, place_of(t, s.in.pitch, s.in.height, s.in.width), (float *)shared, ld, (float *)shared + t.tile_h * t.tile_w * ld, (int)images, frozen, sums);
}

#endif
