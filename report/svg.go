package report

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A drawing collects SVG elements. All text is escaped; coordinates are rounded to a tenth and are always finite.
type drawing struct {
	b             strings.Builder
	width, height float64
	label         string
}

func newDrawing(width, height float64, label string) *drawing {
	return &drawing{width: width, height: height, label: label}
}

// String returns the whole element. Its colours come from the classes of the page's style.
func (d *drawing) String() string { return d.wrap("") }

// sized keeps the drawing at its own size if there is room. On a narrow screen it shrinks until its texts are hard to read, and
// then scrolls in its figure.
func (d *drawing) sized() string {
	return d.wrap(` style="max-width:` + coord(d.width) + `px;min-width:` + coord(0.75*d.width) + `px"`)
}

func (d *drawing) wrap(attributes string) string {
	return fmt.Sprintf(`<svg%s viewBox="0 0 %s %s" role="img" aria-label="%s">%s</svg>`,
		attributes, coord(d.width), coord(d.height), escape(d.label), d.b.String())
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	d.add(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, coord(x1), coord(y1), coord(x2), coord(y2))
}

func (d *drawing) rect(class string, x, y, w, h, radius float64) {
	d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, class, coord(x), coord(y), coord(w), coord(h), coord(radius))
}

// bar draws a rectangle. A title shows its value under the pointer.
func (d *drawing) bar(class string, x, y, w, h float64, title string) {
	d.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`, class, coord(x), coord(y), coord(w), coord(h), escape(title))
}

func (d *drawing) path(class, data string) { d.add(`<path class="%s" d="%s"/>`, class, data) }

// text writes s with its anchor: start, middle or end.
func (d *drawing) text(class, anchor string, x, y float64, s string) {
	d.add(`<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, coord(x), coord(y), escape(s))
}

func (d *drawing) turned(class, anchor string, x, y, degrees float64, s string) {
	d.add(`<text class="%s" text-anchor="%s" transform="translate(%s %s) rotate(%s)">%s</text>`, class, anchor, coord(x), coord(y), coord(degrees), escape(s))
}

// marker draws a ring with a title, for a few important points.
func (d *drawing) marker(class string, x, y, radius float64, title string) {
	d.add(`<circle class="%s" cx="%s" cy="%s" r="%s"><title>%s</title></circle>`, class, coord(x), coord(y), coord(radius), escape(title))
}

func coord(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(v*10)/10+0, 'f', -1, 64)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}

// finite reports whether v can be drawn: no NaN, and small enough that differences do not overflow.
func finite(v float64) bool { return math.Abs(v) < 1e150 }
