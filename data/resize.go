package data

import (
	"fmt"
	"image"
	"sync"

	"golang.org/x/image/draw"
)

// checkRead returns an error if a call of Read would read beyond the set or write beyond the buffer.
func checkRead(s Set, dst []byte, i int) error {
	if i < 0 || i >= s.Len() {
		return fmt.Errorf("data: %s has no image %d: it holds %d", s.Name(), i, s.Len())
	}
	h, w := s.Size()
	if c := s.Channels(); len(dst) != c*h*w {
		return fmt.Errorf("data: %s: a buffer of %d bytes for an image of %d×%d×%d", s.Name(), len(dst), c, h, w)
	}
	return nil
}

// resize returns the set with images of another size, by bilinear filtering. If images shrink, the support of the filter
// grows with the factor, so that it averages areas.
func resize(s Set, height, width int) Set {
	h, w := s.Size()
	if h == height && w == width {
		return s
	}
	r := &resized{Set: s, height: height, width: width, scaler: draw.BiLinear.NewScaler(width, height, w, h)}
	r.scratch.New = func() any {
		return &scratch{
			planes: make([]byte, s.Channels()*h*w),
			from:   image.NewRGBA(image.Rect(0, 0, w, h)),
			to:     image.NewRGBA(image.Rect(0, 0, width, height)),
		}
	}
	return r
}

type resized struct {
	Set
	height, width int
	scaler        draw.Scaler
	scratch       sync.Pool
}

type scratch struct {
	planes   []byte
	from, to *image.RGBA
}

func (r *resized) Size() (height, width int) { return r.height, r.width }

func (r *resized) Read(dst []byte, i int) error {
	if err := checkRead(r, dst, i); err != nil {
		return err
	}
	s := r.scratch.Get().(*scratch)
	defer r.scratch.Put(s)
	if err := r.Set.Read(s.planes, i); err != nil {
		return err
	}
	interleave(s.from.Pix, s.planes)
	r.scaler.Scale(s.to, s.to.Bounds(), s.from, s.from.Bounds(), draw.Src, nil)
	planar(dst, s.to.Pix)
	return nil
}

// interleave turns the planes of one or three channels into opaque RGBA pixels.
func interleave(rgba, planes []byte) {
	n := len(rgba) / 4
	green, blue := 0, 0
	if len(planes) == colour*n {
		green, blue = n, 2*n
	}
	for i := range n {
		p := rgba[4*i : 4*i+4]
		p[0], p[1], p[2], p[3] = planes[i], planes[green+i], planes[blue+i], 0xff
	}
}

// planar turns RGBA pixels, whose alpha is dropped, into planes: of three channels, or of red alone.
func planar(planes, rgba []byte) {
	n := len(rgba) / 4
	for c := range len(planes) / n {
		for i := range n {
			planes[c*n+i] = rgba[4*i+c]
		}
	}
}

// pad returns the set with larger images: each image gets a border of zeros.
func pad(s Set, height, width int) Set {
	h, w := s.Size()
	if h == height && w == width {
		return s
	}
	p := &padded{Set: s, height: height, width: width}
	p.scratch.New = func() any { b := make([]byte, s.Channels()*h*w); return &b }
	return p
}

type padded struct {
	Set
	height, width int
	scratch       sync.Pool
}

func (p *padded) Size() (height, width int) { return p.height, p.width }

func (p *padded) Read(dst []byte, i int) error {
	if err := checkRead(p, dst, i); err != nil {
		return err
	}
	b := p.scratch.Get().(*[]byte)
	defer p.scratch.Put(b)
	if err := p.Set.Read(*b, i); err != nil {
		return err
	}
	clear(dst)
	h, w := p.Set.Size()
	top, left := (p.height-h)/2, (p.width-w)/2
	for c := range p.Channels() {
		for y := range h {
			at := (c*p.height+top+y)*p.width + left
			copy(dst[at:at+w], (*b)[(c*h+y)*w:])
		}
	}
	return nil
}
