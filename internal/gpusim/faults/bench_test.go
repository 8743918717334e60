//go:build cgo && linux && gpusim

package faults

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"bnas.example/internal/gpusim/machine"
)

// bench is a machine with what was put on it.
type bench struct {
	t       testing.TB
	m       *machine.Machine
	rng     *rand.Rand
	buffers []uint64
}

func newBench(t testing.TB, o machine.Options) *bench {
	t.Helper()
	o.Memory = 64 << 20
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, m: m, rng: rand.New(rand.NewPCG(1, 2))}
	t.Cleanup(func() {
		for _, p := range b.buffers {
			m.Free(p)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// everyWay runs f with checks off and on, and in every order.
func everyWay(t *testing.T, f func(t *testing.T, b *bench)) {
	for _, o := range []machine.Options{
		{}, {Threads: 3}, {Check: true}, {Check: true, Threads: 2, Order: machine.Backward}, {Check: true, Count: true, Order: machine.Shuffled, Seed: 7},
		{Order: machine.Shuffled, Seed: 8, Threads: 2},
	} {
		t.Run(fmt.Sprintf("threads=%d,check=%t,order=%d", o.Threads, o.Check, o.Order), func(t *testing.T) { f(t, newBench(t, o)) })
	}
}

func (b *bench) random(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(b.rng.NormFloat64())
	}
	return x
}

func (b *bench) alloc(bytes int) uint64 {
	b.t.Helper()
	p, err := b.m.Alloc(int64(bytes))
	if err != nil {
		b.t.Fatal(err)
	}
	b.buffers = append(b.buffers, p)
	return p
}

func bytesOf[T any](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(x[0])))
}

// put copies x to a new buffer.
func put[T any](b *bench, x []T) uint64 {
	b.t.Helper()
	p := b.alloc(len(bytesOf(x)))
	if err := b.m.CopyIn(p, bytesOf(x)); err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) in(x []float32) uint64 { return put(b, x) }

// get copies n elements from p.
func get[T any](b *bench, p uint64, n int) []T {
	b.t.Helper()
	x := make([]T, n)
	if err := b.m.CopyOut(bytesOf(x), p); err != nil {
		b.t.Fatal(err)
	}
	return x
}

func (b *bench) floats(p uint64, n int) []float32 { return get[float32](b, p, n) }

func three(n []int) [3]int {
	d := [3]int{1, 1, 1}
	copy(d[:], n)
	return d
}

func (b *bench) try(kernel string, grid, block []int, shared int, args ...uint64) error {
	return b.m.Launch(kernel, three(grid), three(block), shared, args)
}

func (b *bench) launch(kernel string, grid, block []int, shared int, args ...uint64) {
	b.t.Helper()
	if err := b.try(kernel, grid, block, shared, args...); err != nil {
		b.t.Fatal(err)
	}
}
