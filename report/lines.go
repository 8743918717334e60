package report

import (
	"math"
	"strconv"
	"strings"
)

// longest is the largest number of points of a drawn curve. A longer curve is averaged over intervals, with a band from the
// least to the greatest value of each interval.
const longest = 240

// A level is a value to compare a curve with: a dashed line with its name.
type level struct {
	value float64
	name  string
}

// lineChart draws curves over steps. hues[i] is the colour class of curves[i]. It is empty if no curve has a finite point.
func lineChart(width, height float64, title, xName string, curves []Curve, hues []string, levels ...level) string {
	var xs, ys [][]float64
	for _, c := range curves {
		x, y := finitePoints(c.X, c.Y)
		xs, ys = append(xs, x), append(ys, y)
	}
	xLo, xHi, ok := span(xs...)
	if !ok {
		return ""
	}
	yLo, yHi, _ := span(ys...)
	for _, l := range levels {
		yLo, yHi = min(yLo, l.value), max(yHi, l.value)
	}
	yLo, yHi = widen(yLo, yHi)
	if xHi <= xLo {
		xLo, xHi = xLo-0.5, xHi+0.5
	}
	p := newPanel(width, height, title, xName, xLo, xHi, yLo, yHi)
	for _, l := range levels {
		p.line("bound", p.x.from, p.y.at(l.value), p.x.to, p.y.at(l.value))
		p.text("tick", "end", p.x.to-3, p.y.at(l.value)-4, l.name)
	}
	for i := range curves {
		p.curve(hues[i], xs[i], ys[i])
	}
	return p.String()
}

func finitePoints(xs, ys []float64) (x, y []float64) {
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
		var band strings.Builder
		p.trace(&band, "M", x, hi)
		for i := len(x) - 1; i >= 0; i-- {
			band.WriteString("L" + coord(p.x.at(x[i])) + " " + coord(p.y.at(lo[i])))
		}
		p.path("band "+hue, band.String()+"Z")
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
