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

// View is one outcome of an augmentation. Pixel (y, x) shows the original pixel (y+DY, x+DX), counted from the right if
// Flip is set. The half-open rectangle is cut out.
type View struct {
	DY, DX                   int
	Flip                     bool
	Top, Left, Bottom, Right int
}

// draw draws from the stream only the numbers that it needs, in this order: dy, dx, flip, row and column of the centre.
func (a Augment) draw(s *philox.Stream, height, width int) View {
	var v View
	if a.PadCrop > 0 {
		v.DY = s.IntN(2*a.PadCrop+1) - a.PadCrop
		v.DX = s.IntN(2*a.PadCrop+1) - a.PadCrop
	}
	if a.Flip {
		v.Flip = s.Uint32()&1 == 1
	}
	if a.Cutout > 0 {
		v.Top = s.IntN(height) - a.Cutout/2
		v.Left = s.IntN(width) - a.Cutout/2
		v.Bottom, v.Right = min(v.Top+a.Cutout, height), min(v.Left+a.Cutout, width)
		v.Top, v.Left = max(v.Top, 0), max(v.Left, 0)
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

// table returns the values of all channels, one after the other.
func (n normal) table() []float32 {
	var all []float32
	for c := range n {
		all = append(all, n[c][:]...)
	}
	return all
}

// write applies the view to the planes of an image and normalises them. dst and src are channels×height×width.
func (n normal) write(dst []float32, src []byte, height, width int, v View) {
	from, to := max(0, -v.DX), min(width, width-v.DX) // the columns that show a column of the original
	for c := range n {
		table := &n[c]
		for y := range height {
			row := dst[(c*height+y)*width:][:width]
			sy := y + v.DY
			if sy < 0 || sy >= height {
				fill(row, table[0])
				continue
			}
			fill(row[:from], table[0])
			fill(row[to:], table[0])
			original := src[(c*height+sy)*width:][:width]
			if v.Flip {
				for x := from; x < to; x++ {
					row[x] = table[original[width-1-x-v.DX]]
				}
			} else {
				for x := from; x < to; x++ {
					row[x] = table[original[x+v.DX]]
				}
			}
		}
		for y := v.Top; y < v.Bottom; y++ {
			clear(dst[(c*height+y)*width+v.Left : (c*height+y)*width+v.Right])
		}
	}
}

func fill(row []float32, value float32) {
	for x := range row {
		row[x] = value
	}
}
