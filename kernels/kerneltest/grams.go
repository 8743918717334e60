package kerneltest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/philox"

	"gonum.org/v1/gonum/floats"
)

// gramRounding bounds the error of a product of gradients, relative to their lengths: sums are in float64.
const gramRounding = 1e-13

// grams: a device that forms products of gradients forms those of the gradients that it gives, again with the same bits, and
// refuses parts that do not belong together. Other devices refuse all.
func grams(f Factory, o Options) error {
	cases := []*Case{Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 5}, 4), Dead(o.Seed), Many(o.Seed)}
	for i := range max(o.Random, 3) {
		cases = append(cases, Random(o.Seed+uint64(i)))
	}
	if !o.Plain {
		cases = append(cases, Factored(Random(o.Seed)), headed(o)[0])
	}
	for _, c := range cases {
		if err := c.grams(f); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

func (c *Case) grams(f Factory) error {
	s, err := c.start(f)
	if err != nil {
		return err
	}
	if len(c.Factors) > 0 {
		if err := s.e.SetFactors(c.factors(c.N)); err != nil {
			return err
		}
	}
	if err := s.e.Forward(c.Images, c.N); err != nil {
		return err
	}
	last := c.Program.Blocks[0].Out
	t := c.tangents()
	if _, err := kernels.SumTangents(s.e, t); errors.Is(err, kernels.ErrUnsupported) {
		if err := kernels.NodeGram(s.e, make([]float64, c.N*c.N), 0, make([]float32, c.N*c.Program.Nodes[last].Len()), last); !errors.Is(err, kernels.ErrUnsupported) {
			return fmt.Errorf("a device that forms no tangent kernels forms products of gradients: error %v", err)
		}
		return s.d.Close()
	}
	if err := errors.Join(s.sumsTangents(t), s.sumsTangents(kernels.Tangents{Factors: [][]float64{nil}}), s.multipliesGradients(0, last)); err != nil {
		return err
	}
	return errors.Join(refused(s.wrongTangents(t)), s.d.Close())
}

// tangents asks for a kernel without factors and one with, over two directions, and for three columns, one of them twice.
func (c *Case) tangents() kernels.Tangents {
	p := c.Program.BNParams()
	r := philox.New(uint64(c.N), "kerneltest tangents "+c.Name, 0)
	t := kernels.Tangents{Factors: [][]float64{nil, make([]float64, p)}}
	for range 2 {
		v := make([]float32, c.Program.Classes())
		r.Normal(v, 1)
		t.Directions = append(t.Directions, v)
	}
	for i := range p {
		t.Factors[1][i] = .5 + r.Float64()
	}
	if p > 0 {
		t.Columns = []int{p - 1, r.IntN(p), p - 1}
	}
	return t
}

// sumsTangents compares the sums with those of the gradients of each image.
func (s *session) sumsTangents(t kernels.Tangents) error {
	got, err := kernels.SumTangents(s.e, t)
	if err != nil {
		return err
	}
	again, err := kernels.SumTangents(s.e, t)
	if err != nil {
		return err
	}
	want, err := sumSamples(s.e, s.N, t)
	if err != nil {
		return err
	}
	if len(got.Kernels) != len(want.Kernels) || !slices.Equal(got.Columns, want.Columns) {
		return errors.New("tangents: other columns than those of the sample gradients")
	}
	for k := range want.Kernels {
		if !slices.Equal(got.Kernels[k], again.Kernels[k]) {
			return fmt.Errorf("tangents: kernel %d has other bits the second time", k)
		}
		if err := sameGram(got.Kernels[k], want.Kernels[k], s.N); err != nil {
			return fmt.Errorf("tangents: kernel %d: %w", k, err)
		}
	}
	return nil
}

// sumSamples forms the sums from the gradients of each of the n images of the last Forward.
func sumSamples(e kernels.Exec, n int, t kernels.Tangents) (sums kernels.TangentSums, err error) {
	p := e.Program().BNParams()
	for range t.Factors {
		sums.Kernels = append(sums.Kernels, make([]float64, n*n))
	}
	j := make([]float32, n*p)
	for _, v := range t.Directions {
		if err := errors.Join(e.SetLogitGradient(slices.Repeat(v, n)), e.SampleGradients(j)); err != nil {
			return sums, err
		}
		for k, c := range t.Factors {
			addGram(sums.Kernels[k], j, n, c)
		}
		for i := range n {
			for _, c := range t.Columns {
				sums.Columns = append(sums.Columns, j[i*p+c])
			}
		}
	}
	return sums, nil
}

// multipliesGradients compares the products of the gradients between two nodes with those of what NodeGradient writes.
func (s *session) multipliesGradients(to, from kernels.NodeID) error {
	seed, dst := make([]float32, s.N*s.Program.Nodes[from].Len()), make([]float32, s.N*s.Program.Nodes[to].Len())
	philox.New(uint64(s.N), "kerneltest products "+s.Name, 0).Normal(seed, 1)
	got, want := make([]float64, s.N*s.N), make([]float64, s.N*s.N)
	if err := errors.Join(kernels.NodeGram(s.e, got, to, seed, from), s.e.NodeGradient(dst, to, seed, from)); err != nil {
		return err
	}
	addGram(want, dst, s.N, nil)
	if err := sameGram(got, want, s.N); err != nil {
		return fmt.Errorf("products of the gradients at node %d: %w", to, err)
	}
	return nil
}

// addGram adds the products of the n rows of j, whose columns have factors.
func addGram(gram []float64, j []float32, n int, factors []float64) {
	p := len(j) / n
	rows := make([][]float64, n)
	for i := range rows {
		for c, v := range j[i*p : (i+1)*p] {
			g := float64(v)
			if factors != nil {
				g *= factors[c]
			}
			rows[i] = append(rows[i], g)
		}
	}
	for i := range n {
		for k := range n {
			gram[i*n+k] += floats.Dot(rows[i], rows[k])
		}
	}
}

func sameGram(got, want []float64, n int) error {
	for i, w := range want {
		bound := gramRounding * math.Sqrt(want[i/n*(n+1)]*want[i%n*(n+1)])
		if !(math.Abs(got[i]-w) <= bound) {
			return fmt.Errorf("element (%d, %d) is %v, want %v", i/n, i%n, got[i], w)
		}
	}
	return nil
}

// wrongTangents lists calls with parts that do not belong together.
func (s *session) wrongTangents(t kernels.Tangents) []refusal {
	n, p := s.N, s.Program.BNParams()
	sum := func(change func(t *kernels.Tangents)) func() error {
		return func() error {
			x := kernels.Tangents{Directions: slices.Clone(t.Directions), Factors: slices.Clone(t.Factors), Columns: slices.Clone(t.Columns)}
			change(&x)
			_, err := kernels.SumTangents(s.e, x)
			return err
		}
	}
	seed := make([]float32, n*s.Program.Nodes[0].Len())
	return []refusal{
		{"a direction of a class less", sum(func(t *kernels.Tangents) { t.Directions[1] = t.Directions[1][1:] })},
		{"factors of a column more", sum(func(t *kernels.Tangents) { t.Factors[0] = make([]float64, p+1) })},
		{"a column after the last", sum(func(t *kernels.Tangents) { t.Columns = []int{p} })},
		{"a column before the first", sum(func(t *kernels.Tangents) { t.Columns = []int{-1} })},
		{"products of an element less", func() error { return kernels.NodeGram(s.e, make([]float64, n*n-1), 0, seed, 0) }},
		{"products of a seed of an element less", func() error { return kernels.NodeGram(s.e, make([]float64, n*n), 0, seed[1:], 0) }},
		{"products at no node", func() error {
			return kernels.NodeGram(s.e, make([]float64, n*n), kernels.NodeID(len(s.Program.Nodes)), seed, 0)
		}},
		{"a backward pass after tangents", func() error {
			if _, err := kernels.SumTangents(s.e, t); err != nil {
				return nil
			}
			return s.e.Backward(kernels.FreezeStatistics, false)
		}},
	}
}
