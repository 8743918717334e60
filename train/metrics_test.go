package train

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
)

func TestTruncateLines(t *testing.T) {
	long := strings.Repeat("x", 70_000) // longer than the reader's buffer
	tests := []struct {
		name, text string
		lines      int
		want       string
	}{
		{"none", "a\nb\n", 0, ""},
		{"some", "a\nb\nc\n", 2, "a\nb\n"},
		{"all", "a\nb\n", 2, "a\nb\n"},
		{"half a line after them", "a\nb\nha", 2, "a\nb\n"},
		{"half a line among them", "a\nha", 2, "a\n"},
		{"too few", "a\n", 5, "a\n"},
		{"empty", "", 3, ""},
		{"long", long + "\nb\nc\n", 2, long + "\nb\n"},
		{"half a long one", "a\n" + long, 2, "a\n"},
	}
	for _, test := range tests {
		dir := t.TempDir()
		name := filepath.Join(dir, MetricsName)
		if err := os.WriteFile(name, []byte(test.text), 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := openMetrics(dir, test.lines)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := m.write(1); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := m.close(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := string(readFile(t, name)); got != test.want+"1\n" {
			t.Errorf("%s: the file is %.40q (%d bytes), want %.40q and a line", test.name, got, len(got), test.want)
		}
	}
}

func TestMetricsCannotBeWritten(t *testing.T) {
	tr := fresh(t, quick(10), t.TempDir())
	err := tr.Run(context.Background(), func(p Progress) {
		if p.Step == 3 {
			tr.metrics.file.Close()
		}
	})
	if err == nil || !strings.Contains(err.Error(), "train: metrics: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Run gave %v, want one line about the metrics", err)
	}
	if c, err := loadFile(checkpointPath(tr.dir)); err != nil || c.State.Step != 0 {
		t.Errorf("the checkpoint is %v, %v; want that of step 0", c, err)
	}
}

// With γ = −2 and β = 0 a mean |γ| is 2, and ‖θ_v‖² is four times the number of γ that enter the node.
func TestGammaLine(t *testing.T) {
	r := newRig(t, tiny(t), quick(1))
	trainer := r.trainer(t, quick(1), t.TempDir())
	for _, bn := range r.net.BNs() {
		gamma := slices.Repeat([]float32{-2}, r.net.Params()[bn.Gamma].Len())
		if err := r.store.Write(kernels.Data, gamma, bn.Gamma); err != nil {
			t.Fatal(err)
		}
	}
	p, err := r.net.Program(arch(t, r.net.Space, mixed))
	if err != nil {
		t.Fatal(err)
	}
	const lr = .1
	line, err := trainer.gammaLine(lr, p)
	if err != nil {
		t.Fatal(err)
	}
	for place, means := range line.MeanAbsGamma {
		for operator, mean := range means {
			if mean != 2 {
				t.Errorf("%s, %s: %v, want 2", place, operator, mean)
			}
		}
	}
	var squares []float64
	for _, n := range p.Nodes {
		square := 0.
		for _, term := range n.Terms {
			if term.BN != kernels.NoBN {
				square += float64(4 * n.C)
			}
		}
		if square > 0 {
			squares = append(squares, square)
		}
	}
	slices.Sort(squares)
	least, middle, most := squares[0], squares[len(squares)/2], squares[len(squares)-1]
	if least == middle || middle == most {
		t.Fatalf("the nodes are too much alike: %v", squares)
	}
	same := func(got Spread, low, median, high float64) bool {
		return math.Abs(got.Min-low) < 1e-12 && math.Abs(got.Median-median) < 1e-12 && math.Abs(got.Max-high) < 1e-12
	}
	if !same(line.NodeNorm, math.Sqrt(least), math.Sqrt(middle), math.Sqrt(most)) {
		t.Errorf("norms %+v of the squares %v", line.NodeNorm, squares)
	}
	slices.Reverse(squares)
	if !same(line.EffectiveLR, lr/most, lr/squares[len(squares)/2], lr/least) {
		t.Errorf("rates %+v of the squares %v", line.EffectiveLR, squares)
	}
}

// The mean over shards: of losses and gradients; right answers add up.
func TestMeanOfShards(t *testing.T) {
	loss, gradients := mean([]contribution{
		{kernels.Loss{Mean: 1, Correct: 2}, []float32{1, -2}},
		{kernels.Loss{Mean: 4, Correct: 5}, []float32{3, 6}},
	})
	if loss != (kernels.Loss{Mean: 2.5, Correct: 7}) || !slices.Equal(gradients, []float32{2, 2}) {
		t.Errorf("loss %+v, gradients %v", loss, gradients)
	}
}
