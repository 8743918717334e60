package report

import "strings"

// crowd is the number of points above which a cloud is rounded to whole units of the drawing. Points at one place are then
// written once.
const crowd = 1500

// A spot is a point of its own in a scatter plot.
type spot struct {
	x, y  float64
	class string
	title string
}

// scatterChart draws a cloud, a staircase through front (in order of x), and spots. It is empty if no point of the cloud is
// finite. Other values that are not finite are left out.
func scatterChart(width, height float64, title, xName string, x, y, frontX, frontY []float64, spots []spot) string {
	x, y = finitePoints(x, y)
	if len(x) == 0 {
		return ""
	}
	xs, ys := [][]float64{x}, [][]float64{y}
	frontX, frontY = finitePoints(frontX, frontY)
	xs, ys = append(xs, frontX), append(ys, frontY)
	for _, s := range spots {
		sx, sy := finitePoints([]float64{s.x}, []float64{s.y})
		xs, ys = append(xs, sx), append(ys, sy)
	}
	xLo, xHi, _ := span(xs...)
	yLo, yHi, _ := span(ys...)
	xLo, xHi = widen(xLo, xHi)
	yLo, yHi = widen(yLo, yHi)
	p := newPanel(width, height, title, xName, xLo, xHi, yLo, yHi)
	p.cloud(x, y)
	p.front(frontX, frontY)
	for _, s := range spots {
		if finite(s.x) && finite(s.y) {
			p.marker(s.class, p.x.at(s.x), p.y.at(s.y), 5, s.title)
		}
	}
	return p.String()
}

// cloud is one path of zero-length strokes with round caps: the smallest way to write many dots.
func (p *panel) cloud(x, y []float64) {
	var b strings.Builder
	seen := make([][]bool, int(p.x.to)+2) // by whole units across and down
	for i := range x {
		px, py := p.x.at(x[i]), p.y.at(y[i])
		if len(x) > crowd {
			across, down := int(px+0.5), int(py+0.5)
			if seen[across] == nil {
				seen[across] = make([]bool, int(p.y.from)+2) // y grows upwards
			}
			if seen[across][down] {
				continue
			}
			seen[across][down] = true
			px, py = float64(across), float64(down)
		}
		b.WriteString("M" + coord(px) + " " + coord(py) + "h0")
	}
	class := "cloud"
	if len(x) > 300 {
		class = "cloud fine"
	}
	p.path(class, b.String())
}

func (p *panel) front(x, y []float64) {
	if len(x) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString("M" + coord(p.x.at(x[0])) + " " + coord(p.y.at(y[0])))
	for i := 1; i < len(x); i++ {
		b.WriteString("H" + coord(p.x.at(x[i])) + "V" + coord(p.y.at(y[i])))
	}
	p.path("front", b.String())
	for i := range x {
		p.marker("frontdot", p.x.at(x[i]), p.y.at(y[i]), 2.6, number(y[i]))
	}
}
