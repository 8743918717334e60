//go:build cgo

// Package engine is the C of the CPU engine: convolutions and the other operators in three instruction sets, and the threads
// that run them. Package cpu calls it. It imports nothing of ours, so that the C is compiled only if a file of it has changed.
package engine

// #cgo CFLAGS: -O3 -std=gnu11 -Wall -Wno-psabi -Wno-pass-failed
// #cgo asan race CFLAGS: -O1
// #cgo LDFLAGS: -lm -lpthread
import "C"
