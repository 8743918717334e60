package report

import (
	"fmt"
	"unicode/utf8"
)

// A share is the frequency of an operator in the best architectures and in the whole space.
type share struct {
	operator    string
	best, whole float64
}

// shareChart draws two bars for each operator.
func shareChart(width float64, title string, shares []share, hues []string) string {
	const row, left = 34, 128
	d := newDrawing(width, 30+row*float64(len(shares))+22, title)
	d.text("title", "start", 0, 15, title)
	most := 0.0
	for _, s := range shares {
		most = max(most, s.best, s.whole)
	}
	if most <= 0 {
		return ""
	}
	x := scale{0, most * 1.02, left, width - 52}
	bottom := 30 + row*float64(len(shares))
	all := ticks(0, most*100, 5)
	for _, t := range all {
		at := x.at(t / 100)
		d.line("grid", at, 26, at, bottom)
		d.text("tick", "middle", at, bottom+14, tickText(t, all)+" %")
	}
	for i, s := range shares {
		y := 30 + row*float64(i)
		d.text("label", "end", left-8, y+14.5, s.operator)
		d.bar("fill "+hues[i], left, y+3, x.at(s.best)-left, 14, fmt.Sprintf("%s: %s of the best", s.operator, percent(s.best)))
		d.bar("ghost", left, y+19, x.at(s.whole)-left, 7, fmt.Sprintf("%s: %s of the whole space", s.operator, percent(s.whole)))
		d.text("tick", "start", x.at(s.best)+5, y+14, percent(s.best))
	}
	return d.String()
}

// Stack is one bar of a chart of shares.
type Stack struct {
	Name   string
	Shares []float64 // of the parts
}

// stackedChart draws a bar for each row, divided among the parts.
func stackedChart(width float64, title string, parts func(row int) []string, rows []Stack, hueOf func(string) string) string {
	const step = 26
	longestName := 0
	for _, r := range rows {
		longestName = max(longestName, utf8.RuneCountInString(r.Name))
	}
	left := max(92, 14+6.9*float64(longestName))
	d := newDrawing(width, 30+step*float64(len(rows))+4, title)
	d.text("title", "start", 0, 15, title)
	for i, r := range rows {
		y := 30 + step*float64(i)
		d.text("label", "end", left-8, y+14, r.Name)
		x := left
		for k, name := range parts(i) {
			w := r.Shares[k] * (width - left - 4)
			if w <= 0 {
				continue
			}
			d.bar("fill "+hueOf(name), x+0.5, y+2, max(w-1, 0.4), step-8, fmt.Sprintf("%s = %s: %s", r.Name, name, percent(r.Shares[k])))
			x += w
		}
	}
	return d.String()
}
