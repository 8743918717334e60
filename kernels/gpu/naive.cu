// Convolution and BatchNorm as their formulas read, forward and backward: the kernels to read first.
//
//   conv_naive                 y_b[o, p] = Σ_k Σ_i w_b[o, i, k] · u[i, p·stride − pad + k·dilation]         u = act(z)
//   batch_norm_naive           μ = Σ_p y / m      σ² = Σ_p (y − μ)² / m      m = images · height · width
//   conv_naive_gradient        D[i, q] = act′(z) · Σ_b Σ_k Σ_o w_b[o, i, k] · dy_b[o, p]    p·stride − pad + k·dilation = q
//   batch_norm_naive_gradient  dβ = Σ_q f·D    dγ = Σ_q f·D·x̂    dx = γr(f·D − dβ/m − x̂·dγ/m)
//
// z is the sum of a node's terms. f is the factor of a term for the image, 1 for most. b counts sibling convolutions. i and o run over one group.
//
// A launch computes one formula. A thread computes one result: an element of a convolution's map, or a channel of a
// BatchNorm. A block of a convolution has a pixel, its threads the channels. Weights are
// [out][in / groups][kernel][kernel], as the store has them. One kernel therefore serves dense, grouped and depthwise
// convolutions. The kernels take the structures of abi.cuh and pass the tests of the fast kernels. A Device with the
// option Naive launches them (cuda/naive.go).
//
// The fast kernels compute the same and move less:
//
//   conv_fp32.cu, depthwise.cu   A block transforms a value once, keeps it in shared memory and uses it for all taps and
//                                columns. Here each product transforms it again: 432 times for 3×3 taps and 48 columns.
//   conv_mma.cuh                 The same, with the products on tensor cores.
//   grouped.cu                   These loops, with four channels a load.
//   store.cuh                    A block takes the statistics from the tile that it stores. Here batch_norm_naive reads
//                                the values twice more, with only one thread a channel.
//   store_gradient.cuh           The same for dγ and dβ.
#include "plain.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

// Element `at` of a stored value.
__device__ __forceinline__ float element(const void *value, i64 half, i64 at) {
	return half ? from_f16(((const unsigned short *)value)[at]) : ((const float *)value)[at];
}

__device__ __forceinline__ float factor_of(const float *factor, i64 image) { return factor ? factor[image] : 1; }

// z = Σ terms of a node in an image, at element `at` of its maps, of channel c.
__device__ __forceinline__ float node_element(const Node &n, int image, i64 at, int c) {
	float z = 0;
	for (int t = 0; t < n.terms; t++) {
		const Term &term = n.term[t];
		const float x = element(term.value, term.half, at);
		z += factor_of(term.factor, image) * (term.affine ? normalise(x, term.affine[c]) : x);
	}
	return z;
}

// dy = ∂loss/∂value in an image, at element `at` of its map, of channel c.
__device__ __forceinline__ float incoming_element(const Incoming &v, int image, i64 at, int c) {
	float dy = 0;
	for (int k = 0; k < v.sources; k++) {
		const Source &source = v.source[k];
		const float d = factor_of(source.factor, image) * source.gradient[at];
		dy += source.slope ? through(d, element(v.value, v.half, at), source.slope[c]) : d;
	}
	return dy;
}

// One element of y: of output channel o of value v, at pixel (y, x).
__device__ __forceinline__ float conv_element(const Forward &s, const Output &v, int image, int y, int x, int o) {
	const Node &in = *s.in;
	const int kernel = (int)s.kernel, stride = (int)s.stride, pad = (int)s.pad, dilation = (int)s.dilation;
	const int ins = (int)in.channels / (int)s.groups, outs = (int)v.channels / (int)s.groups, first = o / outs * ins;
	const float *w = (const float *)v.weight + (i64)o * ins * kernel * kernel;
	float sum = 0;
	for (int ky = 0; ky < kernel; ky++)
		for (int kx = 0; kx < kernel; kx++) {
			const int iy = y * stride - pad + ky * dilation, ix = x * stride - pad + kx * dilation;
			if (iy < 0 || iy >= in.height || ix < 0 || ix >= in.width)
				continue;
			const i64 at = pixel_at(image, iy, ix, in.height, in.width, in.pitch) + first;
			for (int i = 0; i < ins; i++) {
				const float u = activate(node_element(in, image, at + i, first + i), in.activation);
				sum = fmaf(w[(i * kernel + ky) * kernel + kx], u, sum);
			}
		}
	return sum;
}

extern "C" __global__ void __launch_bounds__(256, 2) conv_naive(const Forward *step, i64 images) {
	const Forward &s = *step;
	const int height = (int)s.height, width = (int)s.width;
	for (i64 n = block_index(); n < images * height * width; n += block_count()) {
		const int pixel = (int)n, x = pixel % width, y = pixel / width % height, image = pixel / width / height;
		for (int column = threadIdx.x; column < s.columns; column += blockDim.x) {
			const Output &v = output_of(s, column);
			const int o = column - (int)v.column;
			const float sum = o < v.channels ? conv_element(s, v, image, y, x, o) : 0; // padding is zero
			const i64 at = n * v.pitch + o;
			if (v.half)
				((unsigned short *)v.value)[at] = to_f16(sum);
			else
				((float *)v.value)[at] = sum;
		}
	}
}

extern "C" __global__ void __launch_bounds__(256) batch_norm_naive(const Forward *step, i64 stat_images) {
	const Forward &s = *step;
	const int pixels = (int)(stat_images * s.height * s.width);
	for (int column = (int)thread_index(); column < s.columns; column += (int)thread_count()) {
		const Output &v = output_of(s, column);
		const i64 c = column - v.column;
		double sum = 0, squares = 0;
		for (int p = 0; p < pixels; p++)
			sum += element(v.value, v.half, p * v.pitch + c);
		const double mean = sum / pixels;
		for (int p = 0; p < pixels; p++) {
			const double d = element(v.value, v.half, p * v.pitch + c) - mean;
			squares += d * d;
		}
		const double variance = squares / pixels;
		s.statistics.mean[column] = mean;
		s.statistics.variance[column] = variance;
		put_coefficients(s.statistics, column, next_norm(s.statistics, column, 0), mean, variance);
	}
}

// What value v adds to ∂loss/∂u at input channel i of pixel (y, x).
__device__ __forceinline__ float conv_gradient_element(const Backward &s, const Incoming &v, int image, int y, int x, int i) {
	const int kernel = (int)s.kernel, stride = (int)s.stride, pad = (int)s.pad, dilation = (int)s.dilation;
	const int ins = (int)s.in.channels / (int)s.groups, outs = (int)v.channels / (int)s.groups, first = i / ins * outs;
	const float *w = (const float *)v.weight + i % ins * kernel * kernel;
	float sum = 0;
	for (int ky = 0; ky < kernel; ky++)
		for (int kx = 0; kx < kernel; kx++) {
			const int py = y + pad - ky * dilation, px = x + pad - kx * dilation; // stride times the output's pixel
			if (py < 0 || py % stride != 0 || py / stride >= s.height || px < 0 || px % stride != 0 || px / stride >= s.width)
				continue;
			const i64 at = pixel_at(image, py / stride, px / stride, s.height, s.width, v.pitch);
			for (int o = first; o < first + outs; o++)
				sum = fmaf(w[((i64)o * ins * kernel + ky) * kernel + kx], incoming_element(v, image, at + o, o), sum);
		}
	return sum;
}

extern "C" __global__ void __launch_bounds__(256, 2) conv_naive_gradient(const Backward *step, i64 images) {
	const Backward &s = *step;
	const Node &in = s.in;
	const int height = (int)in.height, width = (int)in.width;
	for (i64 n = block_index(); n < images * height * width; n += block_count()) {
		const int pixel = (int)n, x = pixel % width, y = pixel / width % height, image = pixel / width / height;
		for (int i = threadIdx.x; i < in.pitch; i += blockDim.x) {
			const i64 at = n * in.pitch + i;
			float d = 0;
			for (int b = 0; i < in.channels && b < s.outs; b++)
				d += conv_gradient_element(s, s.out[b], image, y, x, i);
			if (in.activation != LINEAR && !passes(node_element(in, image, at, i), in.activation))
				d = 0;
			s.gradient[at] = s.add ? s.gradient[at] + d : d;
		}
	}
}

extern "C" __global__ void __launch_bounds__(256) batch_norm_naive_gradient(const Backward *step, i64 images, i64 frozen) {
	const Backward &s = *step;
	const Node &in = s.in;
	const int pixels = (int)(in.height * in.width);
	for (int c = (int)thread_index(); c < in.channels; c += (int)thread_count()) {
		double dgamma[3] = {0, 0, 0}, dbeta[3] = {0, 0, 0}; // of the BatchNorm of each term
		for (int image = 0; image < images; image++) {
			Sum4 own = {0, 0, 0, 0}; // ΣD, and ΣD·x̂ of each term
			for (int p = 0; p < pixels; p++) {
				const i64 at = ((i64)image * pixels + p) * in.pitch + c;
				float hat[3] = {0, 0, 0};
#pragma unroll
				for (int t = 0; t < 3; t++) // unrolled, hat stays in registers
					if (t < in.terms && in.term[t].affine)
						hat[t] = (element(in.term[t].value, in.term[t].half, at) - in.term[t].affine[c].mean) * in.term[t].affine[c].rstd;
				own.add(add_products<3>(zeros(), s.gradient[at], hat[0], hat[1], hat[2]));
			}
			const float4 sums = own.rounded();
			s.sums.image[image * in.pitch + c] = sums;
			const float products[3] = {sums.y, sums.z, sums.w};
#pragma unroll
			for (int t = 0; t < 3; t++) {
				const double f = factor_of(in.term[t].factor, image);
				dgamma[t] += f * products[t];
				dbeta[t] += f * sums.x;
			}
		}
#pragma unroll
		for (int t = 0; t < 3; t++)
			if (t < in.terms && s.sums.norm[t])
				differentiate(*s.sums.norm[t], c, s.sums.norm[t]->affine[c], dgamma[t], dbeta[t], 1 / ((double)images * (double)pixels), frozen != 0);
	}
}
