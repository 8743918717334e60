package data

import (
	"fmt"

	"bnas.example/philox"
)

// Augment selects the augmentation of training images, in the order of PyTorch's CIFAR pipelines: flip, crop, normalise,
// cutout. The zero value changes nothing.
type Augment struct {
	PadCrop int  `yaml:"pad_crop" range:"[0,4096]"` // width of a border of zero bytes; a random crop has the original size
	Flip    bool `yaml:"flip"`                      // mirror images left to right, each with probability 1/2
	Cutout  int  `yaml:"cutout" range:"[0,8192]"`   // side of a square set to the mean, around a random pixel (DeVries and Taylor 2017)
}

func (a Augment) check(height, width int) error {
	if side := min(height, width); a.PadCrop < 0 || a.PadCrop > side {
		return fmt.Errorf("data: pad_crop %d is not in 0…%d, the side of the images", a.PadCrop, side)
	}
	if side := 2 * max(height, width); a.Cutout < 0 || a.Cutout > side {
		return fmt.Errorf("data: cutout %d is not in 0…%d, twice the side of the images", a.Cutout, side)
	}
	return nil
}

// view is one outcome of an augmentation. Pixel (y, x) shows the original pixel (y+dy, x+dx), counted from the right if
// flip is set. The half-open rectangle is cut out.
type view struct {
	dy, dx                   int
	flip                     bool
	top, left, bottom, right int
}

// draw draws from the stream only the numbers that it needs, in this order: dy, dx, flip, row and column of the centre.
func (a Augment) draw(s *philox.Stream, height, width int) view {
	var v view
	if a.PadCrop > 0 {
		v.dy = s.IntN(2*a.PadCrop+1) - a.PadCrop
		v.dx = s.IntN(2*a.PadCrop+1) - a.PadCrop
	}
	if a.Flip {
		v.flip = s.Uint32()&1 == 1
	}
	if a.Cutout > 0 {
		v.top = s.IntN(height) - a.Cutout/2
		v.left = s.IntN(width) - a.Cutout/2
		v.bottom, v.right = min(v.top+a.Cutout, height), min(v.left+a.Cutout, width)
		v.top, v.left = max(v.top, 0), max(v.left, 0)
	}
	return v
}

// normal maps a byte of each channel to (byte − mean)/std.
type normal [][256]float32

func normalizer(s Set) normal {
	mean, std := s.Normal()
	n := make(normal, len(mean))
	for c := range n {
		for v := range n[c] {
			n[c][v] = float32((float64(v) - mean[c]) / std[c])
		}
	}
	return n
}

// write applies the view to the planes of an image and normalises them. dst and src are channels×height×width.
func (n normal) write(dst []float32, src []byte, height, width int, v view) {
	from, to := max(0, -v.dx), min(width, width-v.dx) // the columns that show a column of the original
	for c := range n {
		table := &n[c]
		for y := range height {
			row := dst[(c*height+y)*width:][:width]
			sy := y + v.dy
			if sy < 0 || sy >= height {
				fill(row, table[0])
				continue
			}
			fill(row[:from], table[0])
			fill(row[to:], table[0])
			original := src[(c*height+sy)*width:][:width]
			if v.flip {
				for x := from; x < to; x++ {
					row[x] = table[original[width-1-x-v.dx]]
				}
			} else {
				for x := from; x < to; x++ {
					row[x] = table[original[x+v.dx]]
				}
			}
		}
		for y := v.top; y < v.bottom; y++ {
			clear(dst[(c*height+y)*width+v.left : (c*height+y)*width+v.right])
		}
	}
}

func fill(row []float32, value float32) {
	for x := range row {
		row[x] = value
	}
}
