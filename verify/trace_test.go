package verify

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/safetensors"
	"bnas.example/supernet"
)

// mixedCell has all operators but none.
const mixedCell = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|skip_connect~1|nor_conv_3x3~2|"

// traced runs a Trace on the reference device with random γ and β. The mean of β is shift.
func traced(t *testing.T, c supernet.Config, arch string, mode StatisticsMode, shift float32) map[string]safetensors.Tensor {
	t.Helper()
	n, a, device, store := initialised(t, c, arch)
	defer device.Close()
	r := philox.New(1, "affine", 0)
	for id, p := range n.Params() {
		if v := make([]float32, p.Len()); p.Kind == kernels.Gamma || p.Kind == kernels.Beta {
			r.Normal(v, 1)
			for i := range v {
				if p.Kind == kernels.Beta {
					v[i] += shift
				}
			}
			if err := store.Write(kernels.Data, v, kernels.ParamID(id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	images := make([]float32, 4*p.Values[kernels.Images].Len())
	philox.New(1, "images", 0).Normal(images, 1)
	var w bytes.Buffer
	if err := Trace(&w, n, device, store, Traced{Arch: a, Images: images, Labels: []int{3, 0, 9, 3}, Mode: mode, Stats: supernet.NewStatistics(p), Active: true}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Decode(w.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]safetensors.Tensor{}
	for _, x := range f.Tensors {
		all[x.Name] = x
	}
	return all
}

// TestTrace: the file is complete. With frozen statistics the per-sample gradients add up to the gradient.
func TestTrace(t *testing.T) {
	for _, c := range []struct {
		config supernet.Config
		arch   string
	}{
		{supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Cells: 1, Channels: 2, Height: 8, Width: 8}, mixedCell},
		{supernet.Config{Space: "nas-bench-macro", BN: supernet.Fair, Channels: 2, Height: 8, Width: 8}, "01020012"},
		{supernet.Config{Space: "nas-bench-101", BN: supernet.Fair, Cells: 1, Channels: 8, Height: 8, Width: 8}, "10000|1111|011|10|1|3m33"},
	} {
		for _, mode := range []StatisticsMode{BatchStatistics, FrozenStatistics} {
			all := traced(t, c.config, c.arch, mode, 0)
			if d := cmp.Diff([]int{4, 10}, all["logits"].Shape); d != "" {
				t.Errorf("logits: %s", d)
			}
			for _, name := range []string{"loss", "mean.stem.1", "var.stem.1", "grad.classifier.weight", "grad.classifier.bias"} {
				if _, ok := all[name]; !ok {
					t.Errorf("%s %s: no %s", c.arch, mode, name)
				}
			}
			norms, rectifiers, nodes, active := 0, 0, 0, [2]int{}
			for name, x := range all {
				if strings.HasPrefix(name, "active.") {
					rectifiers++
					countActive(t, x, &active)
				}
				if strings.HasPrefix(name, "active_node.") {
					nodes++
				}
				if norm, ok := strings.CutPrefix(name, "mean."); ok {
					norms++
					for _, p := range []string{".weight", ".bias"} {
						checkShares(t, all["grad."+norm+p], all["sample_grad."+norm+p], x.Shape[0], mode)
					}
				}
			}
			// Logits and loss, six tensors for each BatchNorm, two for the classifier, one for each rectifier and for each of
			// the nodes that they read.
			if want := 2 + 6*norms + 2 + rectifiers + nodes; len(all) != want || nodes < 5 || nodes > rectifiers || norms < 10 || active[0] < 100 || active[1] < 100 {
				t.Errorf("%s %s: %d tensors of %d BatchNorms and %d rectifiers, off and on %v", c.arch, mode, len(all), norms, rectifiers, active)
			}
		}
	}
}

// TestActiveOfReLU6: its derivative is 0 above 6, that of ReLU is not.
func TestActiveOfReLU6(t *testing.T) {
	for space, c := range map[string]struct {
		arch string
		on   bool
	}{
		"nas-bench-macro": {"11111111", true},
		"mobilenet-cifar": {strings.TrimSpace(strings.Repeat("0 ", 21)), false},
	} {
		config := supernet.Config{Space: space, BN: supernet.Standard, Channels: 2, Height: 16, Width: 16}
		var count [2]int
		for name, x := range traced(t, config, c.arch, BatchStatistics, 1000) {
			if strings.HasPrefix(name, "active.") {
				countActive(t, x, &count)
			}
		}
		if on := count[1] > 0; count[0]+count[1] == 0 || on != c.on || count[0] > 0 == on {
			t.Errorf("%s: %v off and on", space, count)
		}
	}
}

// countActive counts the rectifiers that are off and on.
func countActive(t *testing.T, x safetensors.Tensor, count *[2]int) {
	t.Helper()
	if x.DType != safetensors.U8 || len(x.Shape) != 4 || x.Shape[0] != 4 {
		t.Errorf("%s: %s %v", x.Name, x.DType, x.Shape)
	}
	for _, v := range x.Data {
		if v > 1 {
			t.Fatalf("%s: holds %d", x.Name, v)
		}
		count[v]++
	}
}

// checkShares checks the shapes and, with frozen statistics, that the per-sample gradients add up to the gradient.
func checkShares(t *testing.T, gradient, shares safetensors.Tensor, channels int, mode StatisticsMode) {
	t.Helper()
	g, err := gradient.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	s, err := shares.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if len(g) != channels || len(s) != 4*channels {
		t.Fatalf("%s: %v, %v", gradient.Name, gradient.Shape, shares.Shape)
	}
	if mode == BatchStatistics {
		return
	}
	for c := range g {
		var sum, size float64
		for n := range 4 {
			sum += float64(s[n*channels+c])
			size += math.Abs(float64(s[n*channels+c]))
		}
		if !(math.Abs(sum-float64(g[c])) <= 1e-5*size) {
			t.Errorf("%s: channel %d: shares add up to %g, gradient %g", gradient.Name, c, sum, g[c])
		}
	}
}

func TestTraceErrors(t *testing.T) {
	n, a, device, store := initialised(t, supernet.Config{Space: "nas-bench-macro", Channels: 2, Height: 8, Width: 8}, "00000000")
	defer device.Close()
	images := make([]float32, 3*64)
	for want, c := range map[string]Traced{
		"labels and":                 {Arch: a, Images: images, Labels: []int{1, 2}, Mode: BatchStatistics},
		"0 labels":                   {Arch: a, Mode: BatchStatistics},
		"label 10":                   {Arch: a, Images: images, Labels: []int{10}, Mode: BatchStatistics},
		`unknown statistics "mixed"`: {Arch: a, Images: images, Labels: []int{1}, Mode: "mixed"},
		"0 means":                    {Arch: a, Images: images, Labels: []int{1}, Mode: FrozenStatistics},
		"0 genes, want 8":            {Arch: supernet.Arch{}, Images: images, Labels: []int{1}, Mode: BatchStatistics},
	} {
		var w bytes.Buffer
		err := Trace(&w, n, device, store, c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
		if w.Len() > 0 {
			t.Errorf("%q: %d bytes written before the error", want, w.Len())
		}
	}
}

// initialised returns a supernet with its initial parameters on the reference device, and an architecture.
func initialised(t *testing.T, c supernet.Config, arch string) (*supernet.Net, supernet.Arch, kernels.Device, kernels.Store) {
	t.Helper()
	n, err := supernet.New(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.Space.Parse(arch)
	if err != nil {
		t.Fatal(err)
	}
	device := ref.New()
	store, err := device.NewStore(n.Params())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Fill(store); err != nil {
		t.Fatal(err)
	}
	return n, a, device, store
}
