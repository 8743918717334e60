package report

import (
	"fmt"
	"math"
	"slices"
)

// histogramChart draws the distribution of values, and mark if it is finite. It is empty without a finite value.
func histogramChart(width, height float64, title, xName string, values []float64, mark float64, markName string) string {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !finite(v) })
	slices.Sort(values)
	lo, hi, ok := span(values)
	if !ok {
		return ""
	}
	lo, hi = widen(lo, hi)
	counts := bins(values, lo, hi)
	p := newPanel(width, height, title, xName, lo, hi, 0, float64(slices.Max(counts))*1.08)
	step := (hi - lo) / float64(len(counts))
	for i, n := range counts {
		if n == 0 {
			continue
		}
		a, b := lo+float64(i)*step, lo+float64(i+1)*step
		top := p.y.at(float64(n))
		p.bar("bin", p.x.at(a)+0.4, top, max(p.x.at(b)-p.x.at(a)-0.8, 0.5), p.y.from-top,
			fmt.Sprintf("%s to %s: %s", number(a), number(b), integer(n)))
	}
	if finite(mark) {
		p.flag(mark, markName)
	}
	return p.String()
}

// flag marks a value on the x axis.
func (p *panel) flag(v float64, name string) {
	x := min(max(p.x.at(v), p.x.from), p.x.to)
	p.line("flag", x, p.y.from, x, p.y.to)
	anchor, shift := "start", 4.0
	if x > (p.x.from+p.x.to)/2 {
		anchor, shift = "end", -4
	}
	p.text("flagname", anchor, x+shift, p.y.to+9, name)
}

// bins counts sorted values in equal bins of [lo, hi]. The Freedman-Diaconis rule gives their number, from 8 to 60.
func bins(sorted []float64, lo, hi float64) []int {
	quartiles := sorted[len(sorted)*3/4] - sorted[len(sorted)/4]
	n := 8
	if width := 2 * quartiles / math.Cbrt(float64(len(sorted))); width > 0 {
		n = int(min(max(math.Ceil((hi-lo)/width), 8), 60))
	}
	counts := make([]int, n)
	for _, v := range sorted {
		counts[min(int((v-lo)/(hi-lo)*float64(n)), n-1)]++
	}
	return counts
}
