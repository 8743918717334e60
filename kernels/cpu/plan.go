package cpu

import (
	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// lanes is the number of channels in a block; LANES in conv.h.
const lanes = 16

func blocks(channels int) int { return (channels + lanes - 1) / lanes }

// gap is the free space after every buffer, in floats. It staggers buffers whose sizes are powers of two: without it they
// would compete for the same cache sets. Tests look for overruns in it.
const gap = 80

// layout assigns offsets, in floats, aligned to a block of lanes.
type layout struct {
	size int
	gaps []int
}

func (l *layout) floats(n int) int {
	at := l.size
	l.gaps = append(l.gaps, at+n)
	l.size = (at + n + gap + lanes - 1) / lanes * lanes
	return at
}

func (l *layout) doubles(n int) int { return l.floats(2 * n) }

// valuePlan holds the offsets of a stored value. data is [n][blocks][H][W][lanes], in floats or in 16 bits. units, [n][blocks], is behind
// data in 16 bits. partial is [n][2][cp] doubles; only a value with a BatchNorm has it.
type valuePlan struct {
	kernels.Shape
	data, units, partial int
	bns                  []kernels.BNID
	step                 int // that stores it; −1 for the images
	half                 bool
	sum                  *nodeLoad // its terms, if it is a sum that is not stored: it has no data
}

func (v *valuePlan) cp() int     { return blocks(v.C) * lanes }
func (v *valuePlan) pixels() int { return v.H * v.W }

// floats returns the size of one image.
func floats(s kernels.Shape) int { return blocks(s.C) * s.H * s.W * lanes }

// half reports whether the numerics store a value in 16 bits: all but the images, and what has one pixel, which is little.
func (n Numerics) half(v kernels.ValueID, s kernels.Shape) bool {
	return n == Fast && v != kernels.Images && s.H*s.W > 1
}

// valueFloats returns the memory of one image of a value, with its units.
func (n Numerics) valueFloats(v kernels.ValueID, s kernels.Shape) int {
	if n.half(v, s) {
		return floats(s)/2 + blocks(s.C)
	}
	return floats(s)
}

// These are the arrays of a BatchNorm, each cp long, one after the other from bnPlan.at.
const (
	gammaArray = iota
	betaArray
	muArray
	scaleArray
	shiftArray
	slopeArray
	offsetArray
	dGammaArray
	dBetaArray
	bnArrays
)

type bnPlan struct {
	value      kernels.ValueID
	c, cp      int
	at         int // bnArrays × cp floats
	mean, vari int // cp doubles
	dot        int // [n][cp]
	column     int // of its γ in a row of sample gradients
	row        int // of the factors of its term, or kernels.NoFactor
}

// classifierPlan holds the offsets of a classifier's buffers.
type classifierPlan struct {
	kernels.Classifier
	in, cp  int // its inputs, and padded
	weight  int // padded: [classes][cp]
	bias    int // padded
	dLogits int // [n][cp of classes]
	input   int // its loaded input, [n][cp]
}

// savedPlan holds the offsets of all buffers that live from one Forward to the next.
type savedPlan struct {
	layout
	n           int
	values      []valuePlan
	bns         []bnPlan
	sums        []int // of each node: [n][cp], −1 where no BatchNorm enters it
	nodeOf      []kernels.NodeID
	uses        [][]plan.Use            // of each value
	rows        [][kernels.MaxTerms]int // of the factors of the nodes' terms
	loads       []nodeLoad              // of the nodes
	factors     int                     // [rows][n]
	ones        int                     // an array of 1, an array of 0, as wide as the widest value
	zeros       int
	classes     int              // of a classifier, padded
	classifiers []classifierPlan // that of the logits first
	widest      int
	bnColumns   int
}

func planSaved(p *kernels.Program, n int, numerics Numerics) *savedPlan {
	s := &savedPlan{n: n, nodeOf: p.NodeOf(), uses: plan.Uses(p), rows: p.FactorRows(), values: make([]valuePlan, len(p.Values))}
	for i, v := range p.Values {
		s.values[i] = valuePlan{Shape: v.Shape, step: -1, partial: -1, half: numerics.half(kernels.ValueID(i), v.Shape)}
		s.widest = max(s.widest, s.values[i].cp())
	}
	for i := range p.Steps {
		for _, v := range p.Steps[i].Outputs() {
			s.values[v].step = i
		}
	}
	for id, b := range p.BNs {
		v := &s.values[b.Value]
		v.bns = append(v.bns, kernels.BNID(id))
	}
	s.planLoads(p)
	for i := range s.values {
		v := &s.values[i]
		if v.sum != nil {
			continue
		}
		v.data = s.floats(n * numerics.valueFloats(kernels.ValueID(i), v.Shape))
		v.units = v.data + n*floats(v.Shape)/2
		if len(v.bns) > 0 {
			v.partial = s.doubles(n * 2 * v.cp())
		}
	}
	s.planBNs(p)
	s.planNodes(p)
	s.factors = s.floats(n * p.Factors())
	s.ones, s.zeros = s.floats(s.widest), s.floats(s.widest)
	s.classes = blocks(p.Classes()) * lanes
	for _, c := range p.Classifiers() {
		in := p.Nodes[c.In[0]].C
		k := classifierPlan{Classifier: c, in: in, cp: blocks(in) * lanes}
		k.weight = s.floats(p.Classes() * k.cp)
		k.bias = s.floats(s.classes)
		k.dLogits = s.floats(n * s.classes)
		k.input = s.floats(n * k.cp)
		s.classifiers = append(s.classifiers, k)
	}
	return s
}

// classifier returns the plan of the classifier that stores a value, or nil.
func (s *savedPlan) classifier(v kernels.ValueID) *classifierPlan {
	for i := range s.classifiers {
		if c := &s.classifiers[i]; c.Out == v {
			return c
		}
	}
	return nil
}

func (s *savedPlan) planBNs(p *kernels.Program) {
	s.bns = make([]bnPlan, len(p.BNs))
	for i, b := range p.BNs {
		v := &s.values[b.Value]
		s.bns[i] = bnPlan{
			value: b.Value, c: v.C, cp: v.cp(),
			at:   s.floats(bnArrays * v.cp()),
			mean: s.doubles(v.cp()), vari: s.doubles(v.cp()),
			dot:    s.floats(s.n * v.cp()),
			column: s.bnColumns,
		}
		s.bnColumns += 2 * v.C
	}
}

func (s *savedPlan) planNodes(p *kernels.Program) {
	s.sums = make([]int, len(p.Nodes))
	for i, node := range p.Nodes {
		s.sums[i] = -1
		for k, t := range node.Terms {
			if t.BN == kernels.NoBN {
				continue
			}
			s.bns[t.BN].row = s.rows[i][k]
			if s.sums[i] < 0 {
				s.sums[i] = s.floats(s.n * blocks(node.C) * lanes)
			}
		}
	}
}

// savedBytes returns the size of the results of a forward pass of n images that a backward pass needs: every stored
// value but the images, and the coefficients of the BatchNorms.
func (s *savedPlan) savedBytes(n int, numerics Numerics) int64 {
	var total int64
	for id, v := range s.values {
		if id != int(kernels.Images) && v.sum == nil {
			total += int64(n) * int64(numerics.valueFloats(kernels.ValueID(id), v.Shape))
		}
	}
	for _, b := range s.bns {
		total += bnArrays * int64(b.cp)
	}
	return 4 * total
}
