package report

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"regexp"
	"strconv"

	"golang.org/x/image/vector"
)

// point is a place of a picture, in pixels.
type point struct{ x, y float64 }

// line is a row of straight pieces.
type line []point

// canvas fills and strokes lines on a picture.
type canvas struct{ img *image.RGBA }

// fill fills a closed line.
func (c canvas) fill(l line, with color.Color) {
	if len(l) < 2 {
		return
	}
	size := c.img.Bounds().Size()
	r := vector.NewRasterizer(size.X, size.Y)
	r.MoveTo(float32(l[0].x), float32(l[0].y))
	for _, p := range l[1:] {
		r.LineTo(float32(p.x), float32(p.y))
	}
	r.ClosePath()
	r.Draw(c.img, c.img.Bounds(), image.NewUniform(with), image.Point{})
}

// stroke draws a line of a width. Its outline runs along one side and back along the other; the corners are mitred. A line that ends
// where it begins is closed.
func (c canvas) stroke(l line, width float64, with color.Color) {
	l = l.distinct()
	n := len(l)
	if n < 2 {
		return
	}
	closed := l[0] == l[n-1]
	var left, right line
	for i, p := range l {
		before, after := max(i-1, 0), min(i+1, n-1)
		if closed && i == 0 {
			before = n - 2
		}
		if closed && i == n-1 {
			after = 1
		}
		m := mitre(l[before], p, l[after])
		left = append(left, point{p.x + m.x*width/2, p.y + m.y*width/2})
		right = append(line{{p.x - m.x*width/2, p.y - m.y*width/2}}, right...)
	}
	c.fill(append(left, right...), with)
}

// mitre returns the direction, and the distance for a line of width 2, from a corner to its outline.
func mitre(before, at, after point) point {
	first, second := normal(before, at), normal(at, after)
	if before == at {
		first = second
	}
	if at == after {
		second = first
	}
	sum := point{first.x + second.x, first.y + second.y}
	scale := 2 / max(sum.x*sum.x+sum.y*sum.y, 0.5) // sharp corners are cut
	return point{sum.x * scale, sum.y * scale}
}

// normal is the unit vector at a right angle to a piece.
func normal(from, to point) point {
	dx, dy := to.x-from.x, to.y-from.y
	length := max(math.Hypot(dx, dy), 1e-9)
	return point{-dy / length, dx / length}
}

// distinct leaves out points that are those before.
func (l line) distinct() line {
	var out line
	for i, p := range l {
		if i == 0 || p != l[i-1] {
			out = append(out, p)
		}
	}
	return out
}

// dashes cuts a line into dashes of a length, with gaps as long.
func (l line) dashes(length float64) (all []line) {
	var dash line
	at := 0.0 // along the line
	for i := 1; i < len(l); i++ {
		from, to := l[i-1], l[i]
		piece := math.Hypot(to.x-from.x, to.y-from.y)
		for done := 0.0; done < piece; {
			within := math.Mod(at, 2*length)
			step := min(piece-done, length-math.Mod(within, length))
			place := func(d float64) point {
				return point{from.x + (to.x-from.x)*d/piece, from.y + (to.y-from.y)*d/piece}
			}
			if within < length {
				if len(dash) == 0 {
					dash = line{place(done)}
				}
				dash = append(dash, place(done+step))
			} else if len(dash) > 0 {
				all, dash = append(all, dash), nil
			}
			done, at = done+step, at+max(step, 1e-6)
		}
	}
	if len(dash) > 0 {
		all = append(all, dash)
	}
	return all
}

// curvePieces is the number of straight pieces of a curve.
const curvePieces = 32

// curve adds a cubic Bézier curve from the last point.
func (l line) curve(a, b, end point) line {
	from := l[len(l)-1]
	for i := 1; i <= curvePieces; i++ {
		t := float64(i) / curvePieces
		s := 1 - t
		of := func(p0, p1, p2, p3 float64) float64 { return s*s*s*p0 + 3*s*s*t*p1 + 3*s*t*t*p2 + t*t*t*p3 }
		l = append(l, point{of(from.x, a.x, b.x, end.x), of(from.y, a.y, b.y, end.y)})
	}
	return l
}

// rounded is the outline of a rectangle whose corners have a radius.
func rounded(x, y, w, h, radius float64) line {
	r := min(radius, w/2, h/2)
	k := r * 0.5523 // of a Bézier curve that is nearly a quarter of a circle
	l := line{{x + r, y}, {x + w - r, y}}
	l = l.curve(point{x + w - r + k, y}, point{x + w, y + r - k}, point{x + w, y + r})
	l = append(l, point{x + w, y + h - r})
	l = l.curve(point{x + w, y + h - r + k}, point{x + w - r + k, y + h}, point{x + w - r, y + h})
	l = append(l, point{x + r, y + h})
	l = l.curve(point{x + r - k, y + h}, point{x, y + h - r + k}, point{x, y + h - r})
	l = append(l, point{x, y + r})
	return l.curve(point{x, y + r - k}, point{x + r - k, y}, point{x + r, y})
}

// pathToken is a command of a path, or one of its numbers.
var pathToken = regexp.MustCompile(`[A-Za-z]|-?[0-9.]+`)

// pathOf reads the data of a path. z closes a line; a path that ends with h, v and l closes in the same way when it is filled.
func pathOf(data string) (lines []line, err error) {
	words := pathToken.FindAllString(data, -1)
	numbers := func(n int) ([]float64, error) {
		if len(words) < n {
			return nil, fmt.Errorf("path %q ends early", data)
		}
		all := make([]float64, n)
		for i := range all {
			if all[i], err = strconv.ParseFloat(words[i], 64); err != nil {
				return nil, err
			}
		}
		words = words[n:]
		return all, nil
	}
	var at line
	for len(words) > 0 {
		command := words[0]
		words = words[1:]
		v, err := numbers(map[string]int{"M": 2, "C": 6, "l": 2, "z": 0, "H": 1, "V": 1, "h": 1, "v": 1}[command])
		if err != nil {
			return nil, err
		}
		if command != "M" && len(at) == 0 {
			return nil, fmt.Errorf("path %q begins nowhere", data)
		}
		var last point
		if len(at) > 0 {
			last = at[len(at)-1]
		}
		switch command {
		case "M":
			if len(at) > 0 {
				lines = append(lines, at)
			}
			at = line{{v[0], v[1]}}
		case "H":
			at = append(at, point{v[0], last.y})
		case "V":
			at = append(at, point{last.x, v[0]})
		case "h":
			at = append(at, point{last.x + v[0], last.y})
		case "v":
			at = append(at, point{last.x, last.y + v[0]})
		case "l":
			at = append(at, point{last.x + v[0], last.y + v[1]})
		case "C":
			at = at.curve(point{v[0], v[1]}, point{v[2], v[3]}, point{v[4], v[5]})
		case "z":
			at = append(at, at[0])
		default:
			return nil, fmt.Errorf("path %q: %s is in no graph", data, command)
		}
	}
	return append(lines, at), nil
}
