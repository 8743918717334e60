package indicator

import (
	"math"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/supernet"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// probed is a compiled mixed network of a trained bench after the forward pass of the calibration images. The tests
// compute the terms from its features, without the device's reductions.
type probed struct {
	*bench
	p   *kernels.Program
	e   kernels.Exec
	got map[string]float64 // the scores
}

func newProbed(t *testing.T, placement supernet.Placement) *probed {
	t.Helper()
	b := newBench(t, placement, true)
	a, s := b.arch(t, mixed), b.scorer(t, small)
	got := named(b.must(t, s, mixed))
	p, err := b.net.Program(s.representative(a, b.net.Space.Canonical(a)))
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.dev.Compile(p, b.store, small.Images)
	if err != nil {
		t.Fatal(err)
	}
	q := &probed{b, p, e, got}
	q.forward(t, small.Images, small.Images)
	return q
}

func (q *probed) forward(t *testing.T, n, statRows int) {
	t.Helper()
	images := q.in.Images
	if err := q.e.Forward(images[:n*q.p.Values[kernels.Images].Len()], statRows); err != nil {
		t.Fatal(err)
	}
}

// at reads a tap for every image.
func (q *probed) at(t *testing.T, tap kernels.Tap, shape kernels.Shape) []float32 {
	t.Helper()
	v := make([]float32, small.Images*shape.Len())
	if err := q.e.Read(tap, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// covarianceOf is that of the channels, over images and pixels.
func covarianceOf(x []float32, s kernels.Shape) *mat.SymDense {
	pixels := s.H * s.W
	m := mat.NewDense(len(x)/s.C, s.C, nil)
	for i, v := range x {
		m.Set(i/s.Len()*pixels+i%pixels, i/pixels%s.C, float64(v))
	}
	var c mat.SymDense
	stat.CovarianceMatrix(&c, m, nil)
	return &c
}

// spectrum is the entropy of the squared singular values of the centred data matrix.
func spectrum(x []float32, s kernels.Shape) float64 {
	pixels := s.H * s.W
	m := mat.NewDense(len(x)/s.C, s.C, nil)
	for i, v := range x {
		m.Set(i/s.Len()*pixels+i%pixels, i/pixels%s.C, float64(v))
	}
	rows, _ := m.Dims()
	for c := range s.C {
		mean := mat.Sum(m.ColView(c)) / float64(rows)
		for r := range rows {
			m.Set(r, c, m.At(r, c)-mean)
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		panic("no SVD")
	}
	var total, h float64
	for _, v := range svd.Values(nil) {
		total += v * v
	}
	for _, v := range svd.Values(nil) {
		if v > 0 {
			h -= v * v / total * math.Log(v*v/total)
		}
	}
	return h
}

func near(t *testing.T, name string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Max(math.Abs(want), 1e-3)) {
		t.Errorf("%s = %v, by the formula %v", name, got, want)
	}
}

func TestObservedTerms(t *testing.T) {
	for _, placement := range []supernet.Placement{supernet.Standard, supernet.Fair} {
		q := newProbed(t, placement)
		got, p, n := q.got, q.p, small.Images

		var cells, relative, last float64
		for _, b := range p.Blocks {
			last = spectrum(q.at(t, kernels.NodeTap(b.Out), p.Nodes[b.Out].Shape), p.Nodes[b.Out].Shape)
			cells += last
			relative += last / math.Log(float64(p.Nodes[b.Out].C))
		}
		near(t, "cell_spectrum", got["cell_spectrum"], cells, 1e-5)
		near(t, "cell_spectrum_norm", got["cell_spectrum_norm"], relative, 1e-5)
		near(t, "last_spectrum", got["last_spectrum"], last, 1e-5)

		var inputs, noise, logNoise float64
		for _, bn := range p.BNs {
			s := p.Values[bn.Value].Shape
			x := q.at(t, kernels.ValueTap(bn.Value), s)
			inputs += spectrum(x, s)
			noise += noiseOf(x, s, n) / float64(len(p.BNs))
			logNoise += math.Log(noiseOf(x, s, n)) / float64(len(p.BNs))
		}
		near(t, "bn_spectrum", got["bn_spectrum"], inputs, 1e-5)
		near(t, "bn_spectrum_mean", got["bn_spectrum_mean"], inputs/float64(len(p.BNs)), 1e-5)
		near(t, "bn_noise", got["bn_noise"], -noise, 1e-5)
		near(t, "bn_noise_log", got["bn_noise_log"], -logNoise, 1e-4) // the formula has a floor of 1e-6 beside it

		var volumes float64
		for _, bn := range p.BNs {
			s := p.Values[bn.Value].Shape
			volumes += volume(covarianceOf(q.at(t, kernels.ValueTap(bn.Value), s), s)) / float64(s.C*len(p.BNs))
		}
		near(t, "bn_corr", got["bn_corr"], volumes, 1e-4)

		// Codes and firing from the rectified nodes themselves.
		agree := mat.NewSymDense(n, nil)
		var firing, channels float64
		var units int
		for _, step := range p.Steps {
			if step.Act == kernels.Linear {
				continue
			}
			s := p.Nodes[step.In[0]].Shape
			x := q.at(t, kernels.NodeTap(step.In[0]), s)
			units += step.ReLUs * s.Len()
			for i := range n {
				for j := i; j < n; j++ {
					for k := range s.Len() {
						if (x[i*s.Len()+k] > 0) == (x[j*s.Len()+k] > 0) {
							agree.SetSym(i, j, agree.At(i, j)+float64(step.ReLUs))
						}
					}
				}
			}
			on := make([]float64, s.C)
			for k, v := range x {
				if v > 0 {
					on[k/(s.H*s.W)%s.C] += 1 / float64(n*s.H*s.W)
				}
			}
			for _, rate := range on {
				firing += binaryEntropy(rate)
				channels++
			}
		}
		det, _ := mat.LogDet(agree)
		near(t, "naswot", got["naswot"], det, 1e-9)
		agree.ScaleSym(1/float64(units), agree)
		det, _ = mat.LogDet(agree)
		near(t, "naswot_norm", got["naswot_norm"], det, 1e-9)
		near(t, "firing_entropy", got["firing_entropy"], -firing/channels, 1e-9)
	}
}

// noiseOf normalises the features and averages them over pixels. It returns their variance over images, averaged over
// channels.
func noiseOf(x []float32, s kernels.Shape, n int) float64 {
	var noise float64
	pixels := s.H * s.W
	for c := range s.C {
		image := make([]float64, n)
		var sum, squares float64
		for i := range n {
			for k := range pixels {
				v := float64(x[(i*s.C+c)*pixels+k])
				image[i] += v / float64(pixels)
				sum += v
				squares += v * v
			}
		}
		mean := sum / float64(n*pixels)
		sigma := math.Sqrt(squares/float64(n*pixels) - mean*mean + 1e-5)
		for i := range n {
			normal := (image[i] - mean) / sigma
			noise += normal * normal / float64(n*s.C)
		}
	}
	return noise
}

func TestLogitScale(t *testing.T) {
	q := newProbed(t, supernet.Fair)
	logits := make([]float32, small.Images*4)
	if err := q.e.Logits(logits); err != nil {
		t.Fatal(err)
	}
	var variance float64
	for k := range 4 {
		var s, ss float64
		for i := range small.Images {
			v := float64(logits[i*4+k])
			s += v / float64(small.Images)
			ss += v * v / float64(small.Images)
		}
		variance += (ss - s*s) / 4
	}
	near(t, "logit_scale", q.got["logit_scale"], -math.Sqrt(variance), 1e-5)
}

// By hand for one node: β and γ² add up.
func TestBNEntropy(t *testing.T) {
	if got := newBench(t, supernet.Fair, false).score(t, mixed)["bn_entropy"]; got != 1 {
		t.Errorf("at initialisation %v", got)
	}
	q := newProbed(t, supernet.Fair)
	var want, count float64
	for _, step := range q.p.Steps {
		if step.Act == kernels.Linear {
			continue
		}
		node := q.p.Nodes[step.In[0]]
		known := true
		var h float64
		for c := range node.C {
			var beta, variance float64
			for _, term := range node.Terms {
				if term.BN == kernels.NoBN {
					known = false
					continue
				}
				bn := q.p.BNs[term.BN]
				beta += float64(q.read(t, bn.Beta, kernels.Data)[c])
				variance += math.Pow(float64(q.read(t, bn.Gamma, kernels.Data)[c]), 2)
			}
			fires := .5 * (1 + math.Erf(beta/math.Sqrt(2*variance)))
			h += (-fires*math.Log2(fires) - (1-fires)*math.Log2(1-fires)) / float64(node.C)
		}
		if known {
			want += h * float64(step.ReLUs)
			count += float64(step.ReLUs)
		}
	}
	if count == 0 {
		t.Fatal("no rectified node")
	}
	near(t, "bn_entropy", q.got["bn_entropy"], want/count, 1e-9)
}

// By hand: an average pool keeps the moments, a sum adds them, and a node counts once for each rectifier.
func TestBNEntropyOfAPool(t *testing.T) {
	one := kernels.Shape{C: 1, H: 1, W: 1}
	e := &evidence{
		program: &kernels.Program{
			Values: []kernels.Value{{Shape: one}, {Shape: one}, {Shape: one}, {Shape: one}},
			Nodes: []kernels.Node{
				{Shape: one, Terms: []kernels.Term{{Value: 1, BN: 0}}},
				{Shape: one, Terms: []kernels.Term{{Value: 2, BN: kernels.NoBN}, {Value: 3, BN: 1}}},
			},
			Steps: []kernels.Step{
				{Op: kernels.OpAvgPool, In: []kernels.NodeID{0}, Out: 2},
				{Op: kernels.OpConv, Act: kernels.ReLU, In: []kernels.NodeID{0}, ReLUs: 1},
				{Op: kernels.OpConv, Act: kernels.ReLU, In: []kernels.NodeID{1}, ReLUs: 2},
			},
		},
		gamma: [][]float64{{2}, {math.Sqrt(5)}}, beta: [][]float64{{1}, {2}},
	}
	// The first node is N(1, 4), the second N(1 + 2, 4 + 5). Φ(1/2) and Φ(1) from a table.
	entropy := func(p float64) float64 { return -p*math.Log2(p) - (1-p)*math.Log2(1-p) }
	near(t, "bn_entropy", bnEntropy(e), (entropy(.6914624612740131)+2*entropy(.8413447460685429))/3, 1e-12)
	for _, op := range []kernels.Op{kernels.OpSum, kernels.OpMaxPool} { // the moments of a maximum are unknown
		e.program.Steps[0].Op = op
		want := entropy(.6914624612740131)
		if op == kernels.OpSum {
			want = (want + 2*entropy(.8413447460685429)) / 3
		}
		near(t, "bn_entropy", bnEntropy(e), want, 1e-12)
	}
	e.program.Steps = e.program.Steps[:1]
	if got := bnEntropy(e); !math.IsInf(got, -1) {
		t.Errorf("without a rectifier %v", got)
	}
	for _, c := range []struct{ mean, variance, want float64 }{
		{0, 3, .5}, {1, 4, .6914624612740131}, {-1, 4, 1 - .6914624612740131}, {3, 9, .8413447460685429}, {1, 0, 1}, {0, 0, 0}, {-1, 0, 0},
	} {
		if got := normalCDF(c.mean, c.variance); !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("N(%v, %v) is positive with %v, want %v", c.mean, c.variance, got, c.want)
		}
	}
}

// Of all three less is better.
func TestSignsOfMCTerms(t *testing.T) {
	e := &evidence{mc: mcEvidence{mi: .3, nll: 1.25, within: 2, between: 5}}
	for name, c := range map[string]struct{ got, want float64 }{
		"mc_mi": {mcMI(e), -.3}, "mc_variance": {mcVariance(e), -.4}, "mc_nll": {mcNLL(e), -1.25},
	} {
		if c.got != c.want {
			t.Errorf("%s is %v, want %v", name, c.got, c.want)
		}
	}
	e.mc.constant = true
	if !math.IsInf(mcMI(e), -1) || !math.IsInf(mcVariance(e), -1) || !math.IsInf(mcNLL(e), -1) {
		t.Errorf("constant logits: %v, %v, %v", mcMI(e), mcVariance(e), mcNLL(e))
	}
}

func TestMCMeasure(t *testing.T) {
	// Two batches, two queries, two classes; the mean logits are ±1 for either query, so their variance over queries is
	// 1 for each class and the scale 1. Query 0 sees ±2 and 0, query 1 the opposite, always in phase.
	logits := [][]float64{{2, -2, -2, 2}, {0, 0, 0, 0}}
	got := mcMeasure(logits, 2, []int{0, 0})
	p := 1 / (1 + math.Exp(-4))
	average := (p + .5) / 2
	near(t, "mi", got.mi, entropy([]float64{average, 1 - average})-(entropy([]float64{p, 1 - p})+math.Ln2)/2, 1e-12)
	near(t, "nll", got.nll, -(math.Log(average)+math.Log(1-average))/2, 1e-12)
	near(t, "within", got.within, 2, 1e-12)
	near(t, "between", got.between, 2, 1e-12)
	if same := mcMeasure([][]float64{{1, 2, 1, 2}, {3, 4, 3, 4}}, 2, []int{0, 1}); !same.constant {
		t.Error("constant logits not noticed")
	}
}

// rowsExec notes of how many rows the statistics are, and has logits of zeros.
type rowsExec struct {
	kernels.Exec
	rows []int
}

func (e *rowsExec) Forward(_ []float32, statRows int) error {
	e.rows = append(e.rows, statRows)
	return nil
}

func (e *rowsExec) Logits([]float32) error { return nil }

// The statistics of a resample are those of its batch, without the queries.
func TestResampleHasTheStatisticsOfTheBatch(t *testing.T) {
	exec := &rowsExec{}
	e := &evidence{
		Scorer: &Scorer{cfg: Config{MCBatch: 4, MCQueries: 2}}, exec: exec,
		program: &kernels.Program{Values: []kernels.Value{{}, {Shape: kernels.Shape{C: 3, H: 1, W: 1}}}, Steps: []kernels.Step{{Out: 1}}},
	}
	e.resampled, e.queryLabels = make([][]float32, 3), []int{0, 1}
	if err := e.resample(); err != nil || !slices.Equal(exec.rows, []int{4, 4, 4}) {
		t.Errorf("statistics of %v rows, want 4 of each of 3 batches, %v", exec.rows, err)
	}
}

// Of the three BatchNorms of a MobileNet block the last alone counts: at γ = 1 a block has 1.
func TestGammaOfTheLastBatchNorm(t *testing.T) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-macro", Classes: 3, Height: 32, Width: 32, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	dev := ref.New()
	defer dev.Close()
	store, err := net.NewStore(dev)
	if err != nil {
		t.Fatal(err)
	}
	shares, err := newGammaShares(&Scorer{net: net, store: store})
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, bn := range net.BNs() {
		if bn.Place >= 0 && bn.Last {
			blocks++
			if got := shares.raw[bn.Place][bn.Operator]; got != 1 {
				t.Errorf("place %d, operator %d: %v, want 1", bn.Place, bn.Operator, got)
			}
		}
	}
	if blocks < 16 {
		t.Errorf("%d operators with a BatchNorm at 8 places", blocks)
	}
}

func TestGammaBaselines(t *testing.T) {
	b := newBench(t, supernet.Standard, true)
	got := b.score(t, mixed)
	// In the standard placement only the three convolutions count: the last BatchNorms of edges 0, 1 and 5.
	var sum float64
	for _, cell := range []string{"cells.0", "cells.2", "cells.4"} {
		for edge, option := range map[string]int{".layers.0.": 3, ".layers.1.": 2, ".layers.5.": 3} {
			found := false
			for _, bn := range b.net.BNs() {
				if bn.Name == cell+edge+"op.2" && bn.Operator == option {
					found = true
					gamma := b.read(t, bn.Gamma, kernels.Data)
					for _, g := range gamma {
						sum += math.Abs(float64(g)) / float64(len(gamma))
					}
				}
			}
			if !found {
				t.Fatalf("no BatchNorm at %s%s", cell, edge)
			}
		}
	}
	near(t, "gamma_sum", got["gamma_sum"], sum, 1e-9)

	// At γ = 1, β = 0 every operator with a BatchNorm has 1 and in the fair space each option but none has one:
	// 5 chosen of 6 edges in 3 cells, and a softmax over (0, 1, 1, 1, 1).
	fresh := newBench(t, supernet.Fair, false).score(t, mixed)
	near(t, "gamma_node", fresh["gamma_node"], 15, 1e-6)
	near(t, "gamma_ratio", fresh["gamma_ratio"], 15-18*math.Log(1+4*math.E), 1e-6)
}

func TestCounts(t *testing.T) {
	b := newBench(t, supernet.Fair, false)
	got := b.score(t, mixed)
	cost := b.net.Space.Cost(b.arch(t, mixed), b.net.Config)
	for name, want := range map[string]float64{
		"params": float64(cost.Params), "macs": float64(cost.MACs),
		"depth": 3*3 + 1 + 4 + 1, // three convolutions in three cells, stem, two reductions, head
		"convs": 3,
		// Three cells of 4, 8 and 16 channels, each with two 3×3 and one 1×1 convolution: 19·C². Stem 3→4; the reductions have two
		// 3×3 convolutions and a 1×1 shortcut; classifier 16→4.
		"live_params": 19*(16+64+256) + 108 + (288 + 576 + 32) + (1152 + 2304 + 128) + 64,
		"live_macs":   19*(16*64+64*16+256*4) + 108*64 + (288+576+32)*16 + (1152+2304+128)*4 + 64,
		// 3←0 by the pool, and the copies of 1←0 and 2←1 have a convolution behind or before them.
		"free_paths": -1,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}

// Operators on dead ends do not count, and paths without a convolution add up.
func TestLiveCounts(t *testing.T) {
	b := newBench(t, supernet.Fair, false)
	frame := 108 + (288 + 576 + 32) + (1152 + 2304 + 128) + 64
	for _, c := range []struct {
		cell   string
		params int
		paths  float64
	}{
		{"|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|", frame, -1},
		{"|skip_connect~0|+|avg_pool_3x3~0|skip_connect~1|+|skip_connect~0|skip_connect~1|avg_pool_3x3~2|", frame, -4},
		// Node 2 leads nowhere: its two convolutions are dead.
		{"|nor_conv_1x1~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|skip_connect~1|none~2|", frame + 16 + 64 + 256, -1},
	} {
		got := b.score(t, c.cell)
		if got["live_params"] != float64(c.params) || got["free_paths"] != c.paths {
			t.Errorf("%s: %v parameters, %v paths; want %d, %v", c.cell, got["live_params"], got["free_paths"], c.params, c.paths)
		}
	}
}
