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

// The part of a stage of weights that a thread copies: unit `unit` of 16 bytes of row `row` and every `rows`-th after it, rows a power of
// two. So a thread goes from tap to tap by one addition. The last threads may have none.
struct Units {
	int unit, row;
	__device__ __forceinline__ Units(int units, int rows) : unit(threadIdx.x % units), row(threadIdx.x / units) {
		if (row >= rows)
			row = 1 << 16;
	}
};

// Copies a thread's units of a stage of `taps` taps to `to` and beyond. A tap has 2^log rows. from(k, valid) is where row k of the tap
// of the thread's first unit is, and sets the bytes to the next tap.
template <class From>
__device__ __forceinline__ void copy_units(SharedAddress to, int row_bytes, int row, int rows, int log, int taps, From from) {
	const int all = 1 << log, own = row >> log, apart = max(rows >> log, 1), ahead = (apart << log) * row_bytes;
	if (own >= taps)
		return;
#pragma unroll 1
	for (int k = row & (all - 1); k < all; k += rows, to += rows * row_bytes) {
		bool valid;
		i64 step;
		GlobalAddress at = from(k, own, valid, step);
		step *= apart;
		SharedAddress next = to;
#pragma unroll 1
		for (int tap = own; tap < taps; tap += apart, next += ahead, at += step)
			cp_async16(next, at, valid);
	}
}

template <class T> struct ForwardMma {
	typedef NodeOperand Operand;
	enum { MOST = 6, PHASED = 0, FORWARD = 1, SCRATCH = STORE_SCRATCH(1) }; // groups of 8 columns of a warp
	const Forward &step;
	int columns; // of the block
	Weights *weights; // of each eight of them, in shared memory

	__device__ __forceinline__ ForwardMma(const Forward &s, const Place &place, Weights *list) : step(s), columns(place.columns), weights(list) {
		for (int i = threadIdx.x; 8 * i < columns; i += blockDim.x) {
			const int c = place.column + 8 * i;
			const Output &o = output_of(s, c);
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

	// Where a thread's weights are, and those of the rows after.
	struct Copier {
		GlobalAddress at; // of row 0 of tap 0
		int step; // bytes from channel to channel
		bool inside; // the columns are those of the block
		__device__ __forceinline__ Copier(const ForwardMma &p, const Units &u) {
			const int column = u.unit * (16 / T::BYTES);
			inside = column < p.columns;
			const Weights w = p.weights[inside ? column / 8 : 0];
			at = w.at + column % 8 * T::BYTES;
			step = (int)w.step;
		}
		// Copies a thread's units of a stage of `taps` taps from `tap` on. It has 2^log rows a tap, of channels from `first` on; those from
		// `some` on are zeros.
		__device__ __forceinline__ void copy(const ForwardMma &, SharedAddress to, int channels, int row_bytes, int row, int rows, int tap, int first, int some, int log, int taps) const {
			copy_units(to, row_bytes, row, rows, log, taps, [&](int k, int own, bool &valid, i64 &next) {
				valid = inside && k < some;
				next = channels * step;
				return at + ((tap + own) * channels + first + k) * step;
			});
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
	enum { MOST = 4, PHASED = PHASES, FORWARD = 0, SCRATCH = GRADIENT_SCRATCH(1) }; // two batches of gradients and values take the registers of the other two
	const Backward &step;
	int y0, x0, column, columns; // of the block
	Weights *weights; // of each eight columns of the step, in shared memory

	__device__ __forceinline__ GradientMma(const Backward &s, const Place &place, Weights *list)
		: step(s), y0(place.y0), x0(place.x0), column(place.column), columns(place.columns), weights(list) {
		int b = 0;
		for (int i = threadIdx.x; i < entries(); i += blockDim.x) {
			while (b + 1 < s.outs && 8 * i >= s.out[b + 1].column)
				b++;
			const Incoming &v = s.out[b];
			list[i] = Weights{global_address((const char *)v.weight + (8 * i - v.column) * s.in.pitch * T::BYTES), v.pitch * s.in.pitch * T::BYTES};
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
		bool inside;
		__device__ __forceinline__ Copier(const GradientMma &p, const Units &u) {
			const int c = u.unit * (16 / T::BYTES);
			inside = c < p.columns;
			at = (p.column + c) * T::BYTES;
			pitch = (int)p.step.in.pitch * T::BYTES;
		}
		__device__ __forceinline__ void copy(const GradientMma &p, SharedAddress to, int, int row_bytes, int row, int rows, int tap, int first, int some, int log, int taps) const {
			copy_units(to, row_bytes, row, rows, log, taps, [&](int k, int own, bool &valid, i64 &next) {
				valid = inside && k < some;
				k = valid ? first + k : 0;
				const Weights w = p.weights[k / 8];
				next = w.step;
				return w.at + ((tap + own) * (int)w.step + k % 8 * pitch + at);
			});
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
