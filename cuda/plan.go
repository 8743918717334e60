package cuda

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/plan"
)

// plans is where everything of a Program lies, in bytes from the beginning of its buffer, for batches of up to n
// images. It is a pure function of the Program, so that what a batch needs is known before anything is allocated.
type plans struct {
	p *kernels.Program
	n int
	Storage
	uses   [][]plan.Use
	nodeOf []kernels.NodeID
	rows   [][kernels.MaxTerms]int // of the factors of the nodes' terms
	steps  []stepPlan              // steps[0] stores the images, steps[i+1] is step i of the program
	stepOf []int                   // of each value
	column []int                   // of each value among its step's columns
	norms  []kernels.BNID
	normAt []int // the position of each BN in norms

	classifiers []kernels.Classifier // that of the logits first

	saved         layout // values and what else a Forward keeps
	values        []int64
	sums          []int64 // of each node: float4 [n, then groups][pitch], −1 where no BatchNorm enters it
	tiles         int64   // partial sums of tiles: scratch of one launch
	images        int64   // partial statistics of images: scratch of one launch
	dLogits       []int64 // of each value: float [n][pitch], the gradient of a classifier's loss by it; −1 for other values
	labels        int64
	result        int64 // loss, number correct
	all           *plan.Backward
	gradient      []int64 // of each node's gradient in a backward pass to all parameters
	gradientBytes int64

	own                     layout // what an Exec has for itself: coefficients, moments, counters, factors; zeroed when it is compiled
	affine                  []int64
	slope                   []int64
	moments                 []int64 // of each step: μ and σ² of its columns, doubles; −1 where there is no BatchNorm
	momentsAt, momentsBytes int64   // of all steps
	arrived                 int64
	factors                 int64 // [rows][n]
}

// stepPlan is what a step's launches share.
type stepPlan struct {
	step       *kernels.Step // nil: the images
	outs       []kernels.ValueID
	columns    int
	norms      []kernels.BNID // over the step's values
	forward    tiling
	kernel     string
	form       form // of its weights, forward
	back       tiling
	backKernel string
	backForm   form
}

func (s *stepPlan) name() string {
	if s.step == nil {
		return "images"
	}
	return s.step.Name
}

// mapBytes is the size of one image's feature map in float32.
func mapBytes(s kernels.Shape) int64 { return 4 * int64(s.H) * int64(s.W) * int64(pitchOf(s.C)) }

// half is 1 for a value that is stored in half precision: all but the images and what has one pixel, which is little
// and close to the logits.
func (a *plans) half(v kernels.ValueID) int64 {
	if s := a.p.Values[v]; a.Half && v != kernels.Images && s.H*s.W > 1 {
		return 1
	}
	return 0
}

// valueBytes is the size of one image's stored value.
func (a *plans) valueBytes(v kernels.ValueID) int64 {
	return mapBytes(a.p.Values[v].Shape) >> a.half(v)
}

// What the kernels can count: elements of a batch, with 64 bits, and, with 32, the pixels of a batch's feature map and the
// elements of an image's.
const (
	mostElements = 1 << 40
	mostPixels   = math.MaxInt32
)

func newPlans(p *kernels.Program, n int, s Storage) (*plans, error) {
	a := &plans{p: p, n: n, Storage: s, uses: plan.Uses(p), nodeOf: p.NodeOf(), rows: p.FactorRows(), classifiers: p.Classifiers()}
	if err := a.checkSizes(); err != nil {
		return nil, err
	}
	a.planSteps()
	a.planSaved()
	a.planOwn()
	a.all = plan.NewBackward(p, a.uses, nil, plan.Route{From: plan.NoNode, To: plan.NoNode})
	a.gradient, a.gradientBytes = a.place(a.all)
	return a, nil
}

func (a *plans) checkSizes() error {
	total := int64(0)
	for _, v := range a.p.Values {
		total += mapBytes(v.Shape) / 4
		if v.H > 1<<20 || v.W > 1<<20 || v.C > 1<<20 {
			return fmt.Errorf("value %s is %v: %w", v.Name, v.Shape, kernels.ErrUnsupported)
		}
		if pixels := int64(v.H) * int64(v.W); pixels > mostPixels/int64(a.n) || pixels > mostPixels/int64(pitchOf(v.C)) {
			return fmt.Errorf("value %s is %v, in a batch of %d images: %w", v.Name, v.Shape, a.n, kernels.ErrUnsupported)
		}
	}
	if a.n > 1<<20 || total > mostElements/int64(a.n) {
		return fmt.Errorf("a batch of %d images, %d elements each: %w", a.n, total, kernels.ErrUnsupported)
	}
	return nil
}

func (a *plans) planSteps() {
	p := a.p
	a.steps = make([]stepPlan, 1+len(p.Steps))
	a.stepOf, a.column = make([]int, len(p.Values)), make([]int, len(p.Values))
	a.steps[0].outs = []kernels.ValueID{kernels.Images}
	for i := range p.Steps {
		a.steps[i+1].step, a.steps[i+1].outs = &p.Steps[i], p.Steps[i].Outputs()
	}
	over := make([][]kernels.BNID, len(p.Values))
	for id, b := range p.BNs {
		over[b.Value] = append(over[b.Value], kernels.BNID(id))
	}
	a.normAt = make([]int, len(p.BNs))
	for i := range a.steps {
		s := &a.steps[i]
		for _, v := range s.outs {
			a.stepOf[v], a.column[v] = i, s.columns
			s.columns += pitchOf(p.Values[v].C)
			s.norms = append(s.norms, over[v]...)
		}
		for _, id := range s.norms {
			a.normAt[id] = len(a.norms)
			a.norms = append(a.norms, id)
		}
		a.planLaunch(s)
	}
}

func (a *plans) planSaved() {
	p, n := a.p, int64(a.n)
	merged := n + int64(gpu.ImageGroups(a.n)) // the results of images, then of groups of them
	a.values = make([]int64, len(p.Values))
	for v := range p.Values {
		a.values[v] = a.saved.bytes(n * a.valueBytes(kernels.ValueID(v)))
	}
	a.sums = make([]int64, len(p.Nodes))
	for i, node := range p.Nodes {
		a.sums[i] = -1
		for _, t := range node.Terms {
			if t.BN != kernels.NoBN && a.sums[i] < 0 {
				a.sums[i] = a.saved.bytes(merged * int64(pitchOf(node.C)) * sumBytes)
			}
		}
	}
	tiles, images := int64(0), int64(0)
	for i := range a.steps {
		s := &a.steps[i]
		out := p.Values[s.outs[0]]
		if len(s.norms) > 0 {
			_, t := s.forward.tiles(out.H, out.W)
			tiles = max(tiles, n*int64(t)*int64(s.columns)*sumBytes)
			images = max(images, merged*int64(s.columns)*sumBytes)
		}
		if s.step == nil {
			continue
		}
		for _, node := range s.step.In {
			in := p.Nodes[node]
			_, t := a.backTiling(s, in.Shape).tiles(in.H, in.W)
			tiles = max(tiles, n*int64(t)*int64(pitchOf(in.C))*sumBytes)
		}
	}
	a.tiles, a.images = a.saved.bytes(tiles), a.saved.bytes(images)
	a.dLogits = slices.Repeat([]int64{-1}, len(p.Values))
	for _, c := range a.classifiers {
		a.dLogits[c.Out] = a.saved.bytes(n * a.logitBytes())
	}
	a.labels = a.saved.bytes(n * 8)
	a.result = a.saved.bytes(16)
}

// logitBytes is the size of one image's logits, of any classifier.
func (a *plans) logitBytes() int64 { return 4 * int64(pitchOf(a.p.Classes())) }

func (a *plans) planOwn() {
	p := a.p
	a.affine, a.slope = make([]int64, len(p.BNs)), make([]int64, len(p.BNs))
	for i, b := range p.BNs {
		pitch := int64(pitchOf(p.Values[b.Value].C))
		a.affine[i] = a.own.bytes(pitch * affineBytes)
		a.slope[i] = a.own.bytes(pitch * affineBytes)
	}
	a.moments, a.momentsAt = make([]int64, len(a.steps)), a.own.size
	channelTiles := 1
	for i := range a.steps {
		s := &a.steps[i]
		a.moments[i] = -1
		if len(s.norms) > 0 {
			a.moments[i] = a.own.bytes(2 * 8 * int64(s.columns))
		}
		channelTiles = max(channelTiles, s.forward.channelTiles(s.columns))
		if s.step != nil {
			for _, node := range s.step.In {
				in := p.Nodes[node]
				channelTiles = max(channelTiles, a.backTiling(s, in.Shape).channelTiles(pitchOf(in.C)))
			}
		}
	}
	a.momentsBytes = a.own.size - a.momentsAt
	counters := channelTiles * (1 + gpu.ImageGroups(a.n) + a.n)
	a.eachWeight(func(s *stepPlan, k int) { counters = max(counters, a.weightTiling(s, k).arrived) })
	a.arrived = a.own.bytes(4 * int64(counters))
	a.factors = a.own.bytes(4 * int64(p.Factors()) * int64(a.n))
}

// place assigns node gradients to memory.
func (a *plans) place(b *plan.Backward) (at []int64, size int64) {
	units, total := b.Place(func(n kernels.NodeID) int { return int(align(int64(a.n)*mapBytes(a.p.Nodes[n].Shape)) / 256) })
	at = make([]int64, len(units))
	for i, u := range units {
		at[i] = 256 * int64(u)
		if u < 0 {
			at[i] = -1
		}
	}
	return at, 256 * int64(total)
}

// bytes is what a batch of n images takes, all buffers together, two batches of images included.
func (a *plans) bytes() int64 {
	return a.saved.size + a.gradientBytes + a.own.size + 2*int64(a.n)*4*int64(a.p.Values[kernels.Images].Len())
}

// savedBytes is what a backward pass of n images needs of the forward pass: every stored value but the images, and
// the BatchNorms' coefficients.
func (a *plans) savedBytes(n int) int64 {
	total := int64(0)
	for v := range a.p.Values[1:] {
		total += int64(n) * a.valueBytes(kernels.ValueID(v+1))
	}
	for _, b := range a.p.BNs {
		total += 2 * affineBytes * int64(pitchOf(a.p.Values[b.Value].C))
	}
	return total
}

// largestBatch is the most images that fit in a number of bytes, 0 if not one does.
func largestBatch(p *kernels.Program, n int, s Storage, bytes int64) int {
	low, high := 0, n
	for low < high {
		middle := (low + high + 1) / 2
		if a, err := newPlans(p, middle, s); err == nil && a.bytes() <= bytes {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}
