//go:build cgo

package cpu_test

import (
	"os"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/kernels/kerneltest"
	"bnas.example/kernels/ref"
)

// TestConformance runs the suite in every instruction set that the processor has: all of it in the widest, which bnas uses,
// and small networks in the others.
func TestConformance(t *testing.T) {
	everyISA(t, func(t *testing.T, best bool) {
		o := kerneltest.Options{Seed: 1}
		switch {
		case sanitized:
			o.Random, o.Small, o.Threads = random(), true, 2
		case !best:
			o.Random, o.Small = 10, true
		}
		kerneltest.Run(t, poisoned(t, cpu.Strict), o)
	})
}

// TestConformanceFast: the fast numerics are within the error that docs/speed.md states, that of stored values in 11 bits. Their
// units give them the range of float32. The cells of the suite have maps that are whole tiles.
func TestConformanceFast(t *testing.T) {
	if sanitized {
		t.Skip("the reference rounds three times for each network, and TestCores has the core itself")
	}
	everyISA(t, func(t *testing.T, best bool) {
		o := kerneltest.Options{Seed: 1, Random: random(), Small: !best, Rounding: ref.Rounding{Stored: ref.ScaledHalf}}
		kerneltest.Run(t, poisoned(t, cpu.Fast), o)
	})
}

// random is the number of random programs where each takes long.
func random() int {
	if os.Getenv("BNAS_LONG") != "" {
		return 10
	}
	return 4
}

// everyISA runs a test in each instruction set that the processor has; best is the widest.
func everyISA(t *testing.T, test func(t *testing.T, best bool)) {
	best, _ := cpu.Available()
	for _, isa := range []string{"avx512", "avx2", "portable"} {
		t.Run(isa, func(t *testing.T) {
			t.Setenv(cpu.ISAVariable, isa)
			if _, ok := cpu.Available(); !ok {
				t.Skipf("this processor does not have %s", isa)
			}
			if sanitized && isa != best {
				t.Skip("one instruction set is enough under a sanitizer: the source is the same")
			}
			test(t, isa == best)
		})
	}
}

// A device beside another one has its instruction set, whatever the environment says since.
func TestBesideHasTheInstructionSet(t *testing.T) {
	t.Setenv(cpu.ISAVariable, "portable")
	d, err := cpu.New(1, cpu.Fast)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	t.Setenv(cpu.ISAVariable, "no such set")
	beside, err := kernels.Beside(d, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	if got, want := beside.Info().Arithmetic, d.Info().Arithmetic; got != want {
		t.Errorf("%s beside %s", got, want)
	}
}

// TestDetail: one thread is no plural.
func TestDetail(t *testing.T) {
	t.Setenv(cpu.ISAVariable, "portable")
	for threads, want := range map[int]string{1: "portable, fast, 1 thread", 2: "portable, fast, 2 threads"} {
		d, err := cpu.New(threads, cpu.Fast)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if got := d.Info().Detail; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// poisoned makes poisoned devices. At the end of the test it closes those that are still open.
func poisoned(t *testing.T, n cpu.Numerics) kerneltest.Factory {
	return func(threads int) (kernels.Device, error) {
		d, err := cpu.NewPoisoned(threads, n)
		if err == nil {
			t.Cleanup(func() { d.Close() })
		}
		return d, err
	}
}
