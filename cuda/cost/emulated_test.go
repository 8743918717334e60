//go:build cgo && linux && gpusim

package cost

import (
	"fmt"
	"math"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/internal/gpusim/machine"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// The plan counts the distinct sectors of 32 bytes that the emulated kernels access, launch by launch. Tables, counters and
// the ends of rows are not in the plan.
func TestCountAgreesWithEmulator(t *testing.T) {
	if !machine.Hooked {
		t.Skip("loads and stores are not counted in this build")
	}
	cases := map[string]*kerneltest.Case{
		"cell":   kerneltest.Cell(1, kernels.Shape{C: 16, H: 16, W: 16}, 3),
		"mobile": kerneltest.Mobile(1, 3, 2, 12, 3),
		"head":   kerneltest.Headed(kerneltest.Mobile(1, 3, 2, 6, 3), true),
	}
	for name, c := range cases {
		for _, naive := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, naive %v", name, naive), func(t *testing.T) { countAgrees(t, c, cuda.Storage{Naive: naive}) })
		}
		t.Run(name+", bf16, half", func(t *testing.T) { countAgrees(t, c, cuda.Storage{Precision: cuda.BF16, Half: true}) })
	}
}

func countAgrees(t *testing.T, c *kerneltest.Case, s cuda.Storage) {
	driver, err := emulated.New(emulated.Options{Threads: 1, Count: true})
	if err != nil {
		t.Fatal(err)
	}
	var planned []cuda.Work
	d, err := cuda.New(driver, cuda.Options{Storage: s, NoGraphs: true, Trace: func(w *cuda.Work) { planned = append(planned, *w) }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := step(d, c.Program, c.Params, c.N); err != nil {
		t.Fatal(err)
	}
	var seen []machine.Traffic
	for _, l := range driver.Traffic() {
		if l.Kernel != "pack_weights" {
			seen = append(seen, l)
		}
	}
	agree(t, planned, seen)
}

func agree(t *testing.T, planned []cuda.Work, seen []machine.Traffic) {
	if len(planned) != len(seen) {
		t.Fatalf("%d launches are planned, %d were made", len(planned), len(seen))
	}
	var plannedAll, seenAll int64
	for i, o := range planned {
		read, written := 32*seen[i].SectorsRead, 32*seen[i].SectorsWritten
		plannedAll += o.Read + o.Write
		seenAll += read + written
		// Two KiB a launch: its table, its counters.
		if far(o.Read, read) || far(o.Write, written) {
			t.Errorf("launch %d, %s (%s): planned %d bytes read and %d written, seen %d and %d", i, o.Kernel, o.Step, o.Read, o.Write, read, written)
		}
	}
	if ratio := float64(plannedAll) / float64(seenAll); !(ratio >= 0.95 && ratio <= 1.05) {
		t.Errorf("a step: planned %d bytes, seen %d", plannedAll, seenAll)
	}
}

func far(planned, seen int64) bool {
	return math.Abs(float64(planned-seen)) > 0.05*float64(seen)+2048
}
