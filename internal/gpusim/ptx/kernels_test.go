package ptx

import (
	"math"
	"math/bits"
	"testing"
)

func TestVectorAdd(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "kernels.ptx")
	const n = 1000
	a, b := wave(n, 3), wave(n+7, 5)[7:]
	pa, pb, sum := put(t, m, "a", a), put(t, m, "b", b), put(t, m, "sum", make([]float32, n))
	c := launchOK(t, m, mod.Kernel("vector_add"), x(8), x(128), 0, sum, pa, pb, n)
	for i, v := range get[float32](t, m, sum, n) {
		if v != a[i]+b[i] {
			t.Fatalf("element %d is %g, want %g", i, v, a[i]+b[i])
		}
	}
	if c.Loaded != 2*4*n || c.Stored != 4*n || c.Ops["add.f32"] != n {
		t.Errorf("loaded %d bytes, stored %d, added %d times", c.Loaded, c.Stored, c.Ops["add.f32"])
	}
}

func TestReduceByShuffles(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "kernels.ptx")
	a := wave(1024, 2)
	out := put(t, m, "out", make([]float32, 4))
	launchOK(t, m, mod.Kernel("reduce"), x(4), x(256), 0, out, put(t, m, "a", a))
	for i, v := range get[float32](t, m, out, 4) {
		want := 0.0
		for _, v := range a[i*256 : (i+1)*256] {
			want += float64(v)
		}
		if !(math.Abs(float64(v)-want) <= 1e-4) {
			t.Errorf("block %d: %g, want %g", i, v, want)
		}
	}
}

func TestGEMMThroughSharedMemory(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "kernels.ptx")
	const n = 48
	a, b := wave(n*n, 1), wave(n*n+3, 1)[3:]
	c := put(t, m, "c", make([]float32, n*n))
	launchOK(t, m, mod.Kernel("gemm"), [3]int{3, 3, 1}, [3]int{16, 16, 1}, 2048, c, put(t, m, "a", a), put(t, m, "b", b), n)
	for i, v := range get[float32](t, m, c, n*n) {
		want := float32(0)
		for k := range n {
			want = fma32(a[i/n*n+k], b[k*n+i%n], want, nearest)
		}
		if v != want {
			t.Fatalf("element %d is %g, want %g", i, v, want)
		}
	}
}

func TestLastBlockFinishes(t *testing.T) {
	mod := loadModule(t, "kernels.ptx")
	a := wave(64*40, 1)
	for i := range a {
		a[i] = float32(math.Round(float64(a[i] * 100)))
	}
	want := float32(0)
	for _, v := range a {
		want += v
	}
	for _, workers := range []int{1, 2, 7} {
		m := NewMachine(Options{Workers: workers})
		out, arrived := put(t, m, "out", make([]float32, 1)), put(t, m, "arrived", make([]uint32, 1))
		part := put(t, m, "part", make([]float32, 40))
		pa := put(t, m, "a", a)
		for range 2 {
			launchOK(t, m, mod.Kernel("last_block"), x(40), x(64), 0, out, part, pa, arrived)
			if v := get[float32](t, m, out, 1)[0]; v != want {
				t.Errorf("%d workers: %g, want %g", workers, v, want)
			}
			if n := get[uint32](t, m, arrived, 1)[0]; n != 0 {
				t.Errorf("%d workers: the counter is %d afterwards", workers, n)
			}
		}
	}
}

func TestDoubles(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "kernels.ptx")
	in := make([]float64, 64)
	for i := range in {
		in[i] = math.Exp(float64(i-20) / 4)
	}
	out := put(t, m, "out", make([]float64, 3*64))
	launchOK(t, m, mod.Kernel("doubles"), x(1), x(64), 0, out, put(t, m, "in", in))
	got := get[float64](t, m, out, 3*64)
	for i, v := range in {
		for j, want := range []float64{math.Log(v), math.Sqrt(v), 1 / v} {
			if g := got[3*i+j]; g != want && (j > 0 || !(math.Abs(g-want) <= 1e-15*(1+math.Abs(want)))) {
				t.Errorf("function %d of %g is %v, want %v", j, v, g, want)
			}
		}
	}
}

func TestFloats(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "kernels.ptx")
	in := make([]float32, 64)
	for i := range in {
		in[i] = float32(math.Exp(float64(i-30) / 8))
	}
	out := put(t, m, "out", make([]float32, 3*64))
	launchOK(t, m, mod.Kernel("floats"), x(1), x(64), 0, out, put(t, m, "in", in))
	got := get[float32](t, m, out, 3*64)
	for i, v32 := range in {
		v := float64(v32)
		for j, want := range []float64{math.Exp(v), math.Sqrt(v), 1 / v} {
			if g := float64(got[3*i+j]); j > 0 && g != float64(float32(want)) || !(math.Abs(g-want) <= 3e-7*math.Max(math.Abs(want), 0.1)) {
				t.Errorf("function %d of %g is %v, want %v", j, v, g, want)
			}
		}
	}
}

func TestControlAndIntegers(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "kernels.ptx")
	const n = 96
	wide := make([]int64, n)
	for i := range wide {
		wide[i] = int64(i)*0x1234567890 - 1<<40
	}
	out, bytes := put(t, m, "out", make([]int32, n)), put(t, m, "bytes", make([]uint8, n))
	pw := put(t, m, "wide", wide)
	launchOK(t, m, mod.Kernel("control"), x(1), x(n), 0, out, bytes, pw)

	primes := []int32{2, 3, 5, 7, 11, 13, 17, 19}
	weights := []float32{0.5, 0.25, 0.125, 1}
	v := make([]int32, n)
	ballots := make([]uint32, n/32)
	for i := range v {
		k := int32(i)
		switch i % 9 {
		case 0:
			v[i] = primes[i%8]
		case 1:
			v[i] = k * 3
		case 2:
			v[i] = k/3 - 7
		case 3:
			for j := range k {
				v[i] += j * j
			}
		case 4:
			v[i] = -k % 5
		case 5:
			v[i] = int32(bits.OnesCount32(uint32(k * 77)))
		case 6:
			v[i] = k * 5 % 7
		case 7:
			v[i] = int32(weights[i%4] * 100)
		default:
			v[i] = k<<3 ^ k>>1
		}
		ballots[i/32] |= uint32(v[i]&1) << (i % 32)
	}
	gotV, gotB, gotW := get[int32](t, m, out, n), get[uint8](t, m, bytes, n), get[int64](t, m, pw, n)
	for i := range v {
		if c := int32(bits.OnesCount32(ballots[i/32])); i%2 == 1 {
			v[i] += c
		} else {
			v[i] -= c
		}
		w := int64(v[i])*0x123456789/int64(i+1) + wide[i]>>3
		if gotV[i] != v[i] || gotB[i] != uint8(v[i]) || gotW[i] != w {
			t.Errorf("thread %d: %d, %d, %d; want %d, %d, %d", i, gotV[i], gotB[i], gotW[i], v[i], uint8(v[i]), w)
		}
	}
}

func TestLocalMemory(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "kernels.ptx")
	in := wave(4*33, 4)
	index := make([]int32, 33)
	for i := range index {
		index[i] = int32(i * 5)
	}
	out := put(t, m, "out", make([]float32, 4*33))
	launchOK(t, m, mod.Kernel("locals"), x(1), x(33), 0, out, put(t, m, "in", in), put(t, m, "index", index))
	got := get[float32](t, m, out, 4*33)
	for i := range 33 {
		v := in[4*i:][:4]
		for j, want := range []float32{v[0] + float32(index[i]&7), v[1], v[2], v[3]} {
			if got[4*i+j] != want {
				t.Errorf("thread %d: element %d is %g, want %g", i, j, got[4*i+j], want)
			}
		}
	}
}
