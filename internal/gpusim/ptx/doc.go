// Package ptx runs PTX, the assembly that NVIDIA's compilers make of kernels, on the host: what is tested with it is the
// compiled code itself. It is a functional model, not one of time.
//
// [Parse] reads a module and prepares its kernels. It knows the operations that the kernels of kernels/gpu have, as a test
// makes sure; any other one is an error that names the line. A [Machine] has memory and launches kernels. The threads of
// a warp run together where they agree: the lanes that are furthest behind in the text go first, so that lanes that have
// parted meet again.
//
// Arithmetic is exact where PTX says so (add, mul, fma, div.rn, sqrt.rn, rcp.rn and every conversion round once). Where
// PTX allows an error (ex2.approx, rcp.approx, rsqrt.approx) the result is the float64 function's, rounded; rcp.approx.ftz.f64 has its
// lower 32 bits cleared, as on the GPU. Products of mma are exact, their sum with the accumulator is formed in float64 and
// rounded once. The payload of a NaN is not modelled. Atomics on floats are refused at load: their results would depend on
// the order of blocks.
//
// A launch fails with a [Fault] on: access outside an allocation or a block's shared memory, misaligned access, a write
// to constants, a read of shared memory that nobody has written or that cp.async has not yet delivered, a race on shared
// memory between barriers (lanes of a warp are ordered by bar.warp.sync alone), a barrier that not all threads of the
// block reach, a warp's collective without all of its lanes, and threads that wait for each other for ever.
package ptx
