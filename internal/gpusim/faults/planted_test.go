//go:build cgo && linux && gpusim

package faults

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"bnas.example/internal/gpusim/machine"
)

// fault is a launch of a kernel with a planted fault, and what is to be said of it.
type fault struct {
	kernel      string
	grid, block []int
	shared      int
	args        func(b *bench) []uint64
	thread      string // with threads in forward order
	want        string
	anyBuild    bool // found without the hooks, too
}

func toFloats(n int) func(*bench) []uint64 {
	return func(b *bench) []uint64 { return []uint64{b.alloc(4 * n)} }
}

func toAndFrom(n int) func(*bench) []uint64 {
	return func(b *bench) []uint64 { return []uint64{b.alloc(4 * n), b.in(b.random(n))} }
}

// counted are a result, a part for each of n blocks and a zero counter.
func counted(n int) func(*bench) []uint64 {
	return func(b *bench) []uint64 { return []uint64{b.alloc(4), b.alloc(4 * n), put(b, []uint32{0})} }
}

var planted = []fault{
	{kernel: "planted_read_beyond", grid: []int{2}, block: []int{64},
		args:   func(b *bench) []uint64 { return []uint64{b.alloc(400), b.in(b.random(100)), 100} },
		thread: "block (1,0,0), thread (35,0,0)", want: `out of bounds: read of 4 bytes, 0 bytes after the end of the buffer of 400 bytes`},
	{kernel: "planted_write_before", block: []int{32}, args: toFloats(32), thread: "thread (0,0,0)", want: `out of bounds: write of 4 bytes, 4 bytes before the buffer of 128 bytes`},
	{kernel: "planted_null", block: []int{32}, args: func(*bench) []uint64 { return []uint64{0} }, want: `illegal address .*: write of 4 bytes outside of every buffer`},
	{kernel: "planted_dynamic_beyond", block: []int{32}, shared: 128, args: toFloats(32), want: `out of bounds: read of 4 bytes at byte 128 of 128 bytes of dynamic shared memory`},
	{kernel: "planted_static_beyond", block: []int{32}, args: func(b *bench) []uint64 { return []uint64{b.alloc(128), 1} }, thread: "thread (31,0,0)", want: `out of bounds: index 32 of an array 'float \[32\]' \(planted.cu:\d+\)`},
	{kernel: "planted_static_beyond", block: []int{32}, args: func(b *bench) []uint64 { return []uint64{b.alloc(128), ^uint64(0)} }, want: `out of bounds: index -?\d+ of an array 'float \[32\]'`},
	{kernel: "planted_misaligned", block: []int{8}, args: toAndFrom(64), want: `misaligned address 0x[0-9a-f]+4: access to .*float4.*, a multiple of 16`},
	{kernel: "planted_missing_barrier", block: []int{64}, shared: 256, args: toFloats(64), want: `never written|data race in dynamic shared memory`},
	{kernel: "planted_early_overwrite", block: []int{64}, shared: 256, args: toFloats(64), want: `data race in dynamic shared memory \(byte \d+\): (written here, read|read here, written) by thread \d+, no barrier between`},
	{kernel: "planted_missing_syncwarp", block: []int{32}, shared: 128, args: toFloats(32), want: `never written|data race in dynamic shared memory`},
	{kernel: "planted_divergent_barrier", block: []int{64}, args: toFloats(64), want: `divergent __syncthreads: thread \d+ waits at planted.cu:\d+ \(planted.cu:\d+\)`, anyBuild: true},
	{kernel: "planted_partial_barrier", block: []int{64}, args: toFloats(64), want: `__syncthreads reached by 63 of 64 threads: thread 40 has left the kernel \(planted.cu:\d+\)`, anyBuild: true},
	{kernel: "planted_shared_unwritten", block: []int{32}, shared: 128, args: toFloats(32), thread: "thread (5,0,0)", want: `read of dynamic shared memory that was never written \(byte 20\)`},
	{kernel: "planted_static_unwritten", block: []int{32}, args: toFloats(32), want: `read of static shared memory that was never written`},
	{kernel: "planted_global_unwritten", block: []int{32}, args: func(b *bench) []uint64 { return []uint64{b.alloc(128), b.alloc(128)} }, want: `read of global memory that was never written: byte \d+ of the buffer of 128 bytes`},
	{kernel: "planted_missing_wait", block: []int{32}, shared: 512, args: toAndFrom(128), want: `read of dynamic shared memory \(byte \d+\) that a cp.async of thread \d+ is still bringing`},
	{kernel: "planted_wait_without_barrier", block: []int{32}, shared: 512, args: toAndFrom(128), want: `never written|data race in dynamic shared memory`},
	{kernel: "planted_race_of_threads", block: []int{64}, args: func(b *bench) []uint64 { return []uint64{b.alloc(256), b.alloc(256)} }, want: `data race in global memory: (written here, read|read here, written) by thread \d+, no barrier between: byte \d+ of the buffer of 256 bytes`},
	{kernel: "planted_race_of_threads_writing", block: []int{64}, args: toFloats(1), want: `data race in global memory: written here, written by thread \d+, no barrier between`},
	{kernel: "planted_race_of_blocks", grid: []int{4}, block: []int{1}, args: toFloats(1), want: `data race between blocks: written here, written by block \d+`},
	{kernel: "planted_missing_fence", grid: []int{4}, block: []int{1}, args: counted(4), want: `data race between blocks: read here, written by block \d+`},
	{kernel: "planted_arrival_without_barrier", grid: []int{4}, block: []int{32}, args: counted(4 * 32), want: `data race between blocks: read here, written by block \d+`},
	{kernel: "planted_write_after_fence", grid: []int{4}, block: []int{1}, args: counted(4), want: `data race between blocks: read here, written by block \d+`},
	{kernel: "planted_late_write", grid: []int{4}, block: []int{1}, args: counted(4), want: `data race between blocks: read here, written by block \d+`},
	{kernel: "planted_warp_deadlock", block: []int{32}, args: toFloats(32), want: `deadlock: a warp waits with the mask 0xffffffff, but lane \d+ is at a __syncthreads`, anyBuild: true},
	{kernel: "planted_warp_left", block: []int{32}, args: toFloats(32), want: `deadlock: a warp waits with the mask 0xffffffff, but lane 7 has left the kernel`, anyBuild: true},
	{kernel: "planted_warp_masks", block: []int{32}, args: toFloats(32), want: `lanes of a warp disagree|deadlock`, anyBuild: true},
	{kernel: "planted_not_in_mask", block: []int{32}, args: toFloats(32), want: `a lane that is not in its own mask 0xffff`, anyBuild: true},
}

func TestPlantedFaults(t *testing.T) {
	orders := []machine.Options{{Order: machine.Forward}, {Order: machine.Backward}, {Order: machine.Shuffled, Seed: 3}, {Threads: 3}}
	for _, f := range planted {
		t.Run(f.kernel, func(t *testing.T) {
			if !machine.Hooked && !f.anyBuild {
				t.Skip("loads and stores are not checked in this build")
			}
			for _, o := range orders {
				o.Check = true
				b := newBench(t, o)
				err := b.try(f.kernel, f.grid, f.block, f.shared, f.args(b)...)
				want := `^kernel ` + f.kernel + `, block \(.*\), thread \(.*\): .*(` + f.want + `)`
				if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) || o.Order == machine.Forward && !strings.Contains(err.Error(), f.thread) {
					t.Errorf("%+v: error %q, want one of %q that matches %q", o, err, f.thread, f.want)
				}
			}
		})
	}
}

// A machine with a fault answers every later call with it.
func TestLostMachine(t *testing.T) {
	b := newBench(t, machine.Options{Check: true})
	p := b.alloc(256)
	first := b.try("planted_partial_barrier", nil, []int{64}, 0, p)
	if first == nil {
		t.Fatal("no error")
	}
	calls := map[string]error{
		"Launch":  b.try("clean_add", nil, []int{32}, 0, p, p, p, 1),
		"CopyIn":  b.m.CopyIn(p, make([]byte, 4)),
		"CopyOut": b.m.CopyOut(make([]byte, 4), p),
		"Fill":    b.m.Fill(p, 0, 4),
		"Err":     b.m.Err(),
	}
	_, calls["Alloc"] = b.m.Alloc(4)
	for name, err := range calls {
		if err != first {
			t.Errorf("%s: %v, want the first error", name, err)
		}
	}
}

// Sums in the order in which blocks or threads happen to come have other bits in another order.
func TestPlantedOrder(t *testing.T) {
	const n = 64
	for _, c := range []struct {
		kernel      string
		grid, block []int
		arrived     []uint32
	}{
		{"planted_order_of_blocks", []int{n}, []int{1}, []uint32{0, 0}},
		{"planted_order_of_threads", []int{1}, []int{n}, []uint32{0}},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			bits := map[uint32]bool{}
			for _, o := range []machine.Options{{Order: machine.Forward}, {Order: machine.Backward}, {Order: machine.Shuffled, Seed: 5}} {
				b := newBench(t, o)
				x := b.random(n)
				for i := range x {
					x[i] *= float32(int(1) << (i % 20))
				}
				sum := b.alloc(4)
				if len(c.grid) == 1 && c.grid[0] == n {
					b.launch(c.kernel, c.grid, c.block, 0, sum, b.alloc(4*n), put(b, c.arrived), b.in(x))
				} else {
					b.launch(c.kernel, c.grid, c.block, 4*n, sum, put(b, c.arrived), b.in(x))
				}
				bits[math.Float32bits(b.floats(sum, 1)[0])] = true
			}
			if len(bits) < 2 {
				t.Error("the sums have the same bits in every order")
			}
		})
	}
}

func TestLeakedBuffer(t *testing.T) {
	for name, leak := range map[string]func(m *machine.Machine) error{
		"buffer": func(m *machine.Machine) error { _, err := m.Alloc(100); return err },
		"pinned": func(m *machine.Machine) error { _, err := m.Pinned(100); return err },
	} {
		t.Run(name, func(t *testing.T) {
			m, err := New(machine.Options{Memory: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			if err := leak(m); err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err == nil {
				t.Error("Close does not say that something was never freed")
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t, machine.Options{})
	p := b.alloc(64)
	_, tooMuch := b.m.Alloc(1 << 30)
	for name, err := range map[string]error{
		"out of memory":          tooMuch,
		"free of no buffer":      b.m.Free(p + 4),
		"copy beyond a buffer":   b.m.CopyIn(p+4, make([]byte, 64)),
		"copy from no buffer":    b.m.CopyOut(make([]byte, 4), 12345),
		"fill beyond a buffer":   b.m.Fill(p, 0, 65),
		"unknown kernel":         b.try("no_such_kernel", nil, []int{1}, 0),
		"too few arguments":      b.try("clean_add", nil, []int{1}, 0, p),
		"too many threads":       b.try("planted_null", nil, []int{1025}, 0, p),
		"too much shared memory": b.try("planted_null", nil, []int{1}, machine.MaxShared+1, p),
		"no blocks":              b.try("planted_null", []int{0}, []int{1}, 0, p),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	b.launch("planted_race_of_blocks", nil, []int{1}, 0, p)
}
