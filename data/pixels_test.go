package data

import (
	"slices"
	"testing"
)

// The pixels of a step, shown through their views and their table, are its images.
func TestPixels(t *testing.T) {
	set := synthetic(12, 6, 7)
	loader, err := NewLoader(set, nil, 5, Augment{PadCrop: 2, Flip: true, Cutout: 3}, 7)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 4 {
		want, err := loader.At(step)
		if err != nil {
			t.Fatal(err)
		}
		got, err := loader.PixelsAt(step)
		if err != nil {
			t.Fatal(err)
		}
		p, n := got.Pixels, loader.normal
		if got.Images != nil || !slices.Equal(got.Labels, want.Labels) || len(p.Table) != 256*len(n) {
			t.Fatalf("step %d: %d images, labels %v, a table of %d", step, len(got.Images), got.Labels, len(p.Table))
		}
		size := len(p.Bytes) / len(p.Views)
		images := make([]float32, len(want.Images))
		for k, v := range p.Views {
			n.write(images[k*size:(k+1)*size], p.Bytes[k*size:(k+1)*size], got.Height, got.Width, v)
		}
		if !slices.Equal(images, want.Images) {
			t.Errorf("step %d: other images", step)
		}
	}
	if _, err := loader.PixelsAt(-1); err == nil {
		t.Error("there is a step -1")
	}
}
