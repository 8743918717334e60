package cuda

import (
	"strings"
	"testing"

	"bnas.example/internal/gpusim/paper"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// Every convolution of a naive Device has the plain loops, and every BatchNorm over one a launch of its own.
func TestNaiveLaunches(t *testing.T) {
	launches := map[string]int{}
	d, err := New(paper.New(), Options{Storage: Storage{Naive: true}, Trace: func(w *Work) { launches[w.Kernel]++ }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 8, W: 8}, 2)
	s, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Compile(c.Program, s, c.N)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Forward(c.Images, c.N); err != nil {
		t.Fatal(err)
	}
	if err := e.CrossEntropy(make([]int, c.N), 0); err != nil {
		t.Fatal(err)
	}
	if err := e.Backward(kernels.DifferentiateStatistics, false); err != nil {
		t.Fatal(err)
	}
	convolutions := 0
	for i := range c.Program.Steps {
		if c.Program.Steps[i].Op == kernels.OpConv {
			convolutions++
		}
	}
	for _, name := range []string{"conv_naive", "batch_norm_naive", "conv_naive_gradient", "batch_norm_naive_gradient"} {
		if n := launches[name]; n == 0 || n > convolutions {
			t.Errorf("%d launches of %s for %d convolutions", n, name, convolutions)
		}
	}
	for name := range launches {
		if strings.HasPrefix(name, "conv_") && !strings.HasPrefix(name, "conv_naive") {
			t.Errorf("a naive device launches %s", name)
		}
	}
}

func TestNaiveIsFP32(t *testing.T) {
	if _, err := New(paper.New(), Options{Storage: Storage{Naive: true, Precision: BF16}}); err == nil || !strings.Contains(err.Error(), "bf16") {
		t.Errorf("naive kernels in bf16: error %v", err)
	}
}
