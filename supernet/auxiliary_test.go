package supernet

import (
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// headNet is a DARTS supernet with an auxiliary head, and its configuration.
func headNet(t *testing.T, change func(*Config)) *Net {
	t.Helper()
	c := Config{Space: "darts", BN: Standard, Channels: 36, Cells: 6, Height: 32, Width: 32, Classes: 10, Seed: 1}
	change(&c)
	n, err := NewAuxiliary(c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// params is the number of elements of the parameters that a Program uses.
func params(p *kernels.Program) (n int) {
	for _, shape := range p.Shapes() {
		size := 1
		for _, d := range shape {
			size *= d
		}
		n += size
	}
	return n
}

// The head has the parameters of the authors' code, counted by hand: of DARTS_V2 for CIFAR-10 (36 channels, 4·144 at the second
// reduction cell) and for ImageNet (48 channels, 4·192).
func TestAuxiliaryHead(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		head   int
		stride int
	}{
		"cifar": {func(*Config) {}, 576*128 + 2*128 + 128*768*4 + 2*768 + 768*10 + 10, 3},
		"imagenet": {func(c *Config) {
			c.Channels, c.Cells, c.Height, c.Width, c.Classes, c.Stem = 48, 4, 224, 224, 1000, "imagenet"
		}, 768*128 + 2*128 + 128*768*4 + 768*1000 + 1000, 2},
	} {
		net := headNet(t, c.change)
		a, err := net.Space.Parse(dartsV2)
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.TrainingProgram(a, Training{AuxWeight: 0.4})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := net.Program(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := params(p) - params(plain); got != c.head {
			t.Errorf("%s: the head has %d parameters, want %d", name, got, c.head)
		}
		if cost := net.Space.Cost(a, net.Config); int64(params(plain)) != cost.Params || plain.AuxWeight != 0 || len(plain.Classifiers()) != 1 {
			t.Errorf("%s: the network has %d parameters and %d classifiers, its costs say %d", name, params(plain), len(plain.Classifiers()), cost.Params)
		}
		both := p.Classifiers()
		if len(both) != 2 || both[1].LossWeight != 0.4 || both[1].Name != "auxiliary_head.classifier" || both[1].Act != kernels.ReLU {
			t.Errorf("%s: classifiers %+v", name, both)
		}
		pool := slices.IndexFunc(p.Steps, func(s kernels.Step) bool { return s.Name == "auxiliary_head.features.1" })
		if w := p.Steps[pool].Window; w != (kernels.Window{Kernel: 5, Stride: c.stride, Dilation: 1}) {
			t.Errorf("%s: the pool has the window %v", name, w)
		}
		for part, act := range map[string]kernels.Activation{"auxiliary_head.features.1": kernels.ReLU, "auxiliary_head.features.2": kernels.Linear, "auxiliary_head.features.5": kernels.ReLU,
			"stem0.0": kernels.Linear, "stem0.3": kernels.ReLU, "stem1.1": kernels.ReLU} {
			i := slices.IndexFunc(p.Steps, func(s kernels.Step) bool { return s.Name == part })
			if stem := strings.HasPrefix(part, "stem"); i < 0 && !(stem && name == "cifar") || i >= 0 && p.Steps[i].Act != act {
				t.Errorf("%s: step %d, %s, does not read the %v of its input", name, i, part, act)
			}
		}
		names, err := net.ExportNames(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if strings.HasPrefix(n, "auxiliary") {
				t.Errorf("%s: the exported network has %s", name, n)
			}
		}
	}
}

// The parameters of the network have the same initial values beside a head, and the network has the same logits, to the bit.
func TestAuxiliaryLeavesTheNetwork(t *testing.T) {
	small := func(c *Config) { c.Channels, c.Cells, c.Classes = 2, 1, 3 }
	headed := headNet(t, small)
	plain := build(t, headed.Config)
	a, err := plain.Space.Parse(dartsV2)
	if err != nil {
		t.Fatal(err)
	}
	images := make([]float32, 2*3*32*32)
	for i := range images {
		images[i] = float32(i%251)/125 - 1
	}
	logits := func(net *Net, training Training) []float32 {
		p, err := net.TrainingProgram(a, training)
		if err != nil {
			t.Fatal(err)
		}
		d := ref.New()
		defer d.Close()
		s, err := net.NewStore(d)
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Compile(p, s, 2)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, 6)
		if err := e.Forward(images, 2); err != nil {
			t.Fatal(err)
		}
		if err := e.Logits(out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := logits(plain, Training{})
	if got := logits(headed, Training{AuxWeight: 0.4}); !slices.Equal(got, want) {
		t.Errorf("logits %v with a head, %v without", got, want)
	}
	if got := logits(headed, Training{}); !slices.Equal(got, want) {
		t.Errorf("logits %v, %v of the supernet without a head", got, want)
	}
}

func TestAuxiliaryErrors(t *testing.T) {
	c := headNet(t, func(c *Config) { c.Channels, c.Cells = 2, 1 }).Config
	for want, change := range map[string]func(*Config){
		"nas-bench-201 has no auxiliary head":                                    func(c *Config) { *c = Config{Space: "nas-bench-201", BN: Standard} },
		"with the stem cifar is for images of 32 or 36 or 40 pixels a side, not": func(c *Config) { c.Height = 44 },
		"with the stem imagenet is for images of 224 or 256 pixels a side, not":  func(c *Config) { c.Stem, c.Height, c.Width = "imagenet", 224, 192 },
	} {
		changed := c
		change(&changed)
		if _, err := NewAuxiliary(changed); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	net := build(t, c)
	a, err := net.Space.Parse(dartsV2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.TrainingProgram(a, Training{AuxWeight: 0.4}); err == nil || !strings.Contains(err.Error(), "the supernet is without an auxiliary head") {
		t.Errorf("error %v", err)
	}
}
