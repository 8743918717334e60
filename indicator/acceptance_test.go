package indicator

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"bnas.example/rank"
	"bnas.example/supernet"
)

// The acceptance tests of the method, by number. Those with a NAS-Bench table need BNAS_BENCHMARKS, the folder of
// nasbench201_cifar10.csv and nasbench_macro_cifar10.csv.

func table(t *testing.T, file string) *Truth {
	t.Helper()
	folder := os.Getenv("BNAS_BENCHMARKS")
	if folder == "" {
		t.Skip("BNAS_BENCHMARKS is not set: the ground-truth tables are not part of the project")
	}
	f, err := os.Open(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth, err := ReadTruth(f, file, TruthColumns{})
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

// 5: τ of the numbers of convolutions and parameters, with the last column of the table: .578 (.577 for 9·c3+c1).
func TestAcceptance5CountsOnNASBench201(t *testing.T) {
	truth := table(t, "nasbench201_cifar10.csv")
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201"})
	if err != nil {
		t.Fatal(err)
	}
	conv, err := convolves(net)
	if err != nil {
		t.Fatal(err)
	}
	var convs, params []float64
	dead, best, worst := 0, math.Inf(-1), math.Inf(1)
	for i, text := range archsOf(truth) {
		a, err := net.Space.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		e := &evidence{Scorer: &Scorer{convolves: conv}, operators: net.Space.Chosen(a), cost: net.Space.Cost(a, net.Config)}
		convs, params = append(convs, countConvs(e)), append(params, countParams(e))
		if !net.Space.Alive(a) {
			dead++
		}
		best, worst = math.Max(best, truth.Accuracy[i]), math.Min(worst, truth.Accuracy[i])
	}
	if truth.Len() != 15625 || dead != 341 || best != 94.3733 || worst != 10 {
		t.Errorf("%d rows, %d dead, accuracies from %v to %v", truth.Len(), dead, worst, best)
	}
	if tau := rank.KendallTauB(params, truth.Accuracy); !(math.Abs(tau-.578) <= 5e-4) {
		t.Errorf("τ_b of params %.4f, want .578", tau)
	}
	if tau := rank.KendallTauB(convs, truth.Accuracy); !(math.Abs(tau-.580) <= 2.5e-3) {
		t.Errorf("τ_b of convs %.4f, want .580 (per-seed table) or .578", tau)
	}
}

func TestAcceptance5Macro(t *testing.T) {
	truth := table(t, "nasbench_macro_cifar10.csv")
	top := rank.TopK(truth.Accuracy, truth.Accuracy, 1)
	if truth.Len() != 6561 || !(math.Abs(top.Best-93.127) <= 1e-3) {
		t.Errorf("%d rows, best %v", truth.Len(), top.Best)
	}
	if v, ok := truth.Of("00000000", ""); !ok || !(math.Abs(v-45.363) <= 1e-3) {
		t.Errorf("00000000: %v", v)
	}
}

// 8: with one batch that contains the queries, MC-BatchNorm is a forward pass in training mode.
func TestAcceptance8MCBatchNormIsTrainMode(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	p, err := b.net.Program(b.arch(t, mixed))
	if err != nil {
		t.Fatal(err)
	}
	const batch, queries = 8, 3
	e, err := b.dev.Compile(p, b.store, batch+queries)
	if err != nil {
		t.Fatal(err)
	}
	images := b.in.Images[:batch*3*8*8]
	train, mc := make([]float32, batch*4), make([]float32, (batch+queries)*4)
	if err := e.Forward(images, batch); err != nil {
		t.Fatal(err)
	}
	if err := e.Logits(train); err != nil {
		t.Fatal(err)
	}
	if err := e.Forward(append(append([]float32(nil), images...), images[:queries*3*8*8]...), batch); err != nil {
		t.Fatal(err)
	}
	if err := e.Logits(mc); err != nil {
		t.Fatal(err)
	}
	for i, want := range train[:queries*4] {
		if got := mc[batch*4+i]; got != want {
			t.Errorf("query %d, class %d: %v, in training mode %v", i/4, i%4, got, want)
		}
	}
}

// 9: two identical images have the same code. The determinant is then 0 and the network has the lowest score.
func TestAcceptance9IdenticalImages(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	before := b.score(t, mixed)
	data := b.in.Images
	copy(data[4*3*8*8:5*3*8*8], data[:3*8*8])
	got := b.must(t, b.scorer(t, small), mixed)
	for _, name := range []string{"naswot", "naswot_norm"} {
		if v := named(got)[name]; !math.IsInf(v, -1) || math.IsInf(before[name], -1) {
			t.Errorf("%s is %v, with different images %v", name, v, before[name])
		}
	}
	other := got
	other.Values = append([]float64(nil), got.Values...)
	i, err := termIndex("naswot")
	if err != nil {
		t.Fatal(err)
	}
	other.Values[i] = -1e9
	calibration, err := NewCalibration([]Scores{got, other})
	if err != nil {
		t.Fatal(err)
	}
	c, err := LookupComposite("naswot")
	if err != nil {
		t.Fatal(err)
	}
	if last, low := c.Fuse(calibration, got), c.Fuse(calibration, other); !(last < low) {
		t.Errorf("identical images fuse to %v, a low score to %v", last, low)
	}
}
