package cost

import (
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"bnas.example/cuda"
	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/interpreted"
	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/kerneltest"
)

const rewrite = "go run ./tools/instructions -write"

// The table is of the compiled kernels, has the launches of the documented steps and no others, and says of one step (with
// BNAS_LONG of all) what the interpreter finds.
func TestTableIsOfTheseKernels(t *testing.T) {
	compiled, err := gpu.PTX()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(instructionsCSV, "# of PTX "+digest(compiled)+":") {
		t.Fatalf("instructions.csv is of other kernels: %s", rewrite)
	}
	table, err := kept()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := interpreted.Kernels()
	if err != nil {
		t.Fatal(err)
	}
	planned, tested := map[Key]bool{}, map[Key]bool{}
	for i, d := range DocumentedSteps() {
		p, params, err := d.Program()
		if err != nil {
			t.Fatal(err)
		}
		c, err := plan(p, params, 256, d.Storage)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range c.Kernels {
			planned[l.key()] = true
		}
		if i > 0 && os.Getenv("BNAS_LONG") == "" {
			continue
		}
		if c, err = d.Count(modules); err != nil {
			t.Fatal(err)
		}
		for _, l := range c.Kernels {
			if k := l.key(); !tested[k] && table[k] != l.Instructions {
				t.Errorf("%+v: the interpreter finds %+v, the table has %+v: %s", k, l.Instructions, table[k], rewrite)
			}
			tested[l.key()] = true
		}
	}
	for k := range table {
		if !planned[k] {
			t.Errorf("the table has a launch that no step has, %+v: %s", k, rewrite)
		}
	}
	for k := range planned {
		if _, ok := table[k]; !ok {
			t.Errorf("the table lacks %+v: %s", k, rewrite)
		}
	}
}

func TestTableRefusals(t *testing.T) {
	header := strings.Join(tableHeader, ",") + "\n"
	for name, text := range map[string]string{
		"columns": "kernel,shape\n", "fields": header + "a,b\n", "number": header + "a,b,1x1x1,1,2,3,4,five\n", "grid": header + "a,b,1x1x1x1,1,2,3,4,5\n",
		"short grid": header + "a,b,1x1,1,2,3,4,5\n",
	} {
		if _, err := readTable(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What is counted from one image of zeros is what the launch of the whole batch with random values does, launch by launch, and
// launches with the same key do the same. The loss alone depends on the values, by less than 2 %: on where a maximum is.
func TestOneImageCountsForAll(t *testing.T) {
	cases := map[string]*kerneltest.Case{
		"cell":   kerneltest.Cell(1, kernels.Shape{C: 16, H: 12, W: 20}, 3),
		"mobile": kerneltest.Mobile(1, 3, 2, 12, 3),
		"groups": kerneltest.Cell(1, kernels.Shape{C: 8, H: 4, W: 5}, 48), // of 16 images
		"head":   kerneltest.Headed(kerneltest.Mobile(1, 3, 2, 6, 3), true),
	}
	modules, err := interpreted.Kernels()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		for _, s := range []cuda.Storage{{}, {Precision: cuda.BF16, Half: true}} {
			whole := wholeLaunches(t, modules, c, s)
			wanted := map[Key]bool{}
			for k := range whole {
				wanted[k] = true
			}
			sampled, err := interpret(modules, c.Program, c.Params, c.N, s, wanted)
			if err != nil {
				t.Fatal(err)
			}
			for k, counts := range whole {
				for _, n := range counts {
					tolerance := int64(0)
					if strings.HasPrefix(k.Kernel, "cross_entropy") {
						tolerance = n / 50
					}
					if off := n - int64(sampled[k].WarpInstructions); off < -tolerance || off > tolerance {
						t.Errorf("%s, %v: %+v: %d warp instructions, counted %d", name, s, k, n, sampled[k].WarpInstructions)
					}
				}
			}
		}
	}
}

// wholeLaunches are the warp instructions of each launch of a step with random images and weights.
func wholeLaunches(t *testing.T, modules []*ptx.Module, c *kerneltest.Case, s cuda.Storage) map[Key][]int64 {
	t.Helper()
	done := map[Key][]int64{}
	var traced *cuda.Work
	launch := func(m *ptx.Machine, k *ptx.Kernel, l *driver.Launch) error {
		counts, err := m.Launch(k, l.Grid, l.Block, l.Shared, l.Args)
		if traced != nil {
			done[keyOf(traced)] = append(done[keyOf(traced)], int64(counts.WarpInstructions))
		}
		traced = nil
		return err
	}
	g, err := interpreted.New(interpreted.Options{Launch: launch}, modules...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := cuda.New(g, cuda.Options{Storage: s, NoGraphs: true, Trace: func(w *cuda.Work) { traced = w }})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(randomStep(d, c), d.Close()); err != nil {
		t.Fatal(err)
	}
	return done
}

// randomStep is step with random parameters and images.
func randomStep(d kernels.Device, c *kerneltest.Case) error {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	s, err := d.NewStore(c.Params)
	if err != nil {
		return err
	}
	for id, p := range c.Params {
		if err := s.Write(kernels.Data, random(p.Len()), kernels.ParamID(id)); err != nil {
			return err
		}
	}
	e, err := d.Compile(c.Program, s, c.N)
	if err != nil {
		return err
	}
	if err := e.Forward(random(c.N*c.Program.Values[kernels.Images].Len()), c.N); err != nil {
		return err
	}
	if err := errors.Join(e.CrossEntropy(make([]int, c.N), 0), e.Backward(kernels.DifferentiateStatistics, false)); err != nil {
		return err
	}
	var ids []kernels.ParamID
	for _, b := range c.Program.BNs {
		ids = append(ids, b.Gamma, b.Beta)
	}
	_, err = s.Update(kernels.Update{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9}, ids)
	return err
}
