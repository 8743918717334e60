package supernet

import (
	"slices"
	"testing"

	"bnas.example/kernels"
)

// TestGreyCosts: the first convolution has one input channel. The figures are those of the colour networks less two thirds of
// that convolution.
func TestGreyCosts(t *testing.T) {
	for _, c := range []struct {
		config       Config
		arch         string
		params, macs int64
	}{
		// 16 filters of 3×3 at 32×32 pixels: 73,306 − 2·16·9 and 7,783,040 − 288·1024.
		{Config{Space: "nas-bench-201"}, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 73018, 7488128},
		// 3·36 filters of 3×3 at 32×32: 3,349,342 − 2·108·9 and 528,359,040 − 1944·1024.
		{Config{Space: "darts", Channels: 36, Cells: 6}, dartsV2, 3347398, 526368384},
		// 40 filters of 3×3 at 112×112: 5,228,536 − 2·40·9 and 471,822,240 − 720·12544.
		{Config{Space: "bn-nas"}, bnnasGenotype, 5227816, 462790560},
	} {
		c.config.BN, c.config.ImageChannels = Standard, 1
		n := build(t, c.config)
		a, err := n.Space.Parse(c.arch)
		if err != nil {
			t.Fatal(err)
		}
		got := n.Space.Cost(a, n.Config)
		if got.MACs != c.macs || got.Params != c.params {
			t.Errorf("%s: %d parameters, %d MACs, want %d, %d", c.config.Space, got.Params, got.MACs, c.params, c.macs)
		}
	}
}

// TestGreyNetworks: of each space with each stem, the networks for grey images differ from those for colour in the weights of
// the first convolution alone, and the closed form of the costs is that of the Programs.
func TestGreyNetworks(t *testing.T) {
	for _, cfg := range everyStem() {
		cfg.BN, cfg.Channels, cfg.Height, cfg.Width = Fair, 4, 32, 32
		colour := build(t, cfg)
		cfg.ImageChannels = 1
		grey := build(t, cfg)
		first, less := 0, 0
		for i, p := range grey.Params() {
			q := colour.Params()[i]
			if slices.Equal(p.Shape, q.Shape) && p.Name == q.Name {
				continue
			}
			first++
			less = q.Len() - p.Len()
			if want := []int{q.Shape[0], 1, q.Shape[2], q.Shape[3]}; i != 0 || p.Name != q.Name || q.Shape[1] != 3 || !slices.Equal(p.Shape, want) {
				t.Errorf("%s %s: parameter %d: %s %v, for colour %s %v", cfg.Space, cfg.Stem, i, p.Name, p.Shape, q.Name, q.Shape)
			}
		}
		if first != 1 || len(grey.Params()) != len(colour.Params()) {
			t.Errorf("%s %s: %d parameters of %d differ from the %d for colour", cfg.Space, cfg.Stem, first, len(grey.Params()), len(colour.Params()))
		}
		for _, a := range spread(grey.Space, 2) {
			p, err := grey.Program(a)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			cost, inColour := grey.Space.Cost(a, grey.Config), grey.Space.Cost(a, colour.Config)
			if want := (kernels.Shape{C: 1, H: 32, W: 32}); p.Values[kernels.Images].Shape != want || p.MACs() != cost.MACs {
				t.Errorf("%s %s: images %v, %d MACs, want %v, %d", cfg.Space, cfg.Stem, p.Values[kernels.Images].Shape, p.MACs(), want, cost.MACs)
			}
			if inColour.Params-cost.Params != int64(less) || inColour.BNParams != cost.BNParams || inColour.Depth != cost.Depth {
				t.Errorf("%s %s: cost %+v, for colour %+v", cfg.Space, cfg.Stem, cost, inColour)
			}
		}
	}
}

// TestImageChannels: three channels and none given are one configuration, and the metadata of a network keep the number.
func TestImageChannels(t *testing.T) {
	for given, kept := range map[int]int{0: 0, 1: 1, 3: 0} {
		n := build(t, Config{Space: "nas-bench-201", Channels: 4, Cells: 1, ImageChannels: given})
		if n.Config.ImageChannels != kept {
			t.Errorf("image_channels %d became %d, want %d", given, n.Config.ImageChannels, kept)
		}
		m := n.Metadata(spread(n.Space, 1)[0])
		text, ok := m["image_channels"]
		if ok != (kept == 1) || ok && text != "1" {
			t.Errorf("image_channels %d: metadata have %q", given, text)
		}
		if c, _, err := ParseMetadata(m); err != nil || c.ImageChannels != kept {
			t.Errorf("image_channels %d: read as %d, %v", given, c.ImageChannels, err)
		}
	}
}
