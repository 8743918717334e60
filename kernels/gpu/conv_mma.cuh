// Convolutions and their input gradients on tensor cores: implicit GEMMs, operands of type T, sums in fp32.
//
//   tile[p][c] = Σ_tap Σ_k patch[p at tap][k] · weight[tap][k][c]
//
// A block has a tile of pixels and a channel tile. K = taps × channels runs in chunks of two steps of 32 bytes (16 tf32
// or 32 halves). A chunk's patch is staged once for all taps and columns (mma_patch.cuh). The weights of some taps of a chunk are a
// stage: all taps, if there is room for them, or rows of taps, or two taps. With several stages, one is copied asynchronously while the
// one before is multiplied, with one barrier a stage.
//
// A gradient has one buffer for patches, which leaves room for all taps: a chunk after the first is staged, and its weights copied, when
// the sums of the chunk before are complete. Meanwhile other blocks of the multiprocessor multiply. Forward there are two buffers: a thread
// has more sums, and registers for few loads beside them. The first two chunks are staged before there are sums, each other one when
// the sums of the chunk before the last are complete.
//
// A warp has 16·m pixels × 8·nt columns, m = 2, or 4 of 16 columns at most: what a block does once is then shared by more pixels. For a
// step it reads m ldmatrix of pixels and nt/2 of weights (tf32: 2·nt words) and issues m·nt mma. Two warps share the columns of a larger
// channel tile. Rows of A are pixels sorted by phase (mma_problem.cuh); a phase is padded to 16 rows. A warp with four tiles of A has four
// rows of a block's tile that is 16 pixels wide. Each lane has the address of its row of the first tile and the way to the next ones; a
// tap of a list in shared memory is added. In a window of 3×3 that is not dilated a row of taps is unrolled, where its weights fit the
// registers: its addresses are constants beyond one. A row of A reads zeros at a tap that is not its phase's. A warp skips a tap that none
// of its phases has.
//
// Registers: 4·m·nt sums (48 at most forward, 32 backward), 12 of fragments (20 with m = 4). What all threads know is in shared memory. So a
// thread stays within 128: two blocks of 256 threads, or four of 128, share a multiprocessor.
//
// Instructions: a multiprocessor issues four a cycle to its warps, and a small network needs more cycles for them than for
// its bytes. Therefore addresses of shared memory have 32 bits, a pixel is followed by additions, what depends on the
// channels alone is in registers while a patch is staged or a tile is stored, and what depends on the block is computed by one warp.
//
// Roofline: while it moves a byte, an A100 (1555 GB/s, 156 TFLOP/s in tf32) computes 100 FLOP, 200 with halves; an H100
// (3350, 495) 148 and 295. With maps in fp32 a 3×3 convolution of 16 channels to 48 columns reads 64 bytes a
// pixel, writes 192 and costs 13.8 kFLOP: 54 FLOP a byte. From 32 to 96 it is 108, from 64 to 192 216; 1×1 has a ninth.
// DRAM and tensor cores therefore wait for the instructions: docs/gpu.md counts them.
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

// What a thread goes on by: from pixel to pixel of a patch. way: to stage a patch.
struct Turns {
	Onward onward[2 * STEPS];
	int way;
};

// What shared memory begins with. The list of weights and the taps follow it: bytes in the patch from a pixel at tap (0, 0) to the others.
struct Header {
	unsigned zeros[8 * STEPS]; // a row of A
	Shape shape;
	Turns turns;
};

enum { HEADER = 224 }; // cuda/tiling_mma.go has it too
static_assert(sizeof(Header) <= HEADER, "the header has no room");

// Bytes of the list of taps.
__device__ __forceinline__ int bytes_of_taps(int taps) { return (4 * taps + 15) / 16 * 16; }

// Two stages of weights, one of which is copied while the other is multiplied. A stage has `group` taps of a chunk.
template <class T, class Problem> struct Ring {
	const Problem &problem;
	const Shape &shape;
	SharedAddress stage; // to copy
	int stage_bytes; // to the other stage
	int own; // bytes in a stage to the thread's first unit of 16 bytes, more than it has if there is none
	const typename Problem::Copier copier;

	__device__ __forceinline__ Ring(const Problem &p, const Shape &s, SharedAddress first, const Units &u)
		: problem(p), shape(s), stage(first), stage_bytes(s.stage_bytes), own(u.some ? u.tap * s.slot_bytes + u.row * s.ld * T::BYTES + u.unit * 16 : 1 << 28), copier(p, s, u) {}
	// The stage of taps from `tap` on and channels from `first` on, if there are such channels.
	__device__ __forceinline__ void copy(int tap, int first) {
		const int bytes = min(shape.group, shape.taps - tap) * shape.slot_bytes;
		if (first < shape.channels && own < bytes)
			copier.copy(problem, shape, stage + own, stage + bytes, tap, first);
		stage += stage_bytes; // and now the stage that is multiplied is here
		stage_bytes = -stage_bytes;
		cp_async_commit();
	}
};

// The columns from N on.
template <class T, int NT, int LD, int FROM, int N = 0, int M, int MOST>
__device__ __forceinline__ void multiply_columns(float (&acc)[M][MOST][4], const unsigned (&a)[M][4], SharedAddress weights) {
	if constexpr (N < NT) {
		unsigned b[4];
		T::template columns<LD, FROM + N * 8 * T::BYTES>(b, weights);
#pragma unroll
		for (int m = 0; m < M; m++) {
			T::multiply(acc[m][N], a[m], b);
			T::multiply(acc[m][N + 1], a[m], b + 2);
		}
		multiply_columns<T, NT, LD, FROM, N + 2>(acc, a, weights);
	}
}

// acc += A · B for a step along K and 8·NT columns. row[m] + AT is a lane's row of tile m of A, weights + FROM its part of B.
template <class T, int NT, int LD, int AT, int FROM, int M, int MOST>
__device__ __forceinline__ void multiply(float (&acc)[M][MOST][4], const SharedAddress (&row)[M], SharedAddress weights) {
	unsigned a[M][4];
#pragma unroll
	for (int m = 0; m < M; m++)
		ldmatrix_x4<AT>(a[m], row[m]);
	multiply_columns<T, NT, LD, FROM>(acc, a, weights);
}

// A stage under way, from tap `tap` on. row: the lane's row of the first tile of A in the chunk's patch at tap (0, 0), or the first pixel
// if there are phases; apart: bytes from there to its row of the next tile; steps: of the chunk; offsets: of its first tap in the list.
template <class Problem> struct Stage {
	const Problem &problem;
	const Shape &shape;
	const Row &place0, &place1;
	const SharedAddress zeros, row, offsets;
	int apart, tap, steps;
	template <int M> __device__ __forceinline__ void rows_at(SharedAddress (&at)[M], int offset) const {
		at[0] = row + offset;
#pragma unroll
		for (int m = 1; m < M; m++)
			at[m] = at[m - 1] + apart;
	}
};

// The taps of any window.
template <class T, int NT, int LD, class Problem, int M, int MOST>
__device__ __forceinline__ void multiply_taps(float (&acc)[M][MOST][4], const Stage<Problem> &s, SharedAddress weights, int taps) {
	const Shape &shape = s.shape;
	const int next = shape.slot_bytes, kernel = Problem::PHASED ? s.problem.kernel() : 1;
	int ky = s.tap / kernel, kx = s.tap % kernel;
	SharedAddress offsets = s.offsets;
#pragma unroll 1
	for (const SharedAddress end = offsets + 4 * taps; offsets != end; offsets += 4, weights += next) {
		SharedAddress a[M];
		if (Problem::PHASED) {
			const int tap0 = s.place0.some ? s.problem.tap(shape.patch, s.place0, ky, kx) : -1, tap1 = s.place1.some ? s.problem.tap(shape.patch, s.place1, ky, kx) : -1;
			if (++kx == kernel) {
				kx = 0;
				ky++;
			}
			if (tap0 < 0 && tap1 < 0)
				continue;
			a[0] = tap0 >= 0 ? s.row + tap0 : s.zeros;
			a[1] = tap1 >= 0 ? s.row + s.apart + tap1 : s.zeros;
		} else
			s.rows_at(a, (int)read_shared<0>(offsets));
		multiply<T, NT, LD, 0, 0>(acc, a, weights);
		if (s.steps > 1)
			multiply<T, NT, LD, 32, 32 * LD>(acc, a, weights);
	}
}

// A row of a window of 3×3 from step I on: ACROSS bytes from one tap to the next, which has PER steps of weights, of which NOW are used.
template <class T, int NT, int LD, int ACROSS, int PER, int NOW, int I = 0, int M, int MOST>
__device__ __forceinline__ void multiply_row(float (&acc)[M][MOST][4], const SharedAddress (&row)[M], SharedAddress weights) {
	if constexpr (I < ROW * NOW) {
		multiply<T, NT, LD, I / NOW * ACROSS + I % NOW * 32, (I / NOW * PER + I % NOW) * 32 * LD>(acc, row, weights);
		multiply_row<T, NT, LD, ACROSS, PER, NOW, I + 1>(acc, row, weights);
	}
}

// The rows of taps of a window of 3×3.
template <class T, int NT, int LD, int ACROSS, int PER, int NOW, class Problem, int M, int MOST>
__device__ __forceinline__ void multiply_rows(float (&acc)[M][MOST][4], const Stage<Problem> &s, SharedAddress weights, int taps) {
	SharedAddress offsets = s.offsets;
#pragma unroll 1
	for (const SharedAddress end = offsets + 4 * taps; offsets != end; offsets += 4 * ROW, weights += ROW * PER * 32 * LD) {
		SharedAddress row[M];
		s.rows_at(row, (int)read_shared<0>(offsets));
		multiply_row<T, NT, LD, ACROSS, PER, NOW>(acc, row, weights);
	}
}

// Whether the weights of a row of taps fit the registers of a warp with that many tiles of A.
template <class T> __device__ __forceinline__ constexpr bool fits_rows(int nt, int tiles = 2) { return T::BYTES == 2 || (nt <= 4 && tiles == 2); }

// The taps of a stage, for 8·NT columns of a warp. SPLIT: two warps share the columns.
template <class T, int NT, int SPLIT, class Problem, int M, int MOST>
__device__ __forceinline__ void multiply_stage(float (&acc)[M][MOST][4], const Stage<Problem> &s, SharedAddress weights, int taps) {
	constexpr int LD = odd_eighths(8 * NT << SPLIT), SIGN = Problem::FORWARD ? 1 : -1, ONE = SIGN * (32 + 16), TWO = SIGN * (2 * 32 + 16);
	if (!Problem::PHASED && fits_rows<T>(NT, M) && s.shape.row_stages) {
		if (s.shape.across == ONE)
			multiply_rows<T, NT, LD, ONE, 1, 1>(acc, s, weights, taps);
		else if (s.steps > 1)
			multiply_rows<T, NT, LD, TWO, 2, 2>(acc, s, weights, taps);
		else
			multiply_rows<T, NT, LD, TWO, 2, 1>(acc, s, weights, taps);
	} else
		multiply_taps<T, NT, LD>(acc, s, weights, taps);
}

// Groups of 8 columns of a warp: an even number, because fragments come in pairs.
__device__ __forceinline__ int column_groups(i64 channel_tile, int split) { return ((int)(channel_tile >> split) + 15) / 16 * 2; }

// A warp's part of the tile: M 16-row tiles of A from m0 on, and the columns from `column` on. It is computed again after the main loop:
// kept, it would take registers there.
struct WarpPart {
	int m0, column;
};

template <int M, int NT, int SPLIT> __device__ __forceinline__ WarpPart part_of() {
	const int warp = threadIdx.x / 32;
	return WarpPart{(warp >> SPLIT) * M, (warp & SPLIT) * 8 * NT};
}

// A lane's sums of one row, into the block's tile.
template <int NT> __device__ __forceinline__ void put_row(float *to, int columns, const float (&acc)[NT][4], int lower) {
	if (columns >= 8 * NT) {
#pragma unroll
		for (int k = 0; k < NT; k++)
			*(float2 *)(to + 8 * k) = make_float2(acc[k][2 * lower], acc[k][2 * lower + 1]);
		return;
	}
#pragma unroll
	for (int k = 0; k < NT; k++)
		if (8 * k < columns)
			*(float2 *)(to + 8 * k) = make_float2(acc[k][2 * lower], acc[k][2 * lower + 1]);
}

// The sums of a warp, into the block's tile. Without phases row n of A is the tile's pixel n.
template <int PHASED, int M, int NT>
__device__ __forceinline__ void put_sums(float *tile, int ld, const Tiling &t, int phases, const float (&acc)[M][NT][4], const WarpPart &part) {
	const int lane = threadIdx.x % 32, columns = (int)t.channel_tile - part.column, first = part.m0 * 16 + lane / 4;
	const int left = (int)t.tile_h * (int)t.tile_w - first; // pixels from the lane's first row on
	tile += part.column + lane % 4 * 2;
	float *to = tile + first * ld;
#pragma unroll
	for (int m = 0; m < M; m++)
#pragma unroll
		for (int lower = 0; lower < 2; lower++, to += 8 * ld) {
			if (PHASED) {
				const Row r = row_of<PHASED>(t, phases, part.m0 + m, lane / 4 + 8 * lower);
				const int n = (r.y * phases + r.fy) * (int)t.tile_w + r.x * phases + r.fx;
				if (r.inside)
					put_row(tile + n * ld, columns, acc[m], lower);
			} else if (16 * m + 8 * lower < left)
				put_row(to, columns, acc[m], lower);
		}
}

// How many taps a stage has. All, if they fit with what is before them, and chunks come one after the other: there is one stage then.
// Otherwise half of the taps that there is room for, in whole rows if a row fits. There is room for SLOTS (or ROW_SLOTS) of them, and for
// as many as the block's tile and the scratch of its store take later.
__device__ __forceinline__ int taps_of_stage(int kernel, bool rows, bool alone, int before, int later, int slot_bytes) {
	const int taps = kernel * kernel, room = max(later, ROW_SHARED) - before;
	if (alone && taps * slot_bytes <= room)
		return taps;
	const int least = rows && kernel == ROW && before + ROW_SLOTS * slot_bytes <= ROW_SHARED ? ROW_SLOTS : SLOTS;
	const int slots = max(least, (later - before) / slot_bytes), half = min(taps, slots / 2);
	return half > kernel ? half - half % kernel : half;
}

// Writes what shared memory begins with, by the first warp. A barrier must follow.
template <class T, class Problem> __device__ __forceinline__ void lay_out(char *shared, const Problem &problem, const Tiling &t, const Patch &patch) {
	Header &header = *(Header *)shared;
	const int lane = threadIdx.x, kernel = problem.kernel(), taps = kernel * kernel, offset = HEADER + problem.entries() * (int)sizeof(Weights);
	problem.put_weights((Weights *)(shared + HEADER));
	if (lane < 8 * STEPS)
		header.zeros[lane] = 0;
	for (int k = lane; k < taps; k += 32)
		((int *)(shared + offset))[k] = problem.tap(patch, k / kernel, k % kernel);
	if (lane < 2 * STEPS)
		header.turns.onward[lane] = onward_of<T>(patch, lane);
	if (lane > 0)
		return;
	Shape s;
	s.patch = patch;
	s.patch_bytes = patch.height * patch.width * patch.ld;
	s.channels = problem.channels();
	s.steps = steps_of<T>(s.channels);
	s.chunks = (s.channels + s.steps * T::K - 1) / (s.steps * T::K);
	s.taps = taps;
	const int split = t.channel_tile > 8 * Problem::MOST, nt = column_groups(t.channel_tile, split);
	s.columns = 8 * nt << split;
	s.ld = odd_eighths(s.columns);
	s.slot_bytes = 32 * s.steps * s.ld;
	s.list = offset;
	s.patches = offset + bytes_of_taps(taps);
	s.weights = s.patches + s.patch_bytes * min(s.chunks, Problem::PATCHES);
	const int later = (int)(t.tile_h * t.tile_w) * odd_eighths((int)t.channel_tile) * 4 + Problem::SCRATCH * blockDim.x;
	s.group = taps_of_stage(kernel, fits_rows<T>(nt), s.chunks == 1 || Problem::PATCHES == 1, s.weights, later, s.slot_bytes);
	s.stage_bytes = s.group >= taps && (s.chunks == 1 || Problem::PATCHES == 1) ? 0 : s.group * s.slot_bytes;
	s.across = problem.tap(patch, 0, 1);
	s.log = T::LOG_K + s.steps - 1;
	s.rows = 1 << (31 - __clz(blockDim.x / (s.columns * T::BYTES / 16)));
	s.apart = max(s.rows >> s.log, 1);
	s.down = s.rows * s.ld * T::BYTES;
	s.ahead = s.apart * s.slot_bytes;
	s.linear = s.rows >= 1 << s.log || s.channels == 1 << s.log;
	s.beyond = s.rows >= 1 << s.log ? s.apart * s.channels : s.rows;
	s.row_stages = fits_rows<T>(nt) && kernel == ROW && s.group % ROW == 0 && (s.across == patch.ld || s.across == -patch.ld);
	header.shape = s;
}

// What the main loop of a warp needs.
template <class T, class Problem> struct Loop {
	const Tiling &t;
	const Problem &problem;
	const Shape &shape;
	Ring<T, Problem> &ring;
	Stager<T, typename Problem::Operand> &stager;
	const SharedAddress base; // of the block's room
	const int &way; // to stage a patch
};

// The sums of a warp's 16·M pixels × 8·NT columns, into the block's tile. SPLIT: two warps share the columns.
template <class T, int M, int NT, int SPLIT, class Problem> __device__ __forceinline__ void multiply_all(float *tile, const Loop<T, Problem> &l) {
	enum { PHASED = Problem::PHASED, PATCHES = Problem::PATCHES };
	const Problem &problem = l.problem;
	const Shape &shape = l.shape;
	const int lane = threadIdx.x % 32, offset = lane / 16 * 16, channels = shape.channels, taps = shape.taps, chunk = shape.steps * T::K;
	const WarpPart part = part_of<M, NT, SPLIT>();
	const SharedAddress patches = l.base + shape.patches, list = patches - bytes_of_taps(taps);
	const int stride = problem.stride() * shape.patch.ld, start = PHASED ? offset : problem.first(shape.patch, 0) + offset;
	const Row row0 = problem.placed(row_of<PHASED>(l.t, problem.phases(), part.m0, lane % 16));
	const Row row1 = problem.placed(row_of<PHASED>(l.t, problem.phases(), part.m0 + 1, lane % 16));
	const int base = (row0.y * shape.patch.width + row0.x) * stride + start, apart = ((row1.y - row0.y) * shape.patch.width + row1.x - row0.x) * stride;
	const int weights = T::lane(lane, shape.ld) + part.column * T::BYTES; // from a stage to what the lane reads
	float acc[M][NT][4] = {};
#pragma unroll 1
	for (int first = 0, buffer = 0; first < channels; first += chunk, buffer = PATCHES - 1 - buffer) {
		const SharedAddress patch = PATCHES > 1 ? patches + buffer * shape.patch_bytes : patches;
		const int now = channels - first > T::K ? shape.steps : 1;
#pragma unroll 1
		for (int tap = 0; tap < taps; tap += shape.group) {
			cp_async_wait<0>();
			__syncthreads();
			if (const int left = taps - tap - shape.group; shape.stage_bytes != 0)
				l.ring.copy(left > 0 ? tap + shape.group : 0, left > 0 ? first : first + chunk);
			if (!PHASED && !row0.some)
				continue;
			const Stage<Problem> stage = {problem, shape, row0, row1, l.base + offset, patch + base, (PATCHES > 1 ? list : l.base + shape.list) + 4 * tap, apart, tap, now};
			multiply_stage<T, NT, SPLIT>(acc, stage, l.ring.stage + weights, min(shape.group, taps - tap));
		}
		const int left = channels - first - PATCHES * chunk;
		if (left <= 0)
			continue;
		__syncthreads();
		if (PATCHES == 1 && shape.stage_bytes == 0)
			l.ring.copy(0, first + chunk);
		l.stager.operand.stage_more(l.stager, patch, l.way, first + PATCHES * chunk, left > T::K ? shape.steps : 1);
	}
	__syncthreads();
	put_sums<PHASED>(tile, odd_eighths((int)l.t.channel_tile), l.t, problem.phases(), acc, part_of<M, NT, SPLIT>());
}

// Computes the block's tile [pixels][odd_eighths(channel_tile)] into `shared`. Before that, `shared` has the header, the
// list of weights, that of taps, one patch (forward two if there are several chunks), and two stages of weights, or one.
template <class T, class Problem> __device__ __forceinline__ void conv_mma(char *shared, const Tiling &t, const Problem &problem, int image) {
	const Header &header = *(const Header *)shared;
	const Shape &shape = header.shape;
	const SharedAddress base = shared_address(shared);
	const typename Problem::Operand operand = problem.operand(image);
	Ring<T, Problem> ring(problem, shape, base + shape.weights, Units(shape.columns * T::BYTES / 16, shape.rows, shape.log));
	ring.copy(0, 0);
	Stager<T, typename Problem::Operand> stager(operand, shape.patch, header.turns.onward);
	const int steps = shape.steps, chunks = min(shape.chunks, Problem::PATCHES);
	SharedAddress patch = base + shape.patches;
#pragma unroll 1
	for (int k = 0; k < chunks; k++, patch += shape.patch_bytes)
		stager.operand.stage(stager, patch, header.turns.way, k * steps * T::K, shape.channels - k * steps * T::K > T::K ? steps : 1);
	const Loop<T, Problem> loop = {t, problem, shape, ring, stager, base, header.turns.way};
	float *const tile = (float *)shared;
	const bool split = t.channel_tile > 8 * Problem::MOST;
	const int nt = column_groups(t.channel_tile, split);
	if (!Problem::PHASED && t.tile_h * t.tile_w > blockDim.x)
		multiply_all<T, 4, 2, 0>(tile, loop);
	else if (nt == 2)
		multiply_all<T, 2, 2, 0>(tile, loop);
	else if (Problem::MOST > 4 && nt == 4 && !split)
		multiply_all<T, 2, 4, 0>(tile, loop);
	else if (Problem::MOST > 4 && nt == 4)
		multiply_all<T, 2, 4, 1>(tile, loop);
	else if (!split)
		multiply_all<T, 2, Problem::MOST, 0>(tile, loop);
	else
		multiply_all<T, 2, Problem::MOST, 1>(tile, loop);
	__syncthreads();
}

template <class T> __device__ __forceinline__ void conv_mma_forward(const Forward &s, i64 stat_images) {
	SHARED(char, shared);
	__shared__ Place place;
	const Tiling &t = s.tiling;
	if (threadIdx.x < 32) {
		const Place at = place_of(t, s.columns, s.height, s.width);
		if (threadIdx.x == 0)
			place = at;
		lay_out<T>(shared, ForwardMma<T>(s, at, (Weights *)(shared + HEADER)), t, patch_of(s, at.y0, at.x0, (int)t.tile_h, (int)t.tile_w, row_bytes<T>(s.in->pitch)));
	}
	if (threadIdx.x == blockDim.x - 1)
		((Header *)shared)->turns.way = NodeOperand(*s.in, 0).way();
	__syncthreads();
	conv_mma<T>(shared, t, ForwardMma<T>(s, place, (const Weights *)(shared + HEADER)), place.image);
	const int ld = odd_eighths((int)t.channel_tile);
	store_values(s, place, (float *)shared, ld, (float *)shared + t.tile_h * t.tile_w * ld, (int)stat_images);
}

template <class T, bool PHASES> __device__ __forceinline__ void conv_mma_gradient_tile(const Backward &s, char *shared, Place &place) {
	const Tiling &t = s.tiling;
	if (threadIdx.x < 32) {
		const Place at = place_of(t, s.in.pitch, s.in.height, s.in.width);
		if (threadIdx.x == 0)
			place = at;
		lay_out<T>(shared, GradientMma<T, PHASES>(s, at, (Weights *)(shared + HEADER)), t, patch_of(s, at.y0, at.x0, (int)t.tile_h, (int)t.tile_w, row_bytes<T>(s.columns)));
	}
	if (threadIdx.x == blockDim.x - 1)
		((Header *)shared)->turns.way = IncomingOperand(s, 0).way();
	__syncthreads();
	conv_mma<T>(shared, t, GradientMma<T, PHASES>(s, place, (const Weights *)(shared + HEADER)), place.image);
}

template <class T> __device__ __forceinline__ void conv_mma_gradient(const Backward &s, i64 images, bool frozen, bool sums) {
	SHARED(char, shared);
	__shared__ Place place;
	const Tiling &t = s.tiling;
	if (s.stride == 1)
		conv_mma_gradient_tile<T, false>(s, shared, place);
	else
		conv_mma_gradient_tile<T, true>(s, shared, place);
	const int ld = odd_eighths((int)t.channel_tile);
	store_gradient(s, place, (float *)shared, ld, (float *)shared + t.tile_h * t.tile_w * ld, (int)images, frozen, sums);
}

#endif
