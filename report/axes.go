package report

import (
	"math"
	"strconv"
)

// A scale maps values to a stretch of the drawing.
type scale struct {
	lo, hi   float64 // values
	from, to float64 // coordinates
}

func (s scale) at(v float64) float64 { return s.from + (v-s.lo)/(s.hi-s.lo)*(s.to-s.from) }

// span returns the range of the finite values. ok is false if there are none.
func span(columns ...[]float64) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, column := range columns {
		for _, v := range column {
			if finite(v) {
				lo, hi, ok = min(lo, v), max(hi, v), true
			}
		}
	}
	return lo, hi, ok
}

// widen adds a margin to a range. If all values are equal, it makes a range of positive width.
func widen(lo, hi float64) (float64, float64) {
	if hi-lo <= 1e-12*max(math.Abs(lo), math.Abs(hi)) {
		pad := max(math.Abs(lo)*0.05, 1e-6)
		return lo - pad, hi + pad
	}
	pad := (hi - lo) * 0.04
	return lo - pad, hi + pad
}

// ticks returns about n round values in [lo, hi], at least two: multiples of 1, 2 or 5 times a power of ten. The ticks of
// gonum.org/v1/plot would bring its fonts and its back ends for PDF and TeX into the command.
func ticks(lo, hi float64, n int) []float64 {
	raw := (hi - lo) / float64(max(n, 1))
	if !(raw > 0) || !finite(raw) {
		return nil
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	steps := []float64{power / 5, power / 2, power, 2 * power, 5 * power, 10 * power}
	at := 2
	for at < len(steps)-1 && steps[at] < raw {
		at++
	}
	out := multiples(lo, hi, steps[at], n)
	for len(out) < 2 && at > 0 { // the next finer step has at least twice as many
		at--
		out = multiples(lo, hi, steps[at], n)
	}
	return out
}

// multiples returns the multiples of step in [lo, hi], a few more than n at most.
func multiples(lo, hi, step float64, n int) (out []float64) {
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9 && len(out) <= 4*n+4; i++ {
		out = append(out, i*step+0)
	}
	return out
}

// tickText writes a tick with enough digits to differ from its neighbours.
func tickText(v float64, all []float64) string {
	step := 1.0
	if len(all) > 1 {
		step = all[1] - all[0]
	}
	largest := 0.0
	for _, t := range all {
		largest = max(largest, math.Abs(t))
	}
	switch {
	case largest >= 1e15 || (largest > 0 && largest < 1e-4):
		digits := max(1, 1+int(math.Ceil(math.Log10(largest/step)-1e-9)))
		return minus(strconv.FormatFloat(v, 'g', digits, 64))
	case largest >= 1e4:
		return siStep(v, largest, step)
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	return minus(strconv.FormatFloat(v, 'f', digits, 64))
}

// siStep writes large ticks in thousands, millions or billions.
func siStep(v, largest, step float64) string {
	unit, name := 1e3, "k"
	switch {
	case largest >= 1e9:
		unit, name = 1e9, "G"
	case largest >= 1e6:
		unit, name = 1e6, "M"
	}
	if v == 0 {
		return "0"
	}
	digits := max(0, int(math.Ceil(-math.Log10(step/unit)-1e-9)))
	return minus(strconv.FormatFloat(v/unit, 'f', digits, 64)) + name
}

// A panel is a drawing with two axes. The data is in its inner rectangle.
type panel struct {
	*drawing
	x, y scale
}

// Margins of a panel, in the drawing's units.
const (
	marginLeft, marginRight = 46, 18
	marginTop, marginBottom = 26, 36
)

// newPanel draws the title, the grid and the ticks of a panel for the given ranges.
func newPanel(width, height float64, title, xName string, xLo, xHi, yLo, yHi float64) *panel {
	p := &panel{drawing: newDrawing(width, height, title)}
	p.x = scale{xLo, xHi, marginLeft, width - marginRight}
	p.y = scale{yLo, yHi, height - marginBottom, marginTop}
	p.text("title", "start", marginLeft, 15, title)
	yTicks := ticks(yLo, yHi, 5)
	for _, t := range yTicks {
		p.line("grid", p.x.from, p.y.at(t), p.x.to, p.y.at(t))
		p.text("tick", "end", p.x.from-6, p.y.at(t)+3.5, tickText(t, yTicks))
	}
	xTicks := ticks(xLo, xHi, int(width/75))
	for _, t := range xTicks {
		p.line("mark", p.x.at(t), p.y.from, p.x.at(t), p.y.from+4)
		p.text("tick", "middle", p.x.at(t), p.y.from+16, tickText(t, xTicks))
	}
	p.line("axis", p.x.from, p.y.from, p.x.to, p.y.from)
	p.text("name", "end", p.x.to, height-6, xName)
	return p
}
