package train

import (
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// fixedPath is a network of tiny's space.
const fixedPath = "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"

func fixedConfig(steps int) Config {
	c := quick(steps)
	c.Train, c.Sampling, c.Path = supernet.All, Fixed, fixedPath
	return c
}

// A fixed path trains every parameter of its network, and no other one.
func TestFixedPathTrainsItsNetwork(t *testing.T) {
	cfg := fixedConfig(150)
	cfg.LR, cfg.MetricsEvery, cfg.GammaEvery = 0.1, 30, 0
	r := newRig(t, tiny(t), cfg)
	before := values(t, r.store)
	tr := r.trainer(t, cfg, t.TempDir())
	run(t, tr)
	a, err := r.net.Space.Parse(fixedPath)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	own := r.net.Trainable(supernet.All, p)
	for id, v := range values(t, r.store) {
		changed := !slices.Equal(before[id], v)
		if want := slices.Contains(own, kernels.ParamID(id)); changed != want {
			t.Errorf("%s: changed %v, want %v", r.net.Params()[id].Name, changed, want)
		}
	}
	lines := kinds(metricLines(t, tr.dir), "step")
	if from, to := lines[0]["loss"].(float64), lines[len(lines)-1]["loss"].(float64); !(to <= 0.7*from) {
		t.Errorf("loss went from %.3f to %.3f, want a fall of 30 %%", from, to)
	}
}

func TestFixedPathErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no path":         {func(c *Config) { c.Path = "" }, "train.path is missing"},
		"path of uniform": {func(c *Config) { c.Sampling = Uniform }, "train.sampling uniform draws its own"},
		"another space":   {func(c *Config) { c.Path = "22212220" }, `train.path "22212220": `},
		"dead": {func(c *Config) { c.Path = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|" },
			"no path leads from its input to its output"},
	} {
		cfg := fixedConfig(2)
		c.change(&cfg)
		r := newRig(t, tiny(t), cfg)
		_, err := New(r.net, r.dev, r.store, r.loader, cfg, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q in one line", name, err, c.want)
		}
	}
}
