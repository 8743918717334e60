package kernels

import (
	"errors"
	"fmt"
	"math"
)

// Pixels is a batch of images as bytes, a quarter of the floats that an augmentation makes of them: element (c, y, x) of image i is
// 0 where Views[i] cuts it out, and else Table[256·c + b] with b the byte of channel c that the view shows at (y, x), 0 outside of
// the image.
type Pixels struct {
	Bytes []byte      // N×C×H×W
	Views []PixelView // N
	Table []float32   // C×256
}

// PixelView is one outcome of an augmentation. Pixel (y, x) shows the original pixel (y+DY, x+DX), counted from the right if Flip is
// set. The half-open rectangle is cut out.
type PixelView struct {
	DY, DX                   int
	Flip                     bool
	Top, Left, Bottom, Right int
}

// PixelForwarder is an Exec of a device that makes images of Pixels itself.
type PixelForwarder interface {
	// ForwardPixels is Forward of the images.
	ForwardPixels(p Pixels, statRows int) error
}

// PixelBackend is a Backend whose Execs are PixelForwarders.
type PixelBackend interface{ TakesPixels() }

// TakesPixels reports whether ForwardPixels works on a device. Others are given images.
func TakesPixels(d Device) bool {
	g, ok := d.(*guard)
	if !ok {
		return false
	}
	_, ok = g.backend.(PixelBackend)
	return ok
}

// ForwardPixels is Forward of the images that p shows, on a device that makes them itself.
func ForwardPixels(e Exec, p Pixels, statRows int) error {
	g, ok := e.(*guardedExec)
	if !ok {
		return fmt.Errorf("pixels: %w", ErrUnsupported)
	}
	f, ok := g.exec.(PixelForwarder)
	if !ok {
		return g.wrap("ForwardPixels", ErrUnsupported)
	}
	if err := g.p.checkPixels(p); err != nil {
		return g.wrap("ForwardPixels", err)
	}
	return g.forward("ForwardPixels", len(p.Bytes), statRows, func() error { return f.ForwardPixels(p, statRows) })
}

// checkPixels returns an error if the parts of p do not belong to one batch of images of the program.
func (p *Program) checkPixels(x Pixels) error {
	s := p.Values[Images].Shape
	if err := checkLength("bytes", len(x.Bytes), len(x.Views)*s.Len()); err != nil {
		return err
	}
	if err := checkLength("table", len(x.Table), 256*s.C); err != nil {
		return err
	}
	for i, v := range x.Table {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("table: byte %d of channel %d is %v", i%256, i/256, v)
		}
	}
	for i, v := range x.Views {
		if v.Top < 0 || v.Left < 0 || v.Bottom > s.H || v.Right > s.W || v.DY < -s.H || v.DY > s.H || v.DX < -s.W || v.DX > s.W {
			return fmt.Errorf("view %d: %w", i, errOutside)
		}
	}
	return nil
}

var errOutside = errors.New("it is outside of the image")
