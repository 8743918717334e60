package indicator

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bnas.example/data"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// The baselines against PyTorch with their authors' formulas (scripts/baselines_torch.py). They do not depend on the placement or on
// the training of the supernet that is scored.
func TestBaselinesAgainstPyTorch(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "baselines.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Net             supernet.Config
		Scores          map[string]map[string]float64
		GradientSquares map[string]float64 `json:"gradient_squares"` // ‖g‖² of grasp
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	in := baselineImages(t)
	cfg := Config{Images: len(in.Labels), NTKImages: 8, NTKBatches: 1, Seed: 1, Terms: []string{
		"standard_spectrum", "standard_least", "az_expressivity", "az_progressivity", "az_trainability", "nwot", "jacov", "epe_nas",
		"grad_norm", "snip", "plain", "l2_norm", "grasp", "synflow", "fisher", "zico", "swap", "near", "meco", "zen",
		"te_ntk", "te_regions", "vkdnw_entropy",
	}}.WithDefaults()
	in = padded(in, cfg.ImagesNeeded())
	for _, placement := range []supernet.Placement{supernet.Standard, supernet.Fair} {
		c := golden.Net
		c.BN, c.Gamma = placement, supernet.GammaUniform
		net, err := supernet.New(c)
		if err != nil {
			t.Fatal(err)
		}
		dev := ref.New()
		defer dev.Close()
		store, err := net.NewStore(dev)
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewScorer(net, dev, store, in, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(golden.Scores) < 4 {
			t.Fatalf("%d networks", len(golden.Scores))
		}
		for arch, want := range golden.Scores {
			a, err := net.Space.Parse(arch)
			if err != nil {
				t.Fatal(err)
			}
			scores := Scores{Values: make([]float64, len(terms))}
			if err := s.measure(a, scores.Values, func(t Term) bool { return !ofPath(t) }); err != nil {
				t.Fatal(err)
			}
			got := named(scores)
			if len(want) != len(cfg.Terms) {
				t.Errorf("%s: %d values", arch, len(want))
			}
			for name, v := range want {
				tolerance := 1e-5 * math.Max(1, math.Abs(v))
				if name == "grasp" { // as if BatchNorm's ε were 0
					tolerance = 3e-5 * golden.GradientSquares[arch]
				}
				if !(math.Abs(got[name]-v) <= tolerance) {
					t.Errorf("%s, %s: %s is %v, in PyTorch %v", placement, arch, name, got[name], v)
				}
			}
		}
	}
}

// baselineImages reads the images of the golden values.
func baselineImages(t *testing.T) Inputs {
	t.Helper()
	x, err := data.ReadNpy(filepath.Join("testdata", "baselines.images.npy"))
	if err != nil {
		t.Fatal(err)
	}
	y, err := data.ReadNpy(filepath.Join("testdata", "baselines.labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	in := Inputs{Images: x.Data.([]float32)}
	for _, l := range y.Data.([]int64) {
		in.Labels = append(in.Labels, int(l))
	}
	return in
}

// padded repeats the images until there are n: those of the passes that the test does not run.
func padded(in Inputs, n int) Inputs {
	times := n/len(in.Labels) + 1
	return Inputs{Images: slices.Repeat(in.Images, times), Labels: slices.Repeat(in.Labels, times)}
}

// With more than 100 classes epe_nas compares the classes with each other.
func TestEPENASOfManyClasses(t *testing.T) {
	net := &supernet.Net{Config: supernet.Config{Classes: 101}}
	e := &evidence{Scorer: &Scorer{net: net, labels: []int{5, 5, 7}}}
	e.imageCorrelation = correlation([]float32{1, 2, 3, 1, 2, 2, 3, 1, 0}, 3)
	r := e.imageCorrelation.At(0, 1)
	five := (2*math.Log(1+1e-5) + 2*math.Log(math.Abs(r)+1e-5)) / 2
	seven := math.Log(1 + 1e-5)
	if got, want := epeNAS(e), 2*math.Abs(five-seven)/2; !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A constant row has no correlation, whatever its value: the mean of 300 numbers .1 is rounded.
func TestCorrelationOfConstantRows(t *testing.T) {
	const n, p = 4, 300
	x := make([]float32, n*p)
	for k := range p {
		x[k], x[p+k], x[2*p+k] = .1, .7, float32(k%7)
	}
	r := correlation(x, n)
	for i := range n {
		for k := range n {
			want := 0.
			if i == 2 && k == 2 {
				want = 1
			}
			if got := r.At(i, k); got != want {
				t.Errorf("correlation of rows %d and %d: %v, want %v", i, k, got, want)
			}
		}
	}
}

// An image from which no gradient comes is no sign of a good network. It would be orthogonal to all others, the best of all.
func TestNoImageGradientIsLowest(t *testing.T) {
	s := newBench(t, supernet.Standard, false).scorer(t, small)
	gradients := make([]float32, small.Images*10)
	philox.New(1, "gradients", 0).Normal(gradients[10:], 1)
	e := &evidence{Scorer: s, imageCorrelation: correlation(gradients, small.Images)}
	if j, epe := jacov(e), epeNAS(e); !math.IsInf(j, -1) || !math.IsInf(epe, -1) {
		t.Errorf("with an image without a gradient: jacov %v, epe_nas %v", j, epe)
	}
}
