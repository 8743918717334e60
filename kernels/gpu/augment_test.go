//go:build cgo && linux && gpusim

package gpu_test

import (
	"testing"

	"bnas.example/data"
	"bnas.example/kernels/gpu"
	"bnas.example/philox"
)

// noise is a set of random images whose labels are their numbers.
type noise struct {
	channels, height, width int
	pixels                  []byte
}

func (s noise) Name() string              { return "noise" }
func (s noise) Len() int                  { return len(s.pixels) / (s.channels * s.height * s.width) }
func (s noise) Classes() []string         { return nil }
func (s noise) Size() (height, width int) { return s.height, s.width }
func (s noise) Label(i int) int           { return i }
func (s noise) Channels() int             { return s.channels }
func (s noise) Normal() (mean, std []float64) {
	return []float64{120.5, 130.25, 99.75}[:s.channels], []float64{60.1, 50.2, 70.3}[:s.channels]
}
func (s noise) Hash() string { return "" }
func (s noise) Read(dst []byte, i int) error {
	copy(dst, s.pixels[i*len(dst):])
	return nil
}

// draw is what data.Augment draws for an image.
func draw(s *philox.Stream, a data.Augment, height, width int) (v gpu.View) {
	if a.PadCrop > 0 {
		v.Dy = int64(s.IntN(2*a.PadCrop+1) - a.PadCrop)
		v.Dx = int64(s.IntN(2*a.PadCrop+1) - a.PadCrop)
	}
	if a.Flip {
		v.Flip = int64(s.Uint32() & 1)
	}
	if a.Cutout > 0 {
		top, left := s.IntN(height)-a.Cutout/2, s.IntN(width)-a.Cutout/2
		v.Top, v.Left, v.Bottom, v.Right = int64(top), int64(left), int64(top+a.Cutout), int64(left+a.Cutout)
	}
	return v
}

// The device makes the bits of a batch that data.Loader makes.
func TestAugment(t *testing.T) {
	for seed, c := range []struct {
		channels int
		augment  data.Augment
	}{
		{3, data.Augment{}}, {3, data.Augment{Flip: true}}, {3, data.Augment{PadCrop: 2, Flip: true}},
		{3, data.Augment{PadCrop: 5, Flip: true, Cutout: 4}}, {1, data.Augment{PadCrop: 2, Flip: true, Cutout: 3}},
	} {
		t.Log(describe(uint64(seed), c))
		a := c.augment
		k := newKit(t, uint64(seed))
		set := noise{channels: c.channels, height: 5, width: 7, pixels: make([]byte, 12*c.channels*5*7)}
		for i := range set.pixels {
			set.pixels[i] = byte(k.rng.Uint32())
		}
		const batch = 9
		size := c.channels * 5 * 7
		loader, err := data.NewLoader(set, nil, batch, a, uint64(seed))
		if err != nil {
			t.Fatal(err)
		}
		b, err := loader.At(1)
		if err != nil {
			t.Fatal(err)
		}
		var src []byte
		var views []gpu.View
		for i, label := range b.Labels {
			src = append(src, set.pixels[label*size:(label+1)*size]...)
			views = append(views, draw(philox.New(uint64(seed), "augment", uint64(batch+i)), a, set.height, set.width))
		}
		var table []float32
		mean, std := set.Normal()
		for c := range mean {
			for v := range 256 {
				table = append(table, float32((float64(v)-mean[c])/std[c]))
			}
		}
		dst := k.alloc(4 * len(src))
		k.launch("augment", 2, 1, 256, 0, dst, put(k, src...), put(k, views...), put(k, table...), batch, c.channels, set.height, set.width)
		want := b.Images
		for i, got := range get[float32](k, dst, len(src)) {
			if got != want[i] {
				t.Fatalf("element %d is %v, want %v", i, got, want[i])
			}
		}
	}
}
