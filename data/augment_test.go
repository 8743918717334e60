package data

import (
	"slices"
	"testing"

	"bnas.example/philox"
)

// naive computes Augment step by step: flip, border, crop, normalise, cutout.
func naive(m *memory, image []byte, border int, v View) []float32 {
	h, w := m.height, m.width
	bh, bw := h+2*border, w+2*border
	bordered := make([]byte, 3*bh*bw)
	for c := range 3 {
		for y := range h {
			for x := range w {
				from := x
				if v.Flip {
					from = w - 1 - x
				}
				bordered[(c*bh+y+border)*bw+x+border] = image[(c*h+y)*w+from]
			}
		}
	}
	out := make([]float32, 3*h*w)
	for c := range 3 {
		for y := range h {
			for x := range w {
				p := bordered[(c*bh+border+v.DY+y)*bw+border+v.DX+x]
				out[(c*h+y)*w+x] = float32((float64(p) - m.mean[c]) / m.std[c])
				if y >= v.Top && y < v.Bottom && x >= v.Left && x < v.Right {
					out[(c*h+y)*w+x] = 0
				}
			}
		}
	}
	return out
}

func TestAugmentAgainstNaive(t *testing.T) {
	m := synthetic(1, 7, 5)
	n := normalizer(m)
	image := read(t, m, 0)
	got := make([]float32, len(image))
	for _, a := range []Augment{{}, {PadCrop: 2}, {Flip: true}, {Cutout: 3}, {5, true, 4}, {1, true, 10}} {
		for i := range 200 {
			v := a.draw(philox.New(3, "augment", uint64(i)), 7, 5)
			for k := range got {
				got[k] = -1e9
			}
			n.write(got, image, 7, 5, v)
			if want := naive(m, image, a.PadCrop, v); !slices.Equal(got, want) {
				t.Fatalf("%+v: %+v: the image differs from the step-by-step one", a, v)
			}
		}
	}
}

func TestAugmentDraws(t *testing.T) {
	const n = 9000
	var dy, dx [5]int
	flips, area := 0, 0
	for i := range n {
		v := Augment{PadCrop: 2, Flip: true, Cutout: 4}.draw(philox.New(1, "augment", uint64(i)), 8, 8)
		dy[v.DY+2]++
		dx[v.DX+2]++
		if v.Flip {
			flips++
		}
		if v.Top < 0 || v.Left < 0 || v.Bottom > 8 || v.Right > 8 {
			t.Fatalf("%+v runs over the image", v)
		}
		area += (v.Bottom - v.Top) * (v.Right - v.Left)
	}
	for k := range 5 { // 1800 expected, standard deviation 38
		if dy[k] < 1640 || dy[k] > 1960 || dx[k] < 1640 || dx[k] > 1960 {
			t.Errorf("offset %d came %d times down and %d times across, of %d", k-2, dy[k], dx[k], n)
		}
	}
	if flips < n/2-200 || flips > n/2+200 {
		t.Errorf("%d flips of %d", flips, n)
	}
	// A square of 4 about centres 0…7 covers 2, 3, 4, 4, 4, 4, 4, 3 pixels of a side: 3.5 on average, 12.25 in area.
	if mean := float64(area) / n; mean < 12 || mean > 12.5 {
		t.Errorf("the mean area cut out is %.2f, want 12.25", mean)
	}
}

// A pixel cut out is uniform over an image that is no square.
func TestCutoutOfAllRowsAndColumns(t *testing.T) {
	const height, width = 9, 4
	rows, columns := map[int]bool{}, map[int]bool{}
	for i := range 200 {
		v := Augment{Cutout: 1}.draw(philox.New(1, "augment", uint64(i)), height, width)
		if v.Bottom != v.Top+1 || v.Right != v.Left+1 || v.Bottom > height || v.Right > width {
			t.Fatalf("%+v is no pixel of %d×%d", v, height, width)
		}
		rows[v.Top], columns[v.Left] = true, true
	}
	if len(rows) != height || len(columns) != width {
		t.Errorf("%d rows and %d columns of %d×%d in 200 draws", len(rows), len(columns), height, width)
	}
}

func TestAugmentLimits(t *testing.T) {
	for _, c := range []struct {
		height, width int
		a             Augment
		ok            bool
	}{
		{5, 5, Augment{PadCrop: -1}, false},
		{5, 5, Augment{PadCrop: 5}, true},
		{5, 5, Augment{PadCrop: 6}, false},
		{3, 5, Augment{PadCrop: 3}, true},
		{5, 3, Augment{PadCrop: 4}, false},
		{5, 5, Augment{Cutout: -1}, false},
		{5, 5, Augment{Cutout: 10}, true},
		{5, 5, Augment{Cutout: 11}, false},
		{3, 5, Augment{Cutout: 10}, true},
		{5, 3, Augment{Cutout: 11}, false},
	} {
		if _, err := NewLoader(synthetic(4, c.height, c.width), nil, 2, c.a, 1); (err == nil) != c.ok {
			t.Errorf("%+v for images of %d×%d: %v", c.a, c.height, c.width, err)
		}
	}
}
