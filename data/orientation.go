package data

import "image"

// orientation is the value of EXIF's tag 0x0112: the side of the seen image on which the first row and column of the stored
// one are. 1 and values that are no orientation change nothing.
// Source: CIPA DC-008 (EXIF 2.32), section 4.6.4.
type orientation int

// sideways reports whether the stored rows are the seen columns.
func (o orientation) sideways() bool { return o >= 5 && o <= 8 }

// stored returns the size of the stored image for the size of the seen one.
func (o orientation) stored(height, width int) (h, w int) {
	if o.sideways() {
		return width, height
	}
	return height, width
}

// apply returns the image as it is to be seen.
func (o orientation) apply(from *image.RGBA) *image.RGBA {
	if o < 2 || o > 8 {
		return from
	}
	sh, sw := from.Rect.Dy(), from.Rect.Dx()
	h, w := o.stored(sh, sw)
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			sy, sx := y, x
			if o.sideways() {
				sy, sx = x, y
			}
			switch o {
			case 3, 4, 6, 7: // the first row is at the bottom or on the right
				sy = sh - 1 - sy
			}
			switch o {
			case 2, 3, 7, 8: // the first column is on the right or at the bottom
				sx = sw - 1 - sx
			}
			copy(to.Pix[to.PixOffset(x, y):][:4], from.Pix[from.PixOffset(sx, sy):][:4])
		}
	}
	return to
}
