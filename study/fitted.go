package study

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/indicator"
	"bnas.example/kernels"
	"bnas.example/rank"
	"bnas.example/supernet"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// A regression that is fitted to the accuracies of one half of the networks shows what the numbers hold at most: an indicator has no
// accuracies. Of counts it is the row that no claim may leave out.

// The numbers that are fitted.
const (
	countsFitted    = "counts"
	compositeFitted = "the terms of the composite"
	allFitted       = "all terms"
)

var fittedNumbers = []string{countsFitted, compositeFitted, allFitted}

// mostConvs is the number of convolutions of a path from which on all paths are counted together.
const mostConvs = 4

// handCounts counts in a program: convolutions by kernel and grouped ones, pools, terms of nodes, and the paths through a block by
// their convolutions, as means over blocks. What the logits do not depend on is not in the program.
func handCounts(p *kernels.Program) []float64 {
	ops := make([]float64, 6) // 1×1, 3×3, larger, grouped, max pool, average pool
	for i := range p.Steps {
		s := &p.Steps[i]
		switch {
		case s.Op == kernels.OpConv && s.Groups > 1:
			ops[3] += float64(len(s.Branches))
		case s.Op == kernels.OpConv:
			ops[min(s.Kernel/2, 2)] += float64(len(s.Branches))
		case s.Op == kernels.OpMaxPool:
			ops[4]++
		case s.Op == kernels.OpAvgPool:
			ops[5]++
		}
	}
	terms := 0.
	for _, n := range p.Nodes {
		terms += float64(len(n.Terms))
	}
	paths := make([]float64, mostConvs+1)
	for _, b := range p.Blocks {
		floats.AddScaled(paths, 1/float64(len(p.Blocks)), pathsOf(p, b))
	}
	return append(append(ops, terms), paths...)
}

// pathsOf counts the paths of a block by the number of their convolutions.
func pathsOf(p *kernels.Program, b kernels.Block) []float64 {
	values := make([][]float64, len(p.Values))
	for v := range values {
		values[v] = make([]float64, mostConvs+1)
	}
	node := func(n kernels.NodeID) []float64 {
		paths := make([]float64, mostConvs+1)
		if n == b.In {
			paths[0] = 1
			return paths
		}
		for _, t := range p.Nodes[n].Terms {
			floats.Add(paths, values[t.Value])
		}
		return paths
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		for _, in := range s.In {
			paths := node(in)
			if s.Op != kernels.OpConv {
				floats.Add(values[s.Out], paths)
				continue
			}
			for _, branch := range s.Branches {
				for convs, n := range paths {
					values[branch.Out][min(convs+1, mostConvs)] += n
				}
			}
		}
	}
	return node(b.Out)
}

// fittedColumns returns, for each name of fittedNumbers, the numbers of one seed's networks by column.
func (d *rankingData) fittedColumns(seed int) (map[string][][]float64, error) {
	all := map[string][][]float64{countsFitted: slices.Clone(d.counted)}
	for _, t := range indicator.Terms() {
		if !slices.Contains(d.terms, t.Name) {
			continue
		}
		column, err := fused(indicator.Composite{Terms: []string{t.Name}}, d.fair[seed:seed+1])
		if err != nil {
			return nil, err
		}
		all[allFitted] = append(all[allFitted], column...)
		if t.Perspective == indicator.Size {
			all[countsFitted] = append(all[countsFitted], column...)
		}
		if slices.Contains(d.composite.Terms, t.Name) {
			all[compositeFitted] = append(all[compositeFitted], column...)
		}
	}
	return all, nil
}

// countedOf returns the hand counts of the networks, by column.
func countedOf(c supernet.Config, archs []supernet.Arch) ([][]float64, error) {
	net, err := supernet.New(c)
	if err != nil {
		return nil, err
	}
	var columns [][]float64
	for _, a := range archs {
		p, err := net.Program(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", net.Space.Format(a), err)
		}
		for k, v := range handCounts(p) {
			if k == len(columns) {
				columns = append(columns, nil)
			}
			columns[k] = append(columns[k], v)
		}
	}
	return columns, nil
}

// regression is a kernel ridge regression of ranks of accuracies on ranks of numbers, with a Gaussian kernel as wide as the median
// distance of two networks.
type regression struct{ kernel *mat.SymDense }

// newRegression makes the kernel of networks from their numbers, by column. A column of one value says nothing.
func newRegression(columns [][]float64) regression {
	var ranked [][]float64
	n := len(columns[0])
	for _, c := range columns {
		if slices.Max(c) > slices.Min(c) {
			ranked = append(ranked, rank.Ranks(c))
		}
	}
	square := mat.NewSymDense(n, nil)
	var all []float64
	for i := range n {
		for k := i + 1; k < n; k++ {
			var sum float64
			for _, c := range ranked {
				sum += (c[i] - c[k]) * (c[i] - c[k])
			}
			square.SetSym(i, k, sum)
			all = append(all, sum)
		}
	}
	slices.Sort(all)
	median := 1.
	if m := all[len(all)/2]; m > 0 {
		median = m
	}
	for i := range n {
		for k := i; k < n; k++ {
			square.SetSym(i, k, math.Exp(-square.At(i, k)/(2*median)))
		}
	}
	return regression{square}
}

// ridges are those that the fit chooses from, by the error of each network that the others predict.
var ridges = []float64{1e-4, 1e-3, 1e-2, 1e-1, 1, 10}

// predict fits the truth of the first networks, and returns what it predicts of the second.
func (r regression) predict(truth []float64, first, second []int) ([]float64, error) {
	n := len(first)
	k, y := mat.NewSymDense(n, nil), make([]float64, n)
	for i, a := range first {
		y[i] = truth[a]
		for j := i; j < n; j++ {
			k.SetSym(i, j, r.kernel.At(a, first[j]))
		}
	}
	y = rank.Ranks(y)
	floats.AddConst(-mean(y), y)
	var e mat.EigenSym
	if !e.Factorize(k, true) {
		return nil, fmt.Errorf("a regression on %d networks: no convergence", n)
	}
	values := e.Values(nil)
	var q mat.Dense
	e.VectorsTo(&q)
	var along mat.VecDense
	along.MulVec(q.T(), mat.NewVecDense(n, y))
	least, best := math.Inf(1), mat.VecDense{}
	for _, ridge := range ridges {
		weights, scaled, missed := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil), 0.
		for j, s := range values {
			scaled.SetVec(j, along.AtVec(j)/(max(s, 0)+ridge))
		}
		weights.MulVec(&q, scaled)
		for i := range n {
			var inverse float64 // of (K + ridge)⁻¹, element (i, i)
			for j, s := range values {
				inverse += q.At(i, j) * q.At(i, j) / (max(s, 0) + ridge)
			}
			missed += (weights.AtVec(i) / inverse) * (weights.AtVec(i) / inverse)
		}
		if missed < least {
			least, best = missed, *weights
		}
	}
	predicted := make([]float64, len(second))
	for i, a := range second {
		for j, b := range first {
			predicted[i] += r.kernel.At(a, b) * best.AtVec(j)
		}
	}
	return predicted, nil
}
