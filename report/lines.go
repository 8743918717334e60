package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// longest is the largest number of points of a drawn curve. A longer curve is averaged over intervals, with a band from the
// least to the greatest value of each interval.
const longest = 240

// Level is a value to compare others with: a dashed line with its name.
type Level struct {
	Value float64
	Name  string
}

// lineChart draws curves over steps. hues[i] is the colour class of curves[i]. It is empty if no curve has a finite point.
func lineChart(width, height float64, title, xName string, curves []Curve, hues []string, levels ...Level) string {
	var xs, ys [][]float64
	for _, c := range curves {
		x, y := finitePoints(c.X, c.Y)
		xs, ys = append(xs, x), append(ys, y)
	}
	xLo, xHi, ok := span(xs...)
	if !ok {
		return ""
	}
	yLo, yHi, _ := span(append(slices.Clone(ys), bounds(curves)...)...)
	for _, l := range levels {
		yLo, yHi = min(yLo, l.Value), max(yHi, l.Value)
	}
	yLo, yHi = widen(yLo, yHi)
	if xHi <= xLo {
		xLo, xHi = xLo-0.5, xHi+0.5
	}
	p := newPanel(width, height, title, xName, xLo, xHi, yLo, yHi)
	for _, l := range levels {
		p.line("bound", p.x.from, p.y.at(l.Value), p.x.to, p.y.at(l.Value))
		p.text("tick", "end", p.x.to-3, p.y.at(l.Value)-4, l.Name)
	}
	for i, c := range curves {
		p.band(hues[i], c)
		p.curve(hues[i], xs[i], ys[i])
	}
	return p.String()
}

// bounds returns the bounds of all curves.
func bounds(curves []Curve) (all [][]float64) {
	for _, c := range curves {
		all = append(all, c.Low, c.High)
	}
	return all
}

// band fills the area between the bounds of a curve, where both are finite.
func (p *panel) band(hue string, c Curve) {
	var x, lo, hi []float64
	for i := range min(len(c.X), len(c.Low), len(c.High)) {
		if finite(c.X[i]) && finite(c.Low[i]) && finite(c.High[i]) {
			x, lo, hi = append(x, c.X[i]), append(lo, c.Low[i]), append(hi, c.High[i])
		}
	}
	if len(x) > 1 {
		p.area("band "+hue, x, lo, hi)
	}
}

// area fills what is between two curves.
func (p *panel) area(class string, x, lo, hi []float64) {
	var b strings.Builder
	p.trace(&b, "M", x, hi)
	for i := len(x) - 1; i >= 0; i-- {
		b.WriteString("L" + coord(p.x.at(x[i])) + " " + coord(p.y.at(lo[i])))
	}
	p.path(class, b.String()+"Z")
}

// finitePoints returns the points that are finite, without a copy if all are.
func finitePoints(xs, ys []float64) (x, y []float64) {
	infinite := func(v float64) bool { return !finite(v) }
	if len(xs) == len(ys) && !slices.ContainsFunc(xs, infinite) && !slices.ContainsFunc(ys, infinite) {
		return xs, ys
	}
	for i := range min(len(xs), len(ys)) {
		if finite(xs[i]) && finite(ys[i]) {
			x, y = append(x, xs[i]), append(y, ys[i])
		}
	}
	return x, y
}

func (p *panel) curve(hue string, x, y []float64) {
	if len(x) == 1 {
		p.marker("dot "+hue, p.x.at(x[0]), p.y.at(y[0]), 2.5, number(y[0]))
		return
	}
	if len(x) > longest {
		var lo, hi []float64
		x, y, lo, hi = thin(x, y)
		p.area("band "+hue, x, lo, hi)
	}
	var line strings.Builder
	p.trace(&line, "M", x, y)
	p.path("curve "+hue, line.String())
}

func (p *panel) trace(b *strings.Builder, first string, x, y []float64) {
	for i := range x {
		b.WriteString(first + coord(p.x.at(x[i])) + " " + coord(p.y.at(y[i])))
		first = "L"
	}
}

// thin averages a curve over intervals of equal numbers of points.
func thin(x, y []float64) (mx, my, lo, hi []float64) {
	for k := range longest {
		a, b := k*len(x)/longest, (k+1)*len(x)/longest
		sx, sy, l, h := 0.0, 0.0, math.Inf(1), math.Inf(-1)
		for i := a; i < b; i++ {
			sx, sy, l, h = sx+x[i], sy+y[i], min(l, y[i]), max(h, y[i])
		}
		n := float64(b - a)
		mx, my, lo, hi = append(mx, sx/n), append(my, sy/n), append(lo, l), append(hi, h)
	}
	return mx, my, lo, hi
}

// hue is the colour class of the i-th of several things.
func hue(i int) string { return "s" + strconv.Itoa(i%hueCount) }

const hueCount = 8
