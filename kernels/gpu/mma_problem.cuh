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
	const char *at;
	i64 step;
};

template <class T> struct ForwardMma {
	typedef NodeOperand Operand;
	enum { MOST = 6 }; // groups of 8 columns of a warp
	const Forward &step;
	int columns; // of the block
	Weights *weights; // of each eight of them, in shared memory

	__device__ __forceinline__ ForwardMma(const Forward &s, const Place &place, Weights *list) : step(s), columns(place.columns), weights(list) {
		for (int i = threadIdx.x; 8 * i < columns; i += blockDim.x) {
			const int c = place.column + 8 * i;
			const Output &o = output_of(s, c);
			list[i] = Weights{(const char *)o.weight + (c - o.column) * T::BYTES, o.pitch * T::BYTES};
		}
	}
	__device__ __forceinline__ Operand operand(int image) const { return NodeOperand(*step.in, image); }
	__device__ __forceinline__ int phases() const { return 1; }
	__device__ __forceinline__ int channels() const { return (int)step.in->pitch; }
	__device__ __forceinline__ int kernel() const { return (int)step.kernel; }
	// Pixels of the patch from one pixel of the tile to the next.
	__device__ __forceinline__ int stride() const { return (int)step.stride; }
	__device__ __forceinline__ int entries() const { return (int)step.tiling.channel_tile / 8; }
	__device__ __forceinline__ const char *weight(int tap, int k, int column) const {
		if (k >= step.in->pitch || column >= columns)
			return 0;
		const Weights w = weights[column / 8];
		return w.at + (tap * (int)step.in->pitch + k) * w.step + column % 8 * T::BYTES;
	}
	__device__ __forceinline__ Row placed(Row r) const { return r; }
	// Bytes in the patch from a pixel to what it reads at a tap.
	__device__ __forceinline__ int tap(const Patch &p, const Row &, int ky, int kx) const {
		return (ky * p.width + kx) * (int)step.dilation * p.ld;
	}
};

template <class T> struct GradientMma {
	typedef IncomingOperand Operand;
	enum { MOST = 4 }; // two batches of gradients and values take the registers of the other two
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
			list[i] = Weights{(const char *)v.weight + (8 * i - v.column) * s.in.pitch * T::BYTES, v.pitch * s.in.pitch * T::BYTES};
		}
	}
	__device__ __forceinline__ Operand operand(int image) const { return IncomingOperand(step, image); }
	// All pixels of a phase have the same taps.
	__device__ __forceinline__ int phases() const { return (int)step.stride; }
	__device__ __forceinline__ int channels() const { return (int)step.columns; }
	__device__ __forceinline__ int kernel() const { return (int)step.kernel; }
	__device__ __forceinline__ int stride() const { return 1; }
	__device__ __forceinline__ int entries() const { return (int)step.columns / 8; }
	__device__ __forceinline__ const char *weight(int tap, int k, int column) const {
		if (k >= step.columns || column >= columns)
			return 0;
		const Weights w = weights[k / 8];
		return w.at + tap * w.step + (k % 8 * (int)step.in.pitch + this->column + column) * T::BYTES;
	}
	// A row of A with its phase's first pixel in the padded map.
	__device__ __forceinline__ Row placed(Row r) const {
		r.fy += y0 + (int)step.pad;
		r.fx += x0 + (int)step.pad;
		return r;
	}
	// Bytes in the patch from pixel (y, x) to the output at a tap of a row; −1: the row's phase does not have the tap.
	__device__ __forceinline__ int tap(const Patch &p, const Row &r, int ky, int kx) const {
		int y = r.fy - ky * (int)step.dilation, x = r.fx - kx * (int)step.dilation;
		const int phases = (int)step.stride;
		if (phases > 1) {
			if (y % phases != 0 || x % phases != 0)
				return -1;
			y /= phases;
			x /= phases;
		}
		return ((y - p.y0) * p.width + x - p.x0) * p.ld;
	}
};

#endif
