// Package cpu is the kernels.Device for machines without a GPU. Go plans the work; C with SIMD, called through cgo,
// computes it.
package cpu
