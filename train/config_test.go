package train

import (
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestValidateNamesTheSetting(t *testing.T) {
	tests := map[string]func(*Config){
		"epochs":               func(c *Config) { c.Epochs = 0 },
		"steps":                func(c *Config) { c.Steps = -1 },
		"batch":                func(c *Config) { c.Batch = 0 },
		"shards":               func(c *Config) { c.Shards = 3 },
		"train":                func(c *Config) { c.Train = "some" },
		"sampling":             func(c *Config) { c.Sampling = "fair" },
		"optimizer":            func(c *Config) { c.Optimizer = "adam" },
		"momentum":             func(c *Config) { c.Momentum = 1 },
		"nesterov":             func(c *Config) { c.Nesterov, c.Momentum = true, 0 },
		"beta1":                func(c *Config) { c.Beta1 = -0.1 },
		"beta2":                func(c *Config) { c.Beta2 = 1 },
		"eps":                  func(c *Config) { c.Optimizer, c.Eps = RMSProp, 0 },
		"weight_decay":         func(c *Config) { c.WeightDecay = -1 },
		"weight_decay_weights": func(c *Config) { c.WeightDecayWeights = -1 },
		"clip_norm":            func(c *Config) { c.ClipNorm = -1 },
		"label_smoothing":      func(c *Config) { c.LabelSmoothing = 1 },
		"lr":                   func(c *Config) { c.LR = 0 },
		"min_lr":               func(c *Config) { c.MinLR = 1 },
		"schedule":             func(c *Config) { c.Schedule = "step" },
		"warmup_steps":         func(c *Config) { c.Steps, c.Warmup = 10, 10 },
		"checkpoint_every":     func(c *Config) { c.CheckpointEvery = -1 },
		"checkpoint_interval":  func(c *Config) { c.CheckpointInterval = -time.Second },
		"max_time":             func(c *Config) { c.MaxTime = -time.Second },
		"metrics_every":        func(c *Config) { c.MetricsEvery = 0 },
		"gamma_every":          func(c *Config) { c.GammaEvery = -1 },
		"rank_every":           func(c *Config) { c.RankEvery = -1 },
		"early_bird":           func(c *Config) { c.EarlyBird = true },
		"settled":              func(c *Config) { c.Settled = 2 },
		"patience":             func(c *Config) { c.EarlyBird, c.RankEvery, c.Patience = true, 1, 0 },
	}
	for name, spoil := range tests {
		c := Default()
		spoil(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), "train."+name+" ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: Validate gave %v, want one line that names the setting", name, err)
		}
	}
	for name := range settingNames() {
		if tests[name] == nil && name != "seed" {
			t.Errorf("%s: no case", name)
		}
	}
}

func settingNames() map[string]bool {
	names := map[string]bool{}
	for _, f := range settings("", Config{}) {
		names[f.Name] = true
	}
	return names
}

func TestConfigRoundTripsThroughYAML(t *testing.T) {
	want := Default()
	want.MaxTime = 90 * time.Minute
	text, err := yaml.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !strings.Contains(string(text), "max_time: 1h30m0s") {
		t.Errorf("a duration is not readable:\n%s", text)
	}
}
