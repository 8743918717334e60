package supernet

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// TestBlockGradient: NodeGradient between the two nodes of a block covers every path through the block, identities too.
func TestBlockGradient(t *testing.T) {
	for _, c := range []struct {
		arch string
		want float32 // the cell is this times its input
	}{
		{"|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|", 4},
		{"|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|", 1},
		{"|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", 1},
		{"|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|", 1}, // a branch of zeros
	} {
		n, a, device, store := initialised(t, Config{Space: "nas-bench-201", BN: Standard, Cells: 2, Channels: 2, Height: 8, Width: 8}, c.arch)
		defer device.Close()
		p, err := n.Program(a)
		if err != nil {
			t.Fatal(err)
		}
		exec, err := device.Compile(p, store, 2)
		if err != nil {
			t.Fatal(err)
		}
		images := make([]float32, 2*p.Values[kernels.Images].Len())
		philox.New(1, "images", 0).Normal(images, 1)
		if err := exec.Forward(images, 2); err != nil {
			t.Fatal(err)
		}
		cells := 0
		for _, block := range p.Blocks {
			if p.Nodes[block.In].Shape != p.Nodes[block.Out].Shape {
				continue // a reduction
			}
			cells++
			seed := make([]float32, 2*p.Nodes[block.Out].Len())
			philox.New(1, block.Name, 0).Normal(seed, 1)
			got := make([]float32, len(seed))
			if err := exec.NodeGradient(got, block.In, seed, block.Out); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i] != c.want*seed[i] {
					t.Fatalf("%s, %s: gradient %g of seed %g, want %g times it\n%v", c.arch, block.Name, got[i], seed[i], c.want, p)
				}
			}
		}
		if cells != 6 {
			t.Errorf("%s: %d cells, want 6", c.arch, cells)
		}
	}
}
