// Package cpu is the engine for machines without a GPU: C with SIMD behind cgo, planned from Go.
package cpu
