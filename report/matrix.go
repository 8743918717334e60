package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cellSize is the side of a matrix's cell.
const cellSize = 30

// matrixChart draws rank agreement: Kendall's τ-b above the diagonal, Spearman's ρ below.
func matrixChart(m Matrix) string {
	n := len(m.Names)
	if n < 2 {
		return ""
	}
	longestName := 0
	for _, name := range m.Names {
		longestName = max(longestName, utf8.RuneCountInString(name))
	}
	margin := 14 + 6.4*float64(longestName)
	size := cellSize * float64(n)
	d := newDrawing(margin+size+0.75*margin, 0.75*margin+size+6, "rank agreement of the terms")
	top := 0.75 * margin
	for i, name := range m.Names {
		at := (float64(i) + 0.5) * cellSize
		d.text("label", "end", margin-6, top+at+4, name)
		d.turned("label", "start", margin+at+3, top-6, -45, name)
		for j := range n {
			x, y := margin+float64(j)*cellSize, top+float64(i)*cellSize
			if i == j {
				d.rect("self", x+1, y+1, cellSize-2, cellSize-2, 2)
				continue
			}
			kind, v := "ρ", m.Spearman[i][j]
			if j > i {
				kind, v = "τ", m.Kendall[i][j]
			}
			d.cell(x, y, v, fmt.Sprintf("%s, %s: %s = %s", name, m.Names[j], kind, number(v)))
		}
	}
	return d.sized()
}

// cell draws one coloured square with its value. The strength of the colour is the absolute value.
func (d *drawing) cell(x, y, v float64, title string) {
	if !finite(v) {
		d.rect("cell", x+1, y+1, cellSize-2, cellSize-2, 2)
		d.text("value", "middle", x+cellSize/2, y+cellSize/2+3.5, "–")
		return
	}
	class, strength := "plus", math.Min(math.Abs(v), 1)
	if v < 0 {
		class = "minus"
	}
	d.add(`<rect class="cell" x="%s" y="%s" width="%d" height="%d" rx="2"/>`, coord(x+1), coord(y+1), cellSize-2, cellSize-2)
	d.add(`<rect class="%s" fill-opacity="%s" x="%s" y="%s" width="%d" height="%d" rx="2"><title>%s</title></rect>`,
		class, strconv.FormatFloat(strength, 'f', 2, 64), coord(x+1), coord(y+1), cellSize-2, cellSize-2, escape(title))
	text := "value"
	if strength > 0.62 {
		text = "value on"
	}
	d.text(text, "middle", x+cellSize/2, y+cellSize/2+3.5, hundredths(v))
}

// hundredths writes .71 and −.30, as tables of rank correlations do.
func hundredths(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', 2, 64)
	if s == "0.00" {
		return "0"
	}
	s = strings.TrimPrefix(s, "0")
	if v < 0 {
		return "−" + s
	}
	return s
}
