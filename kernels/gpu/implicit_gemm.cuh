// The main loop of the fp32 convolutions: an implicit GEMM in registers.
//
//   tile[p][c] = Σ_tap Σ_k patch[p at tap][k] · weight[tap][k][c]
//
// A block has the P pixels of a tile and a channel tile. K = taps × channels runs in chunks of CHUNK (or CHUNK_1x1)
// channels. A chunk's patch is staged once for all taps and columns (gemm_patch.cuh). The weights of a tap and CHUNK channels are a
// stage. There are two buffers for stages: the next one is copied while the present one is used. A 1×1 window of CHUNK_1x1 channels is two
// taps: both their stages are copied with the patch. The offsets of the taps in the patch are a list in shared memory.
//
// A thread has PIXELS pixels × 8 columns. Its columns are the 4-column group cg, and another one half a channel tile further:
// neighbouring threads read neighbouring float4s of weights. Its pixels are of one column of the tile, y + j·step: neighbouring threads
// read neighbouring pixels (patch.cuh), and one offset leads to the next pixel. Neither conflicts. For the 256 multiplications of four
// channels a thread loads 8 float4s of weights and 8 of the patch. Where a block has room for twice as many threads, two threads have the
// same pixels and columns: each has eight channels of every 16. At the end each gives the other half of its sums (put_tile). So a
// multiplication costs as few loads as with twice as many columns.
//
// Input gradients of stride s: an input pixel has only the taps k for which s divides i + pad − k·dilation. Pixels are
// sorted by phase, (y mod s, x mod s). A warp then has one phase and skips the other taps together.
#pragma once
#include "gemm_patch.cuh"
#include "block.cuh"

enum { PIXELS = 8, CHUNK = 16, CHUNK_1x1 = 32, GEMM_THREADS = 128 };

__device__ __forceinline__ int chunk_of(i64 kernel) { return kernel == 1 ? CHUNK_1x1 : CHUNK; }

// The image of a block.
__device__ __forceinline__ int image_of(const Tiling &t) { return blockIdx.x / (unsigned)t.tiles; }

// Rows of a tile's phase that are dealt to threads in PIXELS steps.
__device__ __forceinline__ int row_step(const Tiling &t, int phases) {
	return (((int)t.tile_h + phases - 1) / phases + PIXELS - 1) / PIXELS;
}

// The rows of a tile's patch: whole steps of PIXELS. No thread then asks where its pixels end.
__device__ __forceinline__ int patch_rows(const Tiling &t, int phases) { return row_step(t, phases) * PIXELS * phases; }

// Whether there are two threads for the same pixels and columns, each for half of the channels.
__device__ __forceinline__ bool halved(const Tiling &t, int phases) {
	const int groups = ((int)t.tile_w + phases - 1) / phases * row_step(t, phases);
	return phases * phases * groups * ((int)t.channel_tile / 4) <= (int)blockDim.x;
}

// The pixels and columns of a thread. With phases s > 1, pixels of a phase (fy, fx) are (fy + s·y, fx + s·x); a thread's
// are x and y + j·step.
struct Share {
	int half; // of the channels
	int cg; // 4-column group
	int x, y, step;
	int fy, fx;
	bool active;
};

__device__ __forceinline__ Share share_of(const Tiling &t, int phases, bool halves) {
	const int h = (int)t.tile_h, w = (int)t.tile_w, width = (w + phases - 1) / phases, column_groups = (int)t.channel_tile / 8;
	const int step = row_step(t, phases), groups = width * step, threads = groups * column_groups, all = halves ? 2 * threads : threads;
	const int phase = (int)threadIdx.x / all, rest = (int)threadIdx.x - phase * all;
	Share s;
	s.half = rest >= threads;
	s.step = step;
	const int n = rest - (s.half ? threads : 0), pixel = n / column_groups;
	s.cg = n - pixel * column_groups;
	s.y = pixel / width;
	s.x = pixel - s.y * width;
	s.fy = phase / phases;
	s.fx = phase - s.fy * phases;
	s.active = phase < phases * phases && s.fy + phases * s.y < h && s.fx + phases * s.x < w;
	return s;
}

__device__ __forceinline__ void add_scaled(float *sum, float u, float4 w) {
	sum[0] = fmaf(u, w.x, sum[0]);
	sum[1] = fmaf(u, w.y, sum[1]);
	sum[2] = fmaf(u, w.z, sum[2]);
	sum[3] = fmaf(u, w.w, sum[3]);
}

// On sm_70 the addresses that constants make needless leave no registers for the rest.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 750
enum { CONSTANT_STEPS = 0 };
#else
enum { CONSTANT_STEPS = 1 };
#endif

// What most launches have whose rows of weights have this length.
template <int LENGTH> struct Usual {
	enum {
		// Bytes from a pixel to the next one, so that they are a constant of the loop: windows of 3×3 without stride, tiles 16 pixels
		// across, or 8, and halves of channels. Without halves the constant would take registers, for fewer instructions saved.
		STEP = !CONSTANT_STEPS || LENGTH == 48 || LENGTH == 96 ? 0 : (LENGTH < 48 ? 16 + 2 : 8 + 2) * (CHUNK + 4) * 4,
		COPIES = LENGTH <= 32 ? 1 : LENGTH <= 64 ? 2 : 4, // float4s of weights that a thread copies
	};
	static __device__ __forceinline__ bool is(int step, int taps, bool halves) { return STEP > 0 && taps > 1 && step == STEP && halves; }
};

// The length of a row of weights, the columns padded: one of few, so that it is a constant of the loop.
__device__ __forceinline__ int row_length(int channel_tile) {
	return channel_tile <= 16 ? 16 : channel_tile <= 32 ? 32 : channel_tile <= 48 ? 48 : channel_tile <= 64 ? 64 : 96;
}

// The thread's pixels of a patch, STEP bytes apart if that is not 0.
template <int STEP> struct PixelRow {
	const SharedAddress first;
	__device__ __forceinline__ PixelRow(SharedAddress patch, int) : first(patch) {}
	template <int J, int AT> __device__ __forceinline__ float4 read() const { return read_shared4<J * STEP + AT>(first); }
};
template <> struct PixelRow<0> {
	SharedAddress pixel[PIXELS];
	__device__ __forceinline__ PixelRow(SharedAddress patch, int step) {
		pixel[0] = patch;
#pragma unroll
		for (int j = 1; j < PIXELS; j++)
			pixel[j] = beyond(pixel[j - 1], step);
	}
	template <int J, int AT> __device__ __forceinline__ float4 read() const { return read_shared4<AT>(pixel[J]); }
};

// Weights of four channels, in the thread's columns.
struct FourWeights {
	float4 low[4], high[4];
};

// The pixels from J on, AT bytes beyond their first channel. Each is read before the one before it is multiplied.
template <int AT, int J, int STEP>
__device__ __forceinline__ void multiply_pixels(float (&acc)[PIXELS][8], const PixelRow<STEP> &pixels, const FourWeights &w, float4 now) {
	if constexpr (J < PIXELS) {
		float4 next = now;
		if constexpr (J + 1 < PIXELS)
			next = pixels.template read<J + 1, AT>();
		add_scaled(acc[J], now.x, w.low[0]);
		add_scaled(acc[J], now.y, w.low[1]);
		add_scaled(acc[J], now.z, w.low[2]);
		add_scaled(acc[J], now.w, w.low[3]);
		add_scaled(acc[J] + 4, now.x, w.high[0]);
		add_scaled(acc[J] + 4, now.y, w.high[1]);
		add_scaled(acc[J] + 4, now.z, w.high[2]);
		add_scaled(acc[J] + 4, now.w, w.high[3]);
		multiply_pixels<AT, J + 1>(acc, pixels, w, next);
	}
}

// acc += patch · weights for the four channels of a tap from FIRST on.
template <int LENGTH, int FIRST, int STEP>
__device__ __forceinline__ void multiply_four(float (&acc)[PIXELS][8], const PixelRow<STEP> &pixels, SharedAddress weights) {
	enum { AT = 4 * FIRST * LENGTH, ROW = 4 * LENGTH, HALF = 2 * LENGTH }; // in a row the columns of `high` are HALF beyond those of `low`
	const float4 first = pixels.template read<0, 4 * FIRST>();
	const FourWeights w = {
		{read_shared4<AT>(weights), read_shared4<AT + ROW>(weights), read_shared4<AT + 2 * ROW>(weights), read_shared4<AT + 3 * ROW>(weights)},
		{read_shared4<AT + HALF>(weights), read_shared4<AT + ROW + HALF>(weights), read_shared4<AT + 2 * ROW + HALF>(weights), read_shared4<AT + 3 * ROW + HALF>(weights)},
	};
	multiply_pixels<4 * FIRST, 0>(acc, pixels, w, first);
}

// The same for the thread's eight channels of a tap, or 16. patch: the thread's first pixel; step: bytes from one to the next.
template <int LENGTH, int STEP>
__device__ __forceinline__ void multiply_channels(float (&acc)[PIXELS][8], SharedAddress patch, int step, SharedAddress weights, bool more) {
	const PixelRow<STEP> pixels(patch, step);
	multiply_four<LENGTH, 0>(acc, pixels, weights);
	multiply_four<LENGTH, 4>(acc, pixels, weights);
	if (!more)
		return;
	multiply_four<LENGTH, 8>(acc, pixels, weights);
	multiply_four<LENGTH, 12>(acc, pixels, weights);
}

// A thread's part of the weights of a tap and a chunk: the first of its float4s, bytes from one to the next and from tap to tap.
struct TapWeights {
	GlobalAddress at;
	int pitch, next;
};

// The float4s of a stage's weights [K][length] that a thread copies: `column` of every rows-th row.
struct Slice {
	int row, rows, column;
};

__device__ __forceinline__ Slice slice_of(int channel_tile) {
	const int groups = channel_tile / 4, row = (int)threadIdx.x / groups;
	return Slice{row, (int)blockDim.x / groups, ((int)threadIdx.x - row * groups) * 4};
}

// What all threads know. It is in shared memory: it would take registers of each.
struct Plan {
	Patch patch;
	Inside inside;
	bool full; // the whole patch is inside
	bool halves; // two threads share the channels
	bool usual; // see Usual
	signed char way; // to stage a chunk: way_of
	int length; // of a row of weights
	int weights; // bytes from the patch to them
	int rows, ahead; // of the weights: from one float4 that a thread copies to its next one, in rows and in bytes
	int step; // from a thread's pixel to its next one, in bytes
	int taps, entries, list; // of the window, a phase's in the list, and where the list begins, in bytes from the patch
	i64 pixel; // the image's first, of the batch
};

// The channels of a chunk, of so many that are left: whole taps of multiply_chunk.
__device__ __forceinline__ int chunk_at(const Plan &p, int left) { return left >= CHUNK ? min(left & -CHUNK, p.patch.ld - 4) : left; }

// A tap that a thread's pixels do not have.
enum { NONE = 1 << 30 };

__device__ __forceinline__ bool is_usual(const Plan &p) {
	if (p.length <= 16)
		return Usual<16>::is(p.step, p.taps, p.halves);
	if (p.length <= 32)
		return Usual<32>::is(p.step, p.taps, p.halves);
	return p.length == 64 && Usual<64>::is(p.step, p.taps, p.halves);
}

template <class Problem> __device__ __forceinline__ Plan plan_of(const Tiling &t, const Patch &patch, const Problem &problem, int image) {
	const int phases = problem.phases(), channel_tile = (int)t.channel_tile, height = problem.height(), width = problem.width();
	Plan p;
	p.patch = patch;
	p.inside = inside_of(patch, height, width);
	p.full = fills(p.inside, patch);
	p.way = (signed char)problem.way();
	p.pixel = (i64)image * height * width;
	p.halves = halved(t, phases);
	p.length = row_length(channel_tile);
	p.weights = patch.height * patch.width * patch.ld * 4;
	p.rows = (int)blockDim.x / (channel_tile / 4);
	p.ahead = p.rows * p.length * 4;
	p.step = row_step(t, phases) * problem.stride() * patch.width * patch.ld * 4;
	p.taps = problem.kernel() * problem.kernel();
	p.entries = max(p.taps, CHUNK_1x1 / CHUNK);
	p.usual = phases == 1 && problem.whole_chunks() && 2 * (int)t.tile_w * row_step(t, 1) * (channel_tile / 8) == (int)blockDim.x && is_usual(p);
	p.list = p.weights + 2 * CHUNK * p.length * 4;
	return p;
}

// Writes the list of taps: first of a phase that has none, then of each phase the bytes in the patch from a thread's pixels to each tap.
// A 1×1 window has two entries.
template <class Problem> __device__ __forceinline__ void list_taps(SharedAddress list, const Plan &plan, const Problem &problem) {
	const int phases = problem.phases(), entries = plan.entries, kernel = problem.kernel();
#pragma unroll 1
	for (int k = threadIdx.x; k < (phases * phases + 1) * entries; k += blockDim.x) {
		const int list_of = k / entries, n = k - list_of * entries, tap = kernel > 1 ? n : 0, ky = tap / kernel, phase = list_of - 1, fy = phase / phases;
		int offset = phase >= 0 ? problem.tap(plan.patch, fy, phase - fy * phases, ky, tap - ky * kernel) : NONE;
		if (offset != NONE)
			offset += 4 * CHUNK * (n - tap);
		write_shared(list + 4 * k, offset);
	}
}

// A float4 of weights to shared memory: past the thread's registers, and without waiting, where the GPU can.
__device__ __forceinline__ void copy_four(SharedAddress to, GlobalAddress from) {
#ifdef BNAS_TENSOR_CORES
	cp_async16(to, from);
#else
	write_shared4(to, read_global4(from));
#endif
}

__device__ __forceinline__ void commit_weights() {
#ifdef BNAS_TENSOR_CORES
	cp_async_commit();
#endif
}

// Copies `count` float4s of a thread, which are mostly USUAL.
template <int USUAL> __device__ __forceinline__ void copy_weights(SharedAddress to, int ahead, GlobalAddress from, int pitch, int count) {
#ifdef BNAS_TENSOR_CORES
	if (count == USUAL) {
#pragma unroll
		for (int k = 0; k < USUAL; k++) {
			copy_four(to, from);
			to = beyond(to, ahead);
			from = further(from, pitch);
		}
		return;
	}
#endif
#pragma unroll 1
	for (; count > 0; count--, to += ahead, from = further(from, pitch))
		copy_four(to, from);
}

__device__ __forceinline__ void await_weights() {
#ifdef BNAS_TENSOR_CORES
	cp_async_wait<0>();
#endif
}

// Where a thread is in shared memory.
struct Station {
	SharedAddress patch; // the first of its pixels and channels
	SharedAddress weights; // its columns
	SharedAddress to; // the float4 that it copies first
	unsigned more; // in one register: see below

	// Of the stage, the row of that float4.
	__device__ __forceinline__ int row() const { return more & (SECOND - 1); }
	// Whether its channels are the second half.
	__device__ __forceinline__ bool second() const { return more & SECOND; }
	// Bytes from the list to its phase.
	__device__ __forceinline__ int taps() const { return more >> 16; }

	enum { OUTSIDE = 1 << 14, SECOND = 1 << 15 }; // no row of the weights
};

// Multiplies the taps of a chunk, whose first stage of weights is there. Each next one is copied meanwhile: `count` float4s of the thread.
template <int LENGTH, int STEP>
__device__ __forceinline__ void multiply_taps(float (&acc)[PIXELS][8], const Plan &plan, const Station &station, TapWeights &w, SharedAddress tap, int taps, int count, bool more) {
	const int step = plan.step, ahead = plan.ahead;
	const SharedAddress end = tap + 4 * taps;
	int buffer = 0; // the present one
#pragma unroll 1
	do {
		const int offset = (int)read_shared<0>(tap);
		const SharedAddress from = beyond(station.weights, buffer);
		buffer ^= 4 * CHUNK * LENGTH;
		tap = beyond(tap, 4);
		if (tap != end) {
			w.at = further(w.at, w.next);
			copy_weights<Usual<LENGTH>::COPIES>(station.to + buffer, ahead, w.at, w.pitch, count);
			commit_weights();
		}
		if (STEP > 0 || offset != NONE) // with a constant step every thread has pixels and channels
			multiply_channels<LENGTH, STEP>(acc, station.patch + offset, step, from, more);
		await_weights();
		__syncthreads();
	} while (tap != end);
	w.at = further(w.at, w.next * (1 - taps));
}

// The same for the rows of weights of any length. A 1×1 window of 32 channels is two taps of 16.
template <int LENGTH>
__device__ __forceinline__ void multiply_length(float (&acc)[PIXELS][8], SharedAddress patch, const Plan &plan, const Station &station, TapWeights &w, int count, int channels) {
	typedef Usual<LENGTH> U;
	const SharedAddress tap = patch + (plan.list + (channels > 8 || !station.second() ? station.taps() : 0));
	if constexpr (U::STEP > 0)
		if (plan.usual)
			return multiply_taps<LENGTH, U::STEP>(acc, plan, station, w, tap, plan.taps, count, false);
	const bool one = plan.taps == 1; // all its weights are there
	multiply_taps<LENGTH, 0>(acc, plan, station, w, tap, one && channels > CHUNK ? 2 : plan.taps, one ? 0 : count, channels > 8 && !plan.halves);
}

__device__ __forceinline__ void multiply_chunk(float (&acc)[PIXELS][8], SharedAddress patch, const Plan &plan, const Station &station, TapWeights &w, int count, int channels) {
	const int length = plan.length;
	if (length <= 16)
		multiply_length<16>(acc, patch, plan, station, w, count, channels);
	else if (length <= 32)
		multiply_length<32>(acc, patch, plan, station, w, count, channels);
	else if (length <= 48)
		multiply_length<48>(acc, patch, plan, station, w, count, channels);
	else if (length <= 64)
		multiply_length<64>(acc, patch, plan, station, w, count, channels);
	else
		multiply_length<96>(acc, patch, plan, station, w, count, channels);
}

// Stores the sums of four columns of a pixel, added to what the thread of the other half has stored.
template <bool ADD> __device__ __forceinline__ void put_four(SharedAddress to, const float *sum) {
	float4 x = make_float4(sum[0], sum[1], sum[2], sum[3]);
	if (ADD)
		x = read_shared4<0>(to) + x;
	write_shared4(to, x);
}

// The pixels from FIRST on.
template <int FIRST, int COUNT, bool ADD>
__device__ __forceinline__ void put_pixels(SharedAddress to, int ahead, int across, int pixels, const float (&acc)[PIXELS][8]) {
	to += FIRST * ahead;
#pragma unroll
	for (int j = FIRST; j < FIRST + COUNT; j++, to += ahead) {
		if (j >= pixels)
			return;
		put_four<ADD>(to, acc[j]);
		put_four<ADD>(to + across, acc[j] + 4);
	}
}

// Stores the sums into the tile. Of two threads that share the channels each gives the sums of half of the pixels to the other, and adds
// those that it gets to its own of the other pixels.
__device__ __forceinline__ void put_tile(SharedAddress tile, const Tiling &t, int phases, bool halves, const float (&acc)[PIXELS][8]) {
	const int channel_tile = (int)t.channel_tile, width = (int)t.tile_w, height = (int)t.tile_h;
	const Share s = share_of(t, phases, halves);
	const int y = s.fy + phases * s.y, x = s.fx + phases * s.x, step = phases * s.step, across = 2 * channel_tile;
	const int pixels = s.active ? (height - y + step - 1) / step : 0, ahead = 4 * step * width * channel_tile;
	const SharedAddress to = tile + 4 * ((y * width + x) * channel_tile + 4 * s.cg);
	enum { HALF = PIXELS / 2 };
	if (!halves)
		return put_pixels<0, PIXELS, false>(to, ahead, across, pixels, acc);
	if (s.half)
		put_pixels<0, HALF, false>(to, ahead, across, pixels, acc);
	else
		put_pixels<HALF, HALF, false>(to, ahead, across, pixels, acc);
	__syncthreads();
	if (s.half)
		put_pixels<HALF, HALF, true>(to, ahead, across, pixels, acc);
	else
		put_pixels<0, HALF, true>(to, ahead, across, pixels, acc);
}

// Where the thread is. Its weights remain zeros if their column is none of the step's.
template <class Problem>
__device__ __forceinline__ Station station_of(SharedAddress patch, const Tiling &t, const Plan &plan, const Problem &problem) {
	const int phases = problem.phases(), channel_tile = (int)t.channel_tile, length = plan.length;
	const Share share = share_of(t, phases, plan.halves);
	const Slice slice = slice_of(channel_tile);
	const int moved = 2 * slice.column >= channel_tile ? (length - channel_tile) / 2 : 0;
	const SharedAddress weights = patch + plan.weights;
	Station s;
	const int skipped = 8 * share.half;
	s.patch = patch + 4 * ((share.y * plan.patch.width + share.x) * problem.stride() * plan.patch.ld + skipped);
	s.weights = weights + 16 * share.cg + 4 * skipped * length;
	s.to = weights + 4 * (slice.row * length + slice.column + moved);
	int row = slice.row;
	if (row >= slice.rows || !problem.inside()) {
		if (row < slice.rows)
			for (int k = row; k < 2 * CHUNK; k += slice.rows)
				write_shared4(s.to + 4 * (k - row) * length, make_float4(0, 0, 0, 0));
		row = Station::OUTSIDE;
	}
	const int taps = share.active ? 4 * plan.entries * (share.fy * phases + share.fx + 1) : 0;
	s.more = taps << 16 | (share.half ? Station::SECOND : 0) | row;
	return s;
}

// Computes the block's tile [P][channel_tile] into `shared`. The patch and the weights use that room before. A Problem is
//   int height(), width()           of the map of which the patch is
//   int way(), stage(…)             way_of the map; stages a chunk of the patch
//   int channels()                  K without the taps, a multiple of 8
//   bool whole_chunks()             no chunk has fewer than CHUNK channels, so that the second half of them is there
//   int kernel(), phases(), stride()  stride: pixels of the patch from one pixel of the phase to the next
//   bool inside()                   the column of the thread's weights is one of the step's
//   int tap(patch, fy, fx, ky, kx)  bytes in the patch from pixel (y, x) to a tap of pixel (fy + phases·y, fx + phases·x) of the tile; NONE
//   TapWeights begin(rows)          the thread's first weights, `rows` rows from one to the next
//   int value(k)                    which of the values whose weights are beside each other has channel k
//   seek(value, k, rows, weights)   from the end of those before channel k to those from there on
//   int left(value, k)              the channels of the value from k on
template <class Problem>
__device__ __forceinline__ void implicit_gemm(float *shared, const Tiling &t, const Plan &plan, Problem &problem) {
	const SharedAddress patch = shared_address(shared);
	const Station station = station_of(patch, t, plan, problem);
	list_taps(patch + plan.list, plan, problem);
	if (!plan.full) {
		clear_patch(patch, plan.patch);
		__syncthreads();
	}
	TapWeights w = problem.begin(plan.rows);
	float acc[PIXELS][8] = {};
	int first = 0;
#pragma unroll 1
	do {
		const int value = problem.value(first);
		problem.seek(value, first, plan.rows, w);
		const int channels = chunk_at(plan, problem.left(value, first)), count = (channels - station.row() + plan.rows - 1) / plan.rows;
		copy_weights<1>(station.to, plan.ahead, w.at, w.pitch, count);
		commit_weights();
		problem.stage(shared, plan.patch, plan.inside, plan.way, plan.pixel, value, first, channels);
		await_weights();
		__syncthreads();
		multiply_chunk(acc, patch, plan, station, w, count, channels);
		w.at = further(w.at, channels * (w.pitch / plan.rows));
		first += channels;
	} while (first < problem.channels());
	put_tile(patch, t, problem.phases(), plan.halves, acc);
	__syncthreads();
}
