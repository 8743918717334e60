// The two problems of conv_mma, a forward convolution and an input gradient: where the weights and the taps of a pixel
// are.
//
//   y_b[o, p] = Σ_i Σ_k w_b[o, i, k] · u[i, p·stride − pad + k·dilation]         K = taps × channels of the node
//   du[i, q]  = Σ_b Σ_o Σ_k w_b[o, i, k] · dy_b[o, p]                            K = taps × columns of all values
//                                               over p with p·stride − pad + k·dilation = q
//
// The weights of value b are at out[b].weight: [tap][in][out] forward, [tap][out][in] backward (pack.cu, forms 0 and
// 1).
#pragma once
#include "mma_patch.cuh"
#include "store.cuh"
#define KEPT_TERMS 3
#include "store_gradient.cuh"

#ifdef BNAS_TENSOR_CORES

// One row of A: pixel (fy + phases·y, fx + phases·x) of the block's tile.
struct Row {
	int fy, fx, y, x;
	bool some, inside; // some: its 16 rows belong to a phase. inside: the row is a pixel
};

// The address of eight columns of the weights (forward), or of eight channels along K (gradient). step: bytes from one
// channel to the next (forward), or from one tap to the next (gradient).
struct alignas(16) Weights {
	GlobalAddress at;
	i64 step;
};

// What all threads of a block know. It is in shared memory: it would take registers of each thread.
struct Shape {
	Patch patch;
	int patch_bytes;
	int ld, slot_bytes; // of the weights of a tap and a chunk: [K][ld]
	int channels, steps, chunks; // along K; steps of a chunk
	int taps, group, across; // taps of the window, and of a stage; bytes in the patch from a tap to the next one in its row
	int stage_bytes; // from a stage to the other one, 0 if there is one
	int columns; // of a block's weights, padded
	int list, patches, weights; // offsets in the block's room: the list of taps, the first patch, and the stages of weights
	int log, rows, apart; // a tap of weights has 2^log rows, threads copy `rows` rows at a time, of `apart` taps
	int down, ahead; // bytes in a stage from there to the next rows, and from a row to that of the next taps
	int linear, beyond; // forward: if linear, a thread's next rows in memory are always `beyond` rows further
	int row_stages; // 3×3, not dilated, in stages of whole rows
};

// The part of a stage of weights that a thread copies: unit `unit` of 16 bytes, from row `row` of its tap `tap` on. The threads of a block
// have `rows` rows, a power of two, and a tap 2^log. The last threads may have none.
struct Units {
	int unit, row, tap;
	bool some;
	__device__ __forceinline__ Units(int units, int rows, int log) {
		row = threadIdx.x / (unsigned)units;
		unit = threadIdx.x - row * units;
		some = row < rows;
		tap = row >> log;
		row &= (1 << log) - 1;
	}
};

// Copies units that are `ahead` bytes apart in a stage, from `to` to its end, and `step` in memory. There is one at least.
__device__ __forceinline__ void copy_units(SharedAddress to, SharedAddress end, int ahead, GlobalAddress from, i64 step, bool valid) {
#pragma unroll 1
	do {
		cp_async16(to, from, valid);
		to += ahead;
		from += step;
	} while (to < end);
}

template <class T> struct ForwardMma {
	typedef NodeOperand Operand;
	enum { MOST = 6, PATCHES = 2, PHASED = 0, FORWARD = 1, SCRATCH = STORE_SCRATCH(1) }; // groups of 8 columns of a warp
	const Forward &step;
	int columns; // of the block
	int column;
	const Weights *weights; // of each eight of them, in shared memory

	__device__ __forceinline__ ForwardMma(const Forward &s, const Place &place, const Weights *list) : step(s), columns(place.columns), column(place.column), weights(list) {}
	// Makes the list of weights, by a warp.
	__device__ __forceinline__ void put_weights(Weights *list) const {
		for (int i = threadIdx.x; 8 * i < columns; i += 32) {
			const int c = column + 8 * i;
			const Output &o = output_of(step, c);
			list[i] = Weights{global_address((const char *)o.weight + (c - o.column) * T::BYTES), o.pitch * T::BYTES};
		}
	}
	__device__ __forceinline__ Operand operand(int image) const { return NodeOperand(*step.in, image); }
	__device__ __forceinline__ int phases() const { return 1; }
	__device__ __forceinline__ int channels() const { return (int)step.in->pitch; }
	__device__ __forceinline__ int kernel() const { return (int)step.kernel; }
	// Pixels of the patch from one pixel of the tile to the next.
	__device__ __forceinline__ int stride() const { return (int)step.stride; }
	__device__ __forceinline__ int entries() const { return (int)step.tiling.channel_tile / 8; }

	// Where a thread's weights are.
	struct Copier {
		GlobalAddress at; // its first unit
		int step; // bytes from channel to channel
		int row; // of the unit in its tap
		int limit; // more than all channels if the columns are those of the block, or none
		__device__ __forceinline__ Copier(const ForwardMma &p, const Shape &s, const Units &u) : row(u.row) {
			const int column = u.unit * (16 / T::BYTES);
			const bool inside = column < p.columns;
			const Weights w = p.weights[inside ? column / 8 : 0];
			step = (int)w.step;
			limit = inside ? 1 << 30 : 0;
			at = w.at + column % 8 * T::BYTES + (i64)(u.tap * s.channels + u.row) * step;
		}
		// Copies a thread's units of a stage from tap `tap` and channel `first` on. Those after the last channel are zeros.
		__device__ __forceinline__ void copy(const ForwardMma &, const Shape &s, SharedAddress to, SharedAddress end, int tap, int first) const {
			const int channels = s.channels, most = min(limit, channels - first);
			GlobalAddress from = at + (i64)(tap * channels + first) * step;
			if (s.linear)
				return copy_units(to, end, s.down, from, (i64)(s.beyond * step), row < most);
			const int all = 1 << s.log, rows = s.rows, down = s.down;
			const i64 next = (i64)(channels * step), below = (i64)(rows * step);
#pragma unroll 1
			do {
				GlobalAddress unit = from;
				int k = row;
#pragma unroll 1
				do { // a tap has an even number of them, as both are powers of two
					cp_async16(to, unit, k < most);
					cp_async16(to + down, unit + below, k + rows < most);
					to += 2 * down;
					unit += 2 * below;
					k += 2 * rows;
				} while (k < all);
				from += next;
			} while (to < end);
		}
	};

	__device__ __forceinline__ Row placed(Row r) const { return r; }
	// Bytes in the patch from a pixel of the tile to what it reads at tap (0, 0), and from there to another tap.
	__device__ __forceinline__ int first(const Patch &, int) const { return 0; }
	__device__ __forceinline__ int tap(const Patch &p, int ky, int kx) const { return (ky * p.width + kx) * (int)step.dilation * p.ld; }
	__device__ __forceinline__ int tap(const Patch &, const Row &, int, int) const { return 0; }
};

// PHASES: the stride is not 1.
template <class T, bool PHASES> struct GradientMma {
	typedef IncomingOperand Operand;
	enum { MOST = 4, PATCHES = 1, PHASED = PHASES, FORWARD = 0, SCRATCH = GRADIENT_SCRATCH(1) }; // two batches of gradients and values take the registers of the other two
	const Backward &step;
	int y0, x0, column, columns; // of the block
	const Weights *weights; // of each eight columns of the step, in shared memory

	__device__ __forceinline__ GradientMma(const Backward &s, const Place &place, const Weights *list)
		: step(s), y0(place.y0), x0(place.x0), column(place.column), columns(place.columns), weights(list) {}
	// Makes the list of weights, by a warp.
	__device__ __forceinline__ void put_weights(Weights *list) const {
		int b = 0;
		for (int i = threadIdx.x; i < entries(); i += 32) {
			while (b + 1 < step.outs && 8 * i >= step.out[b + 1].column)
				b++;
			const Incoming &v = step.out[b];
			list[i] = Weights{global_address((const char *)v.weight + (8 * i - v.column) * step.in.pitch * T::BYTES), v.pitch * step.in.pitch * T::BYTES};
		}
	}
	__device__ __forceinline__ Operand operand(int image) const { return IncomingOperand(step, image); }
	// All pixels of a phase have the same taps.
	__device__ __forceinline__ int phases() const { return PHASES ? (int)step.stride : 1; }
	__device__ __forceinline__ int channels() const { return (int)step.columns; }
	__device__ __forceinline__ int kernel() const { return (int)step.kernel; }
	__device__ __forceinline__ int stride() const { return 1; }
	__device__ __forceinline__ int entries() const { return (int)step.columns / 8; }

	struct Copier {
		int at, pitch; // bytes: to the thread's columns in a row, and from row to row
		int row, tap; // of the first unit in a stage
		int limit; // as ForwardMma's
		__device__ __forceinline__ Copier(const GradientMma &p, const Shape &, const Units &u) : row(u.row), tap(u.tap) {
			const int c = u.unit * (16 / T::BYTES);
			limit = c < p.columns ? 1 << 30 : 0;
			at = (p.column + c) * T::BYTES;
			pitch = (int)p.step.in.pitch * T::BYTES;
		}
		__device__ __forceinline__ void copy(const GradientMma &p, const Shape &s, SharedAddress to, SharedAddress end, int first_tap, int first) const {
			const int all = 1 << s.log, rows = s.rows, down = s.down, ahead = s.ahead, apart = s.apart, most = min(limit, s.channels - first);
			int k = row;
#pragma unroll 1
			do {
				const bool valid = k < most;
				const unsigned row = valid ? first + k : 0;
				const Weights w = p.weights[row / 8];
				const int step = (int)w.step;
				copy_units(to, end, ahead, w.at + (i64)(first_tap + tap) * step + ((int)(row % 8) * pitch + at), (i64)apart * step, valid);
				k += rows;
				to += down;
			} while (k < all);
		}
	};

	// A row of A with its phase's first pixel in the padded map.
	__device__ __forceinline__ Row placed(Row r) const {
		r.fy += y0 + (int)step.pad;
		r.fx += x0 + (int)step.pad;
		return r;
	}
	// Without phases. first: the padded map's pixel (y0, x0) in the patch; each tap is as far before it.
	__device__ __forceinline__ int first(const Patch &p, int) const { return ((y0 + (int)step.pad - p.y0) * p.width + x0 + (int)step.pad - p.x0) * p.ld; }
	__device__ __forceinline__ int tap(const Patch &p, int ky, int kx) const { return -(ky * p.width + kx) * (int)step.dilation * p.ld; }
	// With phases: bytes in the patch from pixel (y, x) to the output at a tap of a row; −1: the row's phase does not have
	// the tap.
	__device__ __forceinline__ int tap(const Patch &p, const Row &r, int ky, int kx) const {
		int y = r.fy - ky * (int)step.dilation, x = r.fx - kx * (int)step.dilation;
		const int phases = (int)step.stride;
		if (y % phases != 0 || x % phases != 0)
			return -1;
		return ((y / phases - p.y0) * p.width + x / phases - p.x0) * p.ld;
	}
};

#endif
