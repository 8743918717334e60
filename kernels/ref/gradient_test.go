package ref_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/kernels/ref"
)

// probe is a case whose parameters a test changes one at a time.
type probe struct {
	t *testing.T
	*kerneltest.Case
	s kernels.Store
	e *ref.Exec
}

func newProbe(t *testing.T, c *kerneltest.Case) *probe {
	d := ref.New()
	s, err := c.NewStore(d)
	must(t, err)
	e, err := d.Compile(c.Program, s, c.Batch)
	must(t, err)
	must(t, e.SetFactors(slices.Concat(c.Factors...)))
	return &probe{t, c, s, ref.Of(e)}
}

// loss is the loss of a forward pass with the statistics of rows images.
func (p *probe) loss(rows int) float64 {
	must(p.t, p.e.Forward(p.Images, rows))
	must(p.t, p.e.CrossEntropy(p.Labels, 0.1))
	loss, _, err := p.e.Loss()
	must(p.t, err)
	return loss
}

// slope returns the central difference of the loss for steps of ±h, divided by the steps after rounding to float32.
func (p *probe) slope(id kernels.ParamID, i int, h float32, rows int) float64 {
	data := append([]float32(nil), p.Data[id]...)
	at := func(x float32) float64 {
		data[i] = x
		must(p.t, p.s.Write(kernels.Data, data, id))
		return p.loss(rows)
	}
	x := p.Data[id][i]
	up, down := x+h, x-h
	slope := (at(up) - at(down)) / (float64(up) - float64(down))
	must(p.t, p.s.Write(kernels.Data, p.Data[id], id))
	return slope
}

// Every element of every gradient is the limit of finite differences, with differentiated and with frozen statistics. If
// two step sizes disagree, a rectifier or a maximum switches between them. The test skips such elements; they must be few.
func TestFiniteDifferences(t *testing.T) {
	cases := []*kerneltest.Case{kerneltest.Factored(kerneltest.Cell(5, kernels.Shape{C: 3, H: 4, W: 5}, 3)), kerneltest.Mobile(5, 3, 2, 5, 2), kerneltest.Cell(5, kernels.Shape{C: 3, H: 4, W: 5}, 2)}
	programs := uint64(12)
	if testing.Short() {
		programs = 2
	}
	for seed := range programs {
		cases = append(cases, kerneltest.Random(100+seed), kerneltest.Factored(kerneltest.Random(200+seed)))
	}
	for _, c := range cases {
		for _, mode := range []kernels.StatGrad{kernels.DifferentiateStatistics, kernels.FreezeStatistics} {
			t.Run(fmt.Sprintf("%s-%d", c.Name, mode), func(t *testing.T) { newProbe(t, c).gradients(mode) })
		}
	}
}

func (p *probe) gradients(mode kernels.StatGrad) {
	p.loss(p.N)
	rows := p.N
	if mode == kernels.FreezeStatistics {
		rows = 0
	}
	must(p.t, p.e.Backward(mode, true))
	grads := make([][]float64, len(p.Params))
	for id := range p.Params {
		if grads[id] = p.e.Gradient(kernels.ParamID(id)); grads[id] == nil {
			grads[id] = make([]float64, p.Params[id].Len())
		}
	}
	skipped, checked := 0, 0
	for id, want := range grads {
		for i := 0; i < len(want); i += 1 + len(want)/9 {
			coarse, fine := p.slope(kernels.ParamID(id), i, 2e-4, rows), p.slope(kernels.ParamID(id), i, 1e-4, rows)
			checked++
			switch tolerance := 1e-5 * (1 + math.Abs(fine)); {
			case !(math.Abs(coarse-fine) <= tolerance):
				skipped++
			case !(math.Abs(fine-want[i]) <= tolerance):
				p.t.Errorf("%s, kind %d, element %d: gradient %.8g, differences %.8g and %.8g", p.Params[id].Name, p.Params[id].Kind, i, want[i], coarse, fine)
			}
		}
	}
	if skipped > checked/10 {
		p.t.Errorf("%d of %d elements were left out", skipped, checked)
	}
}

// A node's gradient is the limit of differences of the images, through every kind of step.
func TestNodeGradientOfImages(t *testing.T) {
	c := kerneltest.Cell(6, kernels.Shape{C: 3, H: 4, W: 5}, 2)
	p := newProbe(t, c)
	p.loss(p.N)
	from := c.Program.Blocks[0].Out
	node := c.Program.Nodes[from]
	seed := make([]float32, c.N*node.Len())
	for i := range seed {
		seed[i] = float32(i%7) - 3
	}
	got := make([]float32, len(c.Images))
	must(t, p.e.NodeGradient(got, 0, seed, from))
	project := func() float64 {
		must(t, p.e.Forward(c.Images, 0))
		sum := 0.0
		for i, v := range p.e.Node(from) {
			sum += v * float64(seed[i])
		}
		return sum
	}
	skipped := 0
	for i := 0; i < len(got); i += 5 {
		x := c.Images[i]
		slope := func(h float32) float64 {
			c.Images[i] = x + h
			up := project()
			c.Images[i] = x - h
			return (up - project()) / (float64(x+h) - float64(x-h))
		}
		coarse, fine := slope(2e-4), slope(1e-4)
		c.Images[i] = x
		tolerance := 1e-4 * (1 + math.Abs(fine))
		if !(math.Abs(coarse-fine) <= tolerance) {
			skipped++
		} else if !(math.Abs(fine-float64(got[i])) <= tolerance) {
			t.Errorf("element %d: gradient %.8g, differences %.8g and %.8g", i, got[i], coarse, fine)
		}
	}
	if skipped > len(got)/50 {
		t.Errorf("%d elements were left out", skipped)
	}
}

// Query rows that are statistics rows get exactly the logits of a training forward (an acceptance test of the method).
func TestQueryRowsWithinStatistics(t *testing.T) {
	c := kerneltest.Cell(7, kernels.Shape{C: 4, H: 5, W: 3}, 6)
	p := newProbe(t, c)
	size := len(c.Images) / c.N
	must(t, p.e.Forward(c.Images[:4*size], 4))
	train := p.e.Values(c.Program.Logits())
	k := c.Program.Classes()
	copy(c.Images[4*size:], c.Images[size:3*size])
	must(t, p.e.Forward(c.Images, 4))
	for i, v := range p.e.Values(c.Program.Logits())[4*k:] {
		if v != train[k+i] {
			t.Errorf("logit %d is %v, in the training forward %v", i, v, train[k+i])
		}
	}
}
