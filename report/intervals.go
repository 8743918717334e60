package report

import (
	"fmt"
	"unicode/utf8"
)

// Estimate is a figure with its interval. Its colour is that of Group. If Value is NaN, it has a name alone.
type Estimate struct {
	Name, Group      string
	Value, Low, High float64 // NaN bounds: no interval
}

// intervalChart draws a dot for each estimate, and a line from Low to High. Of successive estimates of one name, the first has it. It is empty without a finite value.
func intervalChart(width float64, title, xName string, estimates []Estimate, hueOf func(string) string, levels []Level) string {
	const step = 21
	var values []float64
	longestName := 0
	for _, e := range estimates {
		values = append(values, e.Value, e.Low, e.High)
		longestName = max(longestName, utf8.RuneCountInString(e.Name))
	}
	for _, l := range levels {
		values = append(values, l.Value)
	}
	lo, hi, ok := span(values)
	if !ok {
		return ""
	}
	lo, hi = widen(lo, hi)
	left := 14 + 6.9*float64(longestName)
	bottom := 40 + step*float64(len(estimates))
	d := newDrawing(width, bottom+34, title)
	d.text("title", "start", 0, 15, title)
	x := scale{lo, hi, left, width - 14}
	all := ticks(lo, hi, 6)
	for _, t := range all {
		d.line("grid", x.at(t), 34, x.at(t), bottom)
		d.text("tick", "middle", x.at(t), bottom+14, tickText(t, all))
	}
	for _, l := range levels {
		d.line("bound", x.at(l.Value), 34, x.at(l.Value), bottom)
		d.text("tick", "middle", x.at(l.Value), 30, l.Name)
	}
	d.text("name", "end", x.to, bottom+28, xName)
	for i, e := range estimates {
		y := 34 + step*(float64(i)+0.6)
		if i == 0 || estimates[i-1].Name != e.Name {
			d.text("label", "end", left-8, y+4, e.Name)
		}
		if !finite(e.Value) {
			continue
		}
		words := fmt.Sprintf("%s: %s", e.Name, number(e.Value))
		if finite(e.Low) && finite(e.High) {
			words += fmt.Sprintf(", %s to %s", number(e.Low), number(e.High))
			d.line("whisker "+hueOf(e.Group), x.at(e.Low), y, x.at(e.High), y)
		}
		d.marker("dot "+hueOf(e.Group), x.at(e.Value), y, 3.6, words)
	}
	return d.String()
}
