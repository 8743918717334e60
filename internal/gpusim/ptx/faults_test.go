package ptx

import (
	"errors"
	"strings"
	"testing"
)

// TestPlantedFaults launches kernels with one fault each; faults.cu says which.
func TestPlantedFaults(t *testing.T) {
	mod := loadModule(t, "faults.ptx")
	for _, c := range []struct {
		kernel  string
		threads int
		want    string // part of the fault; "" for none
		op      string // the instruction that it names
	}{
		{"missing_barrier", 64, "nobody has written it yet", "ld.shared"},
		{"missing_second_barrier", 64, "race: thread 31 wrote it", "ld.shared"},
		{"missing_syncwarp", 32, "race", "ld.volatile.shared"},
		{"with_syncwarp", 32, "", ""},
		{"two_writers", 32, "race", "st.shared"},
		{"half_words", 64, "", ""},
		{"global_beyond", 64, `outside every allocation; the nearest is "in"`, "ld.global"},
		{"misaligned", 32, "misaligned", "ld.global"},
		{"shared_beyond", 64, "out of bounds", "st.shared"},
		{"shared_between", 64, "out of bounds, between two variables", "st.shared"},
		{"uninitialised", 64, "nobody has written it", "ld.shared"},
		{"divergent_barrier", 64, "divergent barrier", "bar.sync"},
		{"early_return", 64, "divergent barrier: 1 warps of the block have left", "bar.sync"},
		{"early_return", 32, "", ""},
		{"missing_wait", 64, "cp.async of thread 63 has not yet delivered", "ld.shared"},
		{"wait_too_few", 64, "cp.async of thread 63 has not yet delivered", "ld.shared"},
		{"wait_without_barrier", 64, "nobody has written it yet", "ld.shared"},
		{"copy_too_early", 64, "race: thread 31 wrote it", "ld.shared"},
		{"copy_too_early_later", 64, "race: thread 31 reads it", "cp.async"},
		{"missing_third_barrier", 64, "race: thread 31 reads it", "st.shared"},
		{"missing_lanes", 32, "deadlock", "shfl.sync"},
		{"endless", 32, "no end", ""},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			m := NewMachine(Options{MaxSteps: 1 << 20})
			n := c.threads
			if strings.Contains(c.kernel, "wait") || strings.Contains(c.kernel, "copy") {
				n *= 4
			}
			out := put(t, m, "out", make([]float32, c.threads))
			_, err := m.Launch(mod.Kernel(c.kernel), x(1), x(c.threads), 0, []uint64{out, put(t, m, "in", wave(n, 9))})
			var f *Fault
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want == "":
			case !errors.As(err, &f):
				t.Fatalf("error %v, want a fault with %q", err, c.want)
			case !strings.Contains(f.Reason, c.want) || !strings.Contains(f.Instruction, c.op):
				t.Errorf("%v; want %q at %q", f, c.want, c.op)
			case f.Kernel != c.kernel || f.Line == 0:
				t.Errorf("%v: want the kernel and a line", f)
			}
		})
	}
}
