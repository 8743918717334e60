package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// Factored gives terms of a case factors: two of three terms, with a BatchNorm or bare. A factor is 0 for one image of four;
// the first image has no zero, so that every statistic is of values that vary.
func Factored(c *Case) *Case {
	c.Name = "factors-" + c.Name
	c.Program.Name = c.Name
	r := philox.New(uint64(c.N), "kerneltest "+c.Name, 0)
	for _, node := range c.Program.Nodes {
		for k := range node.Terms {
			node.Terms[k].Factor = r.IntN(3) > 0
		}
	}
	c.drawFactors(r)
	return c
}

// drawFactors draws the factors of all images, as Factored describes them.
func (c *Case) drawFactors(r *philox.Stream) {
	c.Factors = nil
	for range c.Program.Factors() {
		row := make([]float32, c.N)
		for i := range row {
			if i == 0 || r.IntN(4) > 0 {
				row[i] = [...]float32{0.5, 1, 1.25, -0.75}[r.IntN(4)]
			}
		}
		c.Factors = append(c.Factors, row)
	}
}

// factors returns the factors of the first n images.
func (c *Case) factors(n int) []float32 {
	var all []float32
	for _, row := range c.Factors {
		all = append(all, row[:n]...)
	}
	return all
}

// factored lists the cases with factors.
func factored(o Options) []*Case {
	list := []*Case{Factored(Many(o.Seed)), Factored(Mobile(o.Seed, 3, 2, 9, 3))}
	least := 1
	if !o.Small {
		list = append(list, Factored(Cell(o.Seed, kernels.Shape{C: 16, H: 8, W: 8}, 4)))
		least = 12
	}
	for i := range max(o.Random/3, least) {
		list = append(list, Factored(Random(o.Seed+uint64(i))))
	}
	return list
}

// without returns a copy of the case whose terms have no factors.
func (c *Case) without() *Case {
	plain, p := *c, *c.Program
	p.Nodes = slices.Clone(p.Nodes)
	for n := range p.Nodes {
		p.Nodes[n].Terms = slices.Clone(p.Nodes[n].Terms)
		for k := range p.Nodes[n].Terms {
			p.Nodes[n].Terms[k].Factor = false
		}
	}
	plain.Program, plain.Factors = &p, nil
	return &plain
}

// setFactors: factors are 1 until they are set, are refused where they do not fit, and discard the results of a Forward.
func setFactors(f Factory, o Options) error {
	c := Factored(Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 6}, 4))
	s, err := c.start(f)
	if err != nil {
		return err
	}
	plain, err := c.without().on(s.d)
	if err != nil {
		return err
	}
	want, err := plain.logits(c.Images, c.N)
	if err != nil {
		return err
	}
	ones := slices.Repeat([]float32{1}, c.N*len(c.Factors))
	for _, set := range []struct {
		name    string
		factors []float32
		same    bool
	}{{"none were set", nil, true}, {"they are of the case", c.factors(c.N), false}, {"they are 1", ones, true}, {"they are gone", nil, true},
		{"they are of the case again", c.factors(c.N), false}, {"they are an empty slice", []float32{}, true}} {
		if set.name != "none were set" {
			if err := s.e.SetFactors(set.factors); err != nil {
				return err
			}
		}
		got, err := s.logits(c.Images, c.N)
		if err != nil {
			return err
		}
		if slices.Equal(got, want) != set.same {
			return fmt.Errorf("factors: %s: logits %v, without factors %v", set.name, got[:2], want[:2])
		}
	}
	size := len(c.Images) / c.N
	if err := refused([]refusal{
		{"factors of a program without", func() error { return plain.e.SetFactors(ones[:1]) }},
		{"a factor too few", func() error { return s.e.SetFactors(ones[1:]) }},
		{"factors of more images than compiled for", func() error {
			return s.e.SetFactors(make([]float32, (c.Batch+1)*len(c.Factors)))
		}},
		{"a factor that is not a number", func() error { return s.e.SetFactors(slices.Repeat([]float32{float32(math.NaN())}, len(ones))) }},
	}); err != nil {
		return err
	}
	logits := make([]float32, c.N*c.Program.Classes())
	if err := s.e.SetFactors(ones); err != nil {
		return err
	}
	return refused([]refusal{
		{"results before SetFactors", func() error { return s.e.Logits(logits) }},
		{"images without factors", func() error { return s.e.Forward(c.Images[:3*size], 3) }},
	})
}
