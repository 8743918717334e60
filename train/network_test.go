package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"bnas.example/data"
	"bnas.example/kernels"
)

func ownConfig(steps int) Config {
	c := fixedConfig(steps)
	c.BNMomentum, c.EMA, c.TestEvery = 0.1, 0.9, 1
	return c
}

// follower repeats the formulas of running statistics and average for the steps of a trainer, from what the store and a second
// Exec show.
type follower struct {
	mean, variance []float64
	average        [][]float32
}

// TestRunningStatisticsAndAverage compares each step with PyTorch's formulas, computed here from the batch and the store.
func TestRunningStatisticsAndAverage(t *testing.T) {
	const steps = 4
	cfg := ownConfig(steps)
	// One trainer per length: its last state shows what k steps give.
	var want follower
	for k := range steps + 1 {
		cfg := cfg
		cfg.Schedule = Constant
		cfg.Steps = max(k, 1)
		r := newRig(t, tiny(t), cfg)
		tr := r.trainer(t, cfg, t.TempDir())
		if k == 0 {
			want.average = own(t, tr)
			n := tr.network.BNParams() / 2
			want.mean, want.variance = make([]float64, n), slices.Repeat([]float64{1}, n)
			continue
		}
		want.batch(t, r, tr, k-1, cfg)
		run(t, tr)
		for id, v := range own(t, tr) {
			for i := range v {
				want.average[id][i] = 0.9*want.average[id][i] + 0.1*v[i]
			}
		}
		p, err := Restore(tr.dir, r.net, r.store)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want.mean {
			if d := math.Abs(p.Running.Mean[i] - want.mean[i]); !(d <= 1e-9) {
				t.Fatalf("after %d steps: running mean %d is %v, want %v", k, i, p.Running.Mean[i], want.mean[i])
			}
			if d := math.Abs(p.Running.Variance[i]/want.variance[i] - 1); !(d <= 1e-9) {
				t.Fatalf("after %d steps: running variance %d is %v, want %v", k, i, p.Running.Variance[i], want.variance[i])
			}
		}
		for j, v := range own(t, tr) { // Restore has written the averages
			for i := range v {
				if d := math.Abs(float64(v[i] - want.average[j][i])); !(d <= 1e-6) {
					t.Fatalf("after %d steps: average of %s is %v, want %v", k, r.net.Params()[tr.trained[j]].Name, v[i], want.average[j][i])
				}
			}
		}
	}
}

// batch adds the statistics of the batch of a step, with the parameters before that step.
func (f *follower) batch(t *testing.T, r rig, tr *Trainer, step int, cfg Config) {
	t.Helper()
	other := newRig(t, tiny(t), cfg)
	if step > 0 {
		c := cfg
		c.Steps, c.EMA = step, 0
		run(t, other.trainer(t, c, t.TempDir()))
	}
	b, err := r.loader.At(step)
	if err != nil {
		t.Fatal(err)
	}
	exec, err := other.dev.Compile(tr.network, other.store, len(b.Labels))
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Forward(b.Images, len(b.Labels)); err != nil {
		t.Fatal(err)
	}
	mean, variance := make([]float64, len(f.mean)), make([]float64, len(f.mean))
	if err := exec.Statistics(mean, variance); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, bn := range tr.network.BNs {
		v := tr.network.Values[bn.Value]
		m := float64(len(b.Labels) * v.H * v.W)
		for range v.C {
			f.mean[at] = 0.9*f.mean[at] + 0.1*mean[at]
			f.variance[at] = 0.9*f.variance[at] + 0.1*variance[at]*m/(m-1)
			at++
		}
	}
}

// own returns the values of the trained parameters.
func own(t *testing.T, tr *Trainer) [][]float32 {
	t.Helper()
	v, err := kernels.ReadEach(tr.store, kernels.Data, tr.trained...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The network is tested after each epoch of 5 steps and after the last step, with its averages and running statistics.
func TestTestsEachEpoch(t *testing.T) {
	cfg := ownConfig(12)
	r := newRig(t, tiny(t), cfg)
	tr := r.trainer(t, cfg, t.TempDir())
	run(t, tr)
	var steps []float64
	lines := kinds(metricLines(t, tr.dir), "test")
	for _, l := range lines {
		steps = append(steps, l["step"].(float64))
	}
	if !slices.Equal(steps, []float64{5, 10, 12}) {
		t.Errorf("tests at steps %v", steps)
	}
	p, err := Restore(tr.dir, r.net, r.store)
	if err != nil {
		t.Fatal(err)
	}
	best := 0.0
	for _, l := range lines {
		best = max(best, l["accuracy"].(float64))
	}
	last := lines[len(lines)-1]
	if p.Tests.Step != 12 || p.Tests.Best.Top1 != best || p.Tests.Last.NLL != last["nll"] || last["images"] != 13.0 {
		t.Errorf("tests %+v, lines %v", p.Tests, lines)
	}
	exec, err := r.dev.Compile(tr.network, r.store, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.SetStatistics(p.Running.Mean, p.Running.Variance); err != nil {
		t.Fatal(err)
	}
	again, err := measure(each([]data.Batch{testBatch(t, 0, 8), testBatch(t, 8, 5)}), on(exec))
	if err != nil || again != p.Tests.Last {
		t.Errorf("the restored network has %+v, the last test %+v (%v)", again, p.Tests.Last, err)
	}
}

func TestNetworkSettings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"statistics of a supernet": {func(c *Config) { c.Sampling, c.Path, c.EMA, c.TestEvery = Uniform, "", 0, 0 }, "only a network on its own has running statistics"},
		"average of a supernet":    {func(c *Config) { c.Sampling, c.Path, c.BNMomentum, c.TestEvery = Uniform, "", 0, 0 }, "only a network on its own has an average"},
		"shards":                   {func(c *Config) { c.Shards = 2 }, "the statistics of shards have no running value"},
		"test without statistics":  {func(c *Config) { c.BNMomentum = 0 }, "a test needs running statistics"},
		"images without a test":    {func(c *Config) { c.TestEvery, c.TestImages = 0, 5 }, "there is no test"},
	} {
		cfg := ownConfig(2)
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := ownConfig(2).Validate(); err != nil {
		t.Error(err)
	}
	cfg := ownConfig(2)
	tr := fresh(t, cfg, t.TempDir())
	tr.Test = nil
	if err := tr.Run(t.Context(), nil); err == nil || exists(tr.dir) {
		t.Errorf("training without test images: %v", err)
	}
}

// TestLossOfATestIsNotFinite: a test whose loss is not a number ends the run with the step and a remedy. It has no result.
func TestLossOfATestIsNotFinite(t *testing.T) {
	tr := fresh(t, ownConfig(2), t.TempDir())
	bad := testBatch(t, 0, 4)
	bad.Images[0] = float32(math.Inf(1))
	tr.Test = each([]data.Batch{bad})
	err := tr.Run(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "step 2: test: the loss with the running statistics is NaN") || !strings.Contains(err.Error(), "take a lower lr") {
		t.Errorf("%v", err)
	}
	if tr.state.Tests != (Tests{}) {
		t.Errorf("the test has the result %v", tr.state.Tests)
	}
	if at, err := ReadPosition(tr.dir); err != nil || at.Step != 2 {
		t.Errorf("the checkpoint is at step %d, %v, want all 2 that were made", at.Step, err)
	}
}
