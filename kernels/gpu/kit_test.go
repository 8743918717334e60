//go:build cgo && linux && gpusim

package gpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"bnas.example/internal/gpusim/hostkernels"
	"bnas.example/internal/gpusim/machine"
	"bnas.example/kernels/gpu"
)

// A kit is an emulated GPU with checks on, and what fills its memory. Host maps are float64 [image][y][x][channel],
// without padding, of numbers that a float32 holds.
type kit struct {
	t   *testing.T
	m   *machine.Machine
	rng *rand.Rand
}

func newKit(t *testing.T, seed uint64) *kit { return newOrderedKit(t, seed, machine.Options{}) }

func newOrderedKit(t *testing.T, seed uint64, o machine.Options) *kit {
	t.Helper()
	o.Threads, o.Check, o.Seed = 2, true, seed
	m, err := hostkernels.NewMachine(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return &kit{t, m, rand.New(rand.NewPCG(seed, 0))}
}

// alloc returns memory in which every byte is 255: floats and doubles are NaN, integers −1.
func (k *kit) alloc(bytes int) gpu.Ptr {
	k.t.Helper()
	p, err := k.m.Alloc(int64(max(bytes, 8)))
	if err == nil {
		err = k.m.Fill(p, 255, int64(max(bytes, 8)))
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return gpu.Ptr(p)
}

func bytesOf[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), uintptr(len(v))*unsafe.Sizeof(v[0]))
}

// put copies values to the device.
func put[T any](k *kit, v ...T) gpu.Ptr {
	k.t.Helper()
	p := k.alloc(len(bytesOf(v)))
	if len(v) > 0 {
		if err := k.m.CopyIn(uint64(p), bytesOf(v)); err != nil {
			k.t.Fatal(err)
		}
	}
	return p
}

// get copies n values from the device.
func get[T any](k *kit, p gpu.Ptr, n int) []T {
	k.t.Helper()
	v := make([]T, n)
	if err := k.m.CopyOut(bytesOf(v), uint64(p)); err != nil {
		k.t.Fatal(err)
	}
	return v
}

// launch runs a kernel; arguments are gpu.Ptr, int, uint64, bool and float64.
func (k *kit) launch(name string, x, y, threads, shared int, args ...any) {
	k.t.Helper()
	words := make([]uint64, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case gpu.Ptr:
			words[i] = uint64(a)
		case int:
			words[i] = uint64(a)
		case uint64:
			words[i] = a
		case float64:
			words[i] = math.Float64bits(a)
		case bool:
			if a {
				words[i] = 1
			}
		default:
			k.t.Fatalf("launch %s: an argument of type %T", name, a)
		}
	}
	if err := k.m.Launch(name, [3]int{x, y, 1}, [3]int{threads, 1, 1}, shared, words); err != nil {
		k.t.Fatal(err)
	}
}

// random returns n numbers around 0 that float32 holds.
func (k *kit) random(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(float32(k.rng.NormFloat64()))
	}
	return v
}

func floats(v []float64) []float32 {
	f := make([]float32, len(v))
	for i, x := range v {
		f[i] = float32(x)
	}
	return f
}

func pitchOf(channels int) int { return (channels + 7) &^ 7 }

// putMap copies a host map to the device with its pitch, the padding zero.
func (k *kit) putMap(v []float64, channels int) gpu.Ptr {
	pitch := pitchOf(channels)
	f := make([]float32, len(v)/channels*pitch)
	for i, x := range v {
		f[i/channels*pitch+i%channels] = float32(x)
	}
	return put(k, f...)
}

// getMap copies a map from the device; its padding must be zero.
func (k *kit) getMap(p gpu.Ptr, pixels, channels int) []float64 {
	k.t.Helper()
	pitch := pitchOf(channels)
	f := get[float32](k, p, pixels*pitch)
	v := make([]float64, 0, pixels*channels)
	for i, x := range f {
		if i%pitch < channels {
			v = append(v, float64(x))
		} else if x != 0 {
			k.t.Fatalf("padding: pixel %d, channel %d of %d is %v", i/pitch, i%pitch, channels, x)
		}
	}
	return v
}

// near fails if got differs from want by more than tolerance·(1 + |want|); a NaN is near a NaN only.
func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.IsNaN(got[i]) && math.IsNaN(want[i]) {
			continue
		}
		if !(math.Abs(got[i]-want[i]) <= tolerance*(1+math.Abs(want[i]))) {
			t.Fatalf("%s: element %d of %d is %v, want %v", what, i, len(want), got[i], want[i])
		}
	}
}

func widen[T float32 | float64](v []T) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// describe names a case and its seed.
func describe(seed uint64, c any) string { return fmt.Sprintf("seed %d, %+v", seed, c) }
