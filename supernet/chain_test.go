package supernet

import (
	"strings"
	"testing"
)

// TestActivationsOfChains: the stem's activation is applied once, by the layer behind it; the head has that of the file.
func TestActivationsOfChains(t *testing.T) {
	six := strings.Replace(ownText, "first: {operator: mb1_k3, out: 8}\n", "", 1)
	for _, c := range []struct{ name, chain, arch, want string }{
		{"nas-bench-macro", "", "00000000", "stem.0:linear features.0.downsample.0:relu features.2.downsample.0:linear features.5.downsample.0:linear out.0:linear out.3:relu classifier:linear"},
		{"nas-bench-macro", "", "10000000", "stem.0:linear features.0.conv.0:relu features.0.conv.3:relu features.0.conv.6:relu features.2.downsample.0:linear features.5.downsample.0:linear out.0:linear out.3:relu classifier:linear"},
		{"six-layers", ownText, "1 0 1 0 1 0", "stem.0:linear first.conv.0:relu6 first.conv.3:relu6 features.0.conv.0:linear features.0.conv.3:relu6 features.0.conv.6:relu6 " +
			"features.2.conv.0:linear features.2.conv.3:relu6 features.2.conv.6:relu6 features.4.conv.0:linear features.4.conv.3:relu6 features.4.conv.6:relu6 out.0:linear out.3:relu6 classifier:linear"},
		// The first layer adds the stem's output to its own: it is stored with its activation.
		{"six-layers", six, "1 0 1 0 1 0", "stem.0:linear stem.2:relu6 features.0.conv.0:linear features.0.conv.3:relu6 features.0.conv.6:relu6 " +
			"features.2.conv.0:linear features.2.conv.3:relu6 features.2.conv.6:relu6 features.4.conv.0:linear features.4.conv.3:relu6 features.4.conv.6:relu6 out.0:linear out.3:relu6 classifier:linear"},
	} {
		n := build(t, Config{Space: c.name, Chain: c.chain, BN: Standard})
		p := programOf(t, n, c.arch)
		if got := activations(p.Steps); got != c.want {
			t.Errorf("%s: %s\n%s\nwant\n%s", c.name, c.arch, got, c.want)
		}
	}
}

// TestCanonicalOfFixedLayers: a layer without a choice stays in place, and so does one with a stride. Identities move past a fixed
// identity, but not past a fixed block.
func TestCanonicalOfFixedLayers(t *testing.T) {
	for fixed, forms := range map[string]map[string]string{
		"{4: identity}": { // 3 and 5 are free
			"1 0 2 0 0 2 1 0": "1 0 2 2 0 0 1 0",
			"1 0 2 2 0 0 1 0": "1 0 2 2 0 0 1 0",
			"1 1 2 0 0 0 1 2": "1 1 2 0 0 0 1 2",
		},
		"{4: mb3_k3}": { // 2 before 1 is another network than 1 before 2
			"1 0 2 0 1 2 1 0": "1 0 2 0 1 2 1 0",
			"1 0 2 2 1 0 1 0": "1 0 2 2 1 0 1 0",
		},
		"{5: mb3_k3}": { // 3 and 4 are free
			"1 0 2 0 2 1 1 0": "1 0 2 2 0 1 1 0",
			"1 0 2 2 0 1 1 0": "1 0 2 2 0 1 1 0",
		},
	} {
		c, err := parseOwn(strings.NewReplacer("{0: mb3_k3, 5: identity}", fixed, "{out: 24, layers: 2", "{out: 24, layers: 4").Replace(ownText))
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range forms {
			a, err := c.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Canonical(a); got != want {
				t.Errorf("%s: %s: %s, want %s", fixed, text, got, want)
			}
		}
	}
}

// TestWidthOfChains: channels are scaled as the stem's, rounded to the nearest, and at least one.
func TestWidthOfChains(t *testing.T) {
	c, err := parseOwn(ownText) // a stem of 16
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct{ channels, stem, want int }{{24, 16, 24}, {24, 8, 12}, {24, 5, 8}, {24, 6, 9}, {24, 7, 11}, {24, 1, 2}, {20, 1, 1}, {7, 1, 1}, {24, 48, 72}} {
		if got := c.width(w.channels, Config{Channels: w.stem}); got != w.want {
			t.Errorf("%d channels with a stem of %d: %d, want %d", w.channels, w.stem, got, w.want)
		}
	}
}

// TestOrderOfChains: a chain has an order up to 2²⁰ architectures.
func TestOrderOfChains(t *testing.T) {
	for layers, want := range map[string]bool{"20": true, "21": false} {
		c, err := parseOwn(strings.NewReplacer("fixed: {0: mb3_k3, 5: identity}", "choices: [mb3_k3, mb6_k5]", "layers: 2, stride: 1}\n", "layers: "+layers+", stride: 1}\n",
			"  - {out: 24, layers: 2, stride: 2}\n  - {out: 32, layers: 2, stride: 2}\n", "").Replace(ownText))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := c.ordered().(Ordered); ok != want {
			t.Errorf("%s layers with two operators: %v architectures, an order: %v", layers, c.Count(), ok)
		}
	}
}
