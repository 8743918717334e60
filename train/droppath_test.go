package train

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
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
		if got := c.DropProbability(step, 5, 20); math.Abs(got-want) > 1e-15 {
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
	if mean := sum / float64(len(a)); math.Abs(mean-1) > 0.02 {
		t.Errorf("mean factor %v", mean)
	}
}

// Training with drop-path gives the same bits on one thread and on two, and if it is interrupted.
func TestDropPathResumes(t *testing.T) {
	cfg := dropConfig(12)
	want := run(t, rigOn(t, engine(t, 1, cpu.Strict), dropNet, cfg).trainer(t, cfg, t.TempDir()))
	dir := t.TempDir()
	runUntil(t, rigOn(t, engine(t, 1, cpu.Strict), dropNet, cfg).trainer(t, cfg, dir), 7)
	tr := rigOn(t, engine(t, 2, cpu.Strict), dropNet, cfg).trainer(t, cfg, dir)
	if err := tr.Resume(); err != nil {
		t.Fatal(err)
	}
	if got := run(t, tr); !bytes.Equal(got, want) {
		t.Error("the resumed run has another checkpoint")
	}
}

// The first epoch, of 5 steps, drops nothing. A later step is the forward and backward pass with its factors, and the test
// after it is that of the network without.
func TestDropPathSteps(t *testing.T) {
	cfg := dropConfig(8)
	cfg.Schedule, cfg.EMA = Constant, 0
	losses := func(cfg Config, dev kernels.Device) ([]float64, *Trainer) {
		tr := rigOn(t, dev, dropNet, cfg).trainer(t, cfg, t.TempDir())
		var all []float64
		if err := tr.Run(t.Context(), func(p Progress) { all = append(all, p.Loss) }); err != nil {
			t.Fatal(err)
		}
		return all, tr
	}
	got, _ := losses(cfg, ref.New())
	none := cfg
	none.DropPath = 0
	plain, _ := losses(none, ref.New())
	if !slices.Equal(got[:5], plain[:5]) || got[5] == plain[5] {
		t.Errorf("losses %v, without drop-path %v", got, plain)
	}

	first := cfg
	first.Steps, first.DropPath = 5, 0
	_, tr := losses(first, ref.New())
	p, err := tr.net.DropPathProgram(tr.fixed)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := tr.loader.At(5)
	if err != nil {
		t.Fatal(err)
	}
	exec, err := tr.dev.Compile(p, tr.store, cfg.Batch)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.SetFactors(cfg.DropFactors(p.Factors(), 5, 0.6*5/8)); err != nil {
		t.Fatal(err)
	}
	if err := exec.Forward(batch.Images, cfg.Batch); err != nil {
		t.Fatal(err)
	}
	if err := exec.CrossEntropy(batch.Labels, cfg.LabelSmoothing); err != nil {
		t.Fatal(err)
	}
	if want, _, err := exec.Loss(); err != nil || got[5] != want {
		t.Errorf("loss of step 5 is %v, want %v (%v)", got[5], want, err)
	}
}

// noFactors is a device that has no drop-path.
type noFactors struct{ kernels.Device }

func (d noFactors) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	if p.Factors() > 0 {
		return nil, kernels.ErrUnsupported
	}
	return d.Device.Compile(p, s, n)
}

func TestDropPathErrors(t *testing.T) {
	for name, c := range map[string]struct {
		net    supernet.Config
		change func(*Config)
		want   string
	}{
		"out of range":   {dropNet, func(c *Config) { c.DropPath = 1 }, "train.drop_path 1: must be"},
		"uniform":        {dropNet, func(c *Config) { c.Sampling, c.Path, c.BNMomentum, c.EMA, c.TestEvery = Uniform, "", 0, 0, 0 }, "only a network on its own has drop-path"},
		"shards":         {dropNet, func(c *Config) { c.Shards, c.BNMomentum, c.TestEvery = 2, 0, 0 }, "train.shards 2: shards have no drop-path"},
		"another space":  {tiny(t), func(c *Config) { c.Path = fixedPath }, "train.drop_path 0.6: nas-bench-201 has no operator that is dropped; set it to 0"},
		"another device": {dropNet, func(*Config) {}, "train.drop_path 0.6: the device reference has no drop-path; cpu and reference have it"},
	} {
		cfg := dropConfig(8)
		c.change(&cfg)
		r := rigOn(t, noFactors{ref.New()}, c.net, cfg)
		if _, err := New(r.net, r.dev, r.store, r.loader, cfg, t.TempDir()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
