package kerneltest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// pixels: a device that takes Pixels gives the logits of the images that they show, to the bit, again and after other images; it
// refuses parts that do not belong together. Other devices refuse all.
func pixels(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 8, H: 6, W: 5}, 4)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	x := c.pixels(1)
	if !kernels.TakesPixels(s.d) {
		if err := kernels.ForwardPixels(s.e, x, c.N); !errors.Is(err, kernels.ErrUnsupported) {
			return fmt.Errorf("a device that takes no pixels: error %v", err)
		}
		return s.d.Close()
	}
	if err := refused(s.wrongPixels(x)); err != nil {
		return err
	}
	other := c.pixels(2)
	for _, p := range []kernels.Pixels{x, x, other, x} {
		got := make([]float32, c.N*c.Program.Classes())
		if err := errors.Join(kernels.ForwardPixels(s.e, p, c.N), s.e.Logits(got)); err != nil {
			return err
		}
		want, err := s.logits(shownBy(p, c.Program.Values[kernels.Images].Shape), c.N)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return errors.New("pixels have other logits than the images that they show")
		}
		if err := errors.Join(kernels.ForwardPixels(s.e, p, c.N), s.e.Logits(got)); err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return errors.New("pixels have other logits after images")
		}
	}
	return s.d.Close()
}

// pixels draws bytes, a table and views: one that changes nothing, one that shows nothing, and others.
func (c *Case) pixels(seed uint64) kernels.Pixels {
	shape := c.Program.Values[kernels.Images].Shape
	r := philox.New(seed, "kerneltest pixels", 0)
	x := kernels.Pixels{Bytes: make([]byte, c.N*shape.Len()), Views: make([]kernels.PixelView, c.N), Table: make([]float32, 256*shape.C)}
	for i := range x.Bytes {
		x.Bytes[i] = byte(r.Uint32())
	}
	r.Normal(x.Table, 1)
	for i := range x.Views[1:] {
		x.Views[i+1] = kernels.PixelView{
			DY: r.IntN(2*shape.H+1) - shape.H, DX: r.IntN(5) - 2, Flip: i%2 == 0, Top: r.IntN(shape.H), Left: r.IntN(shape.W), Bottom: shape.H, Right: r.IntN(shape.W),
		}
	}
	x.Views[len(x.Views)-1].DY = shape.H
	return x
}

// shownBy returns the images that x shows.
func shownBy(x kernels.Pixels, s kernels.Shape) []float32 {
	images := make([]float32, len(x.Bytes))
	for i := range images {
		at := i % (s.H * s.W)
		y, column, plane := at/s.W, at%s.W, i-at
		v := x.Views[i/s.Len()]
		if v.Top <= y && y < v.Bottom && v.Left <= column && column < v.Right {
			continue
		}
		fromY, fromX := y+v.DY, column+v.DX
		if v.Flip {
			fromX = s.W - 1 - fromX
		}
		b := byte(0)
		if fromY >= 0 && fromY < s.H && fromX >= 0 && fromX < s.W {
			b = x.Bytes[plane+fromY*s.W+fromX]
		}
		images[i] = x.Table[256*(i/(s.H*s.W)%s.C)+int(b)]
	}
	return images
}

// wrongPixels lists calls with parts that do not belong together.
func (s *session) wrongPixels(x kernels.Pixels) []refusal {
	call := func(change func(p *kernels.Pixels)) func() error {
		return func() error {
			p := kernels.Pixels{Bytes: slices.Clone(x.Bytes), Views: slices.Clone(x.Views), Table: slices.Clone(x.Table)}
			change(&p)
			return kernels.ForwardPixels(s.e, p, len(p.Views))
		}
	}
	zero := float32(0)
	return []refusal{
		{"pixels of a byte less", call(func(p *kernels.Pixels) { p.Bytes = p.Bytes[1:] })},
		{"pixels of a view less", call(func(p *kernels.Pixels) { p.Views = p.Views[1:] })},
		{"pixels of a shorter table", call(func(p *kernels.Pixels) { p.Table = p.Table[1:] })},
		{"pixels of no image", call(func(p *kernels.Pixels) { p.Bytes, p.Views = nil, nil })},
		{"pixels with a table of NaN", call(func(p *kernels.Pixels) { p.Table[0] = zero / zero })},
		{"a view that cuts out more than the image", call(func(p *kernels.Pixels) { p.Views[0].Bottom = 7 })},
		{"a view that cuts out before the image", call(func(p *kernels.Pixels) { p.Views[0].Left = -1 })},
		{"a view beyond measure", call(func(p *kernels.Pixels) { p.Views[0].DY = math.MinInt })},
		{"a view far away", call(func(p *kernels.Pixels) { p.Views[0].DX = -6 })},
	}
}
