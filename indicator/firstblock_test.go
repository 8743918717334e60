package indicator

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// The first block of every space runs alone, on images of 3×3 pixels. That of DARTS with the stem of
// ImageNet has two inputs: it does not.
func TestFirstBlock(t *testing.T) {
	for _, space := range supernet.Spaces() {
		configs := []supernet.Config{space.Defaults()}
		if space.Name() == "darts" {
			large := space.Defaults()
			large.Stem, large.Height, large.Width = "imagenet", 64, 64
			configs = append(configs, large)
		}
		for _, c := range configs {
			net, err := supernet.New(c)
			if err != nil {
				t.Fatal(err)
			}
			thin, err := thinnest(net)
			if err != nil {
				t.Fatal(err)
			}
			p, err := thin.Program(supernet.Random(space, philox.New(1, "arch", 0)))
			if err != nil {
				t.Fatal(err)
			}
			block, err := firstBlock(thin, p, nil, regionPixels)
			if err != nil {
				t.Fatalf("%s: %v", space.Name(), err)
			}
			if two := c.Stem == "imagenet"; two != (block == nil) {
				t.Errorf("%s, stem %q: block is %v", space.Name(), c.Stem, block)
			}
			if block == nil {
				continue
			}
			dev := ref.New()
			defer dev.Close()
			exec, err := block.compile(dev, 4)
			if err != nil {
				t.Fatalf("%s: %v", space.Name(), err)
			}
			image := block.program.Values[kernels.Images]
			if image.H != regionPixels || image.W != regionPixels {
				t.Errorf("%s: images of %v", space.Name(), image.Shape)
			}
			if err := exec.Forward(ones(4*image.Len()), 4); err != nil {
				t.Errorf("%s: %v", space.Name(), err)
			}
		}
	}
}
