package train

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/supernet"
)

// dropNet is a DARTS supernet that trains in milliseconds, and a network of it with each kind of operator.
var (
	dropNet  = supernet.Config{Space: "darts", BN: supernet.Standard, Stem: "cifar", Seed: 3, Classes: 3, Height: 8, Width: 8, Channels: 4, Cells: 1}
	dropPath = "normal max_pool_3x3:0 sep_conv_3x3:1 skip_connect:0 dil_conv_3x3:1 avg_pool_3x3:0 skip_connect:2 sep_conv_5x5:0 skip_connect:1 " +
		"reduce skip_connect:0 max_pool_3x3:1 skip_connect:0 dil_conv_3x3:2 avg_pool_3x3:0 skip_connect:2 sep_conv_5x5:0 skip_connect:1"
)

func dropConfig(steps int) Config {
	c := ownConfig(steps)
	c.Path, c.DropPath, c.GammaEvery, c.LR = dropPath, 0.6, 0, 0.05
	return c
}

// The probability rises by epochs of 5 steps from 0, as the authors' drop_path_prob·epoch/epochs.
func TestDropProbability(t *testing.T) {
	c := Config{DropPath: 0.2}
	for step, want := range map[int]float64{0: 0, 4: 0, 5: 0.05, 9: 0.05, 10: 0.1, 19: 0.15} {
		if got := c.DropProbability(step, 5, 20); !(math.Abs(got-want) <= 1e-15) {
			t.Errorf("step %d: %v, want %v", step, got, want)
		}
	}
}

// A factor is 0 or 1/keep, with a mean of 1, and depends on step and seed.
func TestDropFactors(t *testing.T) {
	c := Config{Batch: 500, Seed: 7}
	a, again, next := c.DropFactors(20, 3, 0.2), c.DropFactors(20, 3, 0.2), c.DropFactors(20, 4, 0.2)
	c.Seed++
	other := c.DropFactors(20, 3, 0.2)
	if !slices.Equal(a, again) || slices.Equal(a, next) || slices.Equal(a, other) || slices.Equal(a[:500], a[500:1000]) {
		t.Error("the factors are no function of seed, step and term")
	}
	sum := 0.0
	for _, f := range a {
		if f != 0 && f != 1.25 {
			t.Fatalf("factor %v", f)
		}
		sum += float64(f)
	}
	// The deviation of the mean of 10,000 is √(0.25)/100 = 0.005.
	if mean := sum / float64(len(a)); !(math.Abs(mean-1) <= 0.02) {
		t.Errorf("mean factor %v", mean)
	}
}

// interrupted runs 7 steps on one device and the rest on the other, and returns the last checkpoint.
func interrupted(t *testing.T, before, after kernels.Device, cfg Config) []byte {
	t.Helper()
	dir := t.TempDir()
	runUntil(t, rigOn(t, before, dropNet, cfg).trainer(t, cfg, dir), 7)
	tr := rigOn(t, after, dropNet, cfg).trainer(t, cfg, dir)
	if err := tr.Resume(); err != nil {
		t.Fatal(err)
	}
	return run(t, tr)
}

// losses trains on a device.
func losses(t *testing.T, dev kernels.Device, cfg Config) ([]float64, *Trainer) {
	t.Helper()
	tr := rigOn(t, dev, dropNet, cfg).trainer(t, cfg, t.TempDir())
	var all []float64
	if err := tr.Run(t.Context(), func(p Progress) { all = append(all, p.Loss) }); err != nil {
		t.Fatal(err)
	}
	return all, tr
}

// The first epoch, of 5 steps, drops nothing. A later step is the forward and backward pass with its factors, of the whole batch
// or of its shards.
func TestDropPathSteps(t *testing.T) {
	for _, shards := range []int{1, 2} {
		cfg := dropConfig(8)
		cfg.Schedule, cfg.EMA, cfg.BNMomentum, cfg.TestEvery, cfg.Shards = Constant, 0, 0, 0, shards
		got, _ := losses(t, ref.New(), cfg)
		none := cfg
		none.DropPath = 0
		plain, _ := losses(t, ref.New(), none)
		if !slices.Equal(got[:5], plain[:5]) || got[5] == plain[5] {
			t.Errorf("%d shards: losses %v, without drop-path %v", shards, got, plain)
		}
		first := none
		first.Steps = 5
		_, tr := losses(t, ref.New(), first)
		if want := tr.droppedLoss(t, cfg, 5); got[5] != want {
			t.Errorf("%d shards: loss of step 5 is %v, want %v", shards, got[5], want)
		}
	}
}

// droppedLoss is the mean loss of the shards of a step, from the parameters that a trainer has.
func (t *Trainer) droppedLoss(test *testing.T, cfg Config, step int) (loss float64) {
	p, err := t.net.TrainingProgram(t.fixed, supernet.Training{DropPath: true})
	if err != nil {
		test.Fatal(err)
	}
	batch, err := t.loader.At(step)
	if err != nil {
		test.Fatal(err)
	}
	all := cfg.DropFactors(p.Factors(), step, cfg.DropProbability(step, t.loader.StepsPerEpoch(), cfg.Steps))
	n, pixels := cfg.Batch/cfg.Shards, len(batch.Images)/cfg.Batch
	for from := 0; from < cfg.Batch; from += n {
		exec, err := t.dev.Compile(p, t.store, n)
		if err != nil {
			test.Fatal(err)
		}
		var factors []float32
		for row := range p.Factors() {
			factors = append(factors, all[row*cfg.Batch+from:][:n]...)
		}
		err = errors.Join(exec.SetFactors(factors), exec.Forward(batch.Images[from*pixels:(from+n)*pixels], n),
			exec.CrossEntropy(batch.Labels[from:from+n], cfg.LabelSmoothing))
		if err != nil {
			test.Fatal(err)
		}
		one, _, err := exec.Loss()
		if err != nil {
			test.Fatal(err)
		}
		loss += one / float64(cfg.Shards)
	}
	return loss
}

// The emulated GPU follows the reference with drop-path, and goes on to the bit where it was interrupted.
func TestDropPathOnGPU(t *testing.T) {
	emulator := func() kernels.Device {
		g, err := emulated.New(emulated.Options{})
		if errors.Is(err, kernels.ErrUnsupported) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		dev, err := cuda.New(g, cuda.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return dev
	}
	cfg := dropConfig(9)
	want, _ := losses(t, ref.New(), cfg)
	got, tr := losses(t, emulator(), cfg)
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-4*want[i]) {
			t.Errorf("step %d: loss %v, on the reference %v", i, got[i], want[i])
		}
	}
	if !bytes.Equal(interrupted(t, emulator(), emulator(), cfg), readFile(t, checkpointPath(tr.dir))) {
		t.Error("the resumed run has another checkpoint")
	}
}

func TestDropPathErrors(t *testing.T) {
	for name, c := range map[string]struct {
		net    supernet.Config
		change func(*Config)
		want   string
	}{
		"out of range":  {dropNet, func(c *Config) { c.DropPath = 1 }, "train.drop_path 1: must be"},
		"uniform":       {dropNet, func(c *Config) { c.Sampling, c.Path, c.BNMomentum, c.EMA, c.TestEvery = Uniform, "", 0, 0, 0 }, "only a network on its own has drop-path"},
		"another space": {tiny(t), func(c *Config) { c.Path = fixedPath }, "train.drop_path 0.6: nas-bench-201 has no operator that is dropped; set it to 0"},
	} {
		cfg := dropConfig(8)
		c.change(&cfg)
		r := rigOn(t, ref.New(), c.net, cfg)
		if _, err := New(r.net, r.dev, r.store, r.loader, cfg, t.TempDir()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
