package train

import (
	"math"
	"strings"
	"testing"

	"bnas.example/kernels/ref"
	"bnas.example/supernet"
)

// headConfig trains a network of DARTS with its auxiliary head, on images of 32×32 pixels.
func headConfig(steps int) (supernet.Config, Config) {
	net := dropNet
	net.Height, net.Width, net.Channels = 32, 32, 2
	cfg := dropConfig(steps)
	cfg.AuxWeight = 0.4
	return net, cfg
}

// The loss of a step is the network's plus 0.4 times the head's. The running statistics after a step are those of the network.
func TestAuxiliaryLoss(t *testing.T) {
	net, cfg := headConfig(1)
	cfg.DropPath = 0
	first := func(cfg Config) (float64, *Trainer) {
		tr := rigOn(t, ref.New(), net, cfg).trainer(t, cfg, t.TempDir())
		loss := 0.0
		if err := tr.Run(t.Context(), func(p Progress) { loss = p.Loss }); err != nil {
			t.Fatal(err)
		}
		return loss, tr
	}
	total, headed := first(cfg)
	double := cfg
	double.AuxWeight = 0.8
	more, _ := first(double)
	none := cfg
	none.AuxWeight = 0
	main, plain := first(none)
	head := (total - main) / 0.4
	if !(math.Abs(more-main-0.8*head) <= 1e-12) || head < 0.5 || head > 3 {
		t.Errorf("losses %v, %v and %v at the weights 0, 0.4 and 0.8", main, total, more)
	}
	if got, want := headed.running.Mean, plain.running.Mean; len(got) != len(want) || got[len(got)-1] != want[len(want)-1] {
		t.Errorf("%d running means, the last %v; without a head %d and %v", len(got), got[len(got)-1], len(want), want[len(want)-1])
	}
}

func TestAuxiliaryErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"out of range": {func(c *Config) { c.AuxWeight = math.Inf(1) }, "train.auxiliary_weight +Inf: must be"},
		"uniform": {func(c *Config) {
			c.Sampling, c.Path, c.DropPath, c.BNMomentum, c.EMA, c.TestEvery = Uniform, "", 0, 0, 0, 0
		}, "only a network on its own has an auxiliary head"},
	} {
		net, cfg := headConfig(4)
		c.change(&cfg)
		r := rigOn(t, ref.New(), net, cfg)
		if _, err := New(r.net, r.dev, r.store, r.loader, cfg, t.TempDir()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
