//go:build cgo

package cpu_test

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/kernels/kerneltest"
)

// TestConformance runs the suite in every instruction set that the processor has: all of it in the widest, which bnas uses,
// and small networks in the others.
func TestConformance(t *testing.T) {
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
			o := kerneltest.Options{Seed: 1}
			if isa != best || sanitized {
				o.Random, o.Small = 10, true
			}
			kerneltest.Run(t, poisoned(t), o)
		})
	}
}

// poisoned makes poisoned devices. At the end of the test it closes those that are still open.
func poisoned(t *testing.T) kerneltest.Factory {
	return func(threads int) (kernels.Device, error) {
		d, err := cpu.NewPoisoned(threads)
		if err == nil {
			t.Cleanup(func() { d.Close() })
		}
		return d, err
	}
}
