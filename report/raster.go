package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// PNG draws a graph as Drawing does, in the light colours of the page, as a picture of its own. It is nil if the graph cannot be drawn.
func PNG(g Graph, places []Place) (picture []byte, err error) {
	d := graphChart(g, coloured(Data{Places: places}).hueOf)
	if d == nil {
		return nil, nil
	}
	img, err := raster(d)
	if err != nil {
		return nil, fmt.Errorf("report: picture of %s: %w", g.Title, err)
	}
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), err
}

// hueRule is the first setting of a colour of the page: that of the light page.
var hueRule = regexp.MustCompile(`--([a-z0-9]+): (#[0-9a-f]{6})`)

// lightColours reads the colours of the light page from its style.
func lightColours() map[string]color.Color {
	all := map[string]color.Color{}
	for _, m := range hueRule.FindAllStringSubmatch(pictureStyle, -1) {
		rgb, err := strconv.ParseUint(m[2][1:], 16, 32)
		if _, known := all[m[1]]; !known && err == nil {
			all[m[1]] = color.RGBA{uint8(rgb >> 16), uint8(rgb >> 8), uint8(rgb), 255}
		}
	}
	return all
}

// paint is how elements of a class are drawn. A name is one of the colours of the page; ownHue is that of the element.
type paint struct {
	fill, stroke string // "": none
	width        float64
	dashed       bool
}

const ownHue = "hue"

// paintOf has the classes of graphs, as picture.css has them.
var paintOf = map[string]paint{
	"edge":   {"", ownHue, 2.2, false},
	"absent": {"", ownHue, 1.4, true},
	"head":   {ownHue, "", 0, false},
	"tag":    {"paper", ownHue, 1.4, false},
	"box":    {"paper", ownHue, 2, false},
	"disc":   {"soft", "axis", 1.6, false},
}

// painter draws the elements of a drawing, a pixel for each unit.
type painter struct {
	canvas
	colours map[string]color.Color
}

// raster draws what a graph's drawing contains: lines, rectangles, circles, paths of M, H, V, C, h, v, l and z, and texts.
func raster(d *drawing) (*image.RGBA, error) {
	img := image.NewRGBA(image.Rect(0, 0, int(math.Ceil(d.width)), int(math.Ceil(d.height))))
	p := painter{canvas{img}, lightColours()}
	draw.Draw(img, img.Bounds(), image.NewUniform(p.colours["paper"]), image.Point{}, draw.Src)
	for r := xml.NewDecoder(strings.NewReader(d.String())); ; {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return img, nil
		}
		if err != nil {
			return nil, err
		}
		if start, ok := token.(xml.StartElement); ok {
			if err := p.element(r, start); err != nil {
				return nil, fmt.Errorf("%s: %w", start.Name.Local, err)
			}
		}
	}
}

// element draws one element.
func (p *painter) element(r *xml.Decoder, e xml.StartElement) error {
	a := attributes{}
	for _, attr := range e.Attr {
		a[attr.Name.Local] = attr.Value
	}
	switch e.Name.Local {
	case "svg":
		return nil
	case "line":
		return p.shape(a, []line{{{a.number("x1"), a.number("y1")}, {a.number("x2"), a.number("y2")}}})
	case "rect":
		return p.shape(a, []line{rounded(a.number("x"), a.number("y"), a.number("width"), a.number("height"), a.number("rx"))})
	case "circle":
		radius := a.number("r")
		return p.shape(a, []line{rounded(a.number("cx")-radius, a.number("cy")-radius, 2*radius, 2*radius, radius)})
	case "path":
		lines, err := pathOf(a["d"])
		if err != nil {
			return err
		}
		return p.shape(a, lines)
	case "text":
		var text string
		if err := r.DecodeElement(&text, &e); err != nil {
			return err
		}
		p.text(a, text)
		return nil
	}
	return errors.New("is in no graph")
}

// attributes are those of an element.
type attributes map[string]string

func (a attributes) number(name string) float64 {
	v, _ := strconv.ParseFloat(a[name], 64) // written by coord
	return v
}

// shape fills and strokes the lines of an element by its classes.
func (p *painter) shape(a attributes, lines []line) error {
	classes := strings.Fields(a["class"])
	how, known := paint{}, false
	of := p.colours["axis"]
	for _, class := range classes {
		if one, ok := paintOf[class]; ok {
			how, known = one, true
		} else if c, ok := p.colours[class]; ok {
			of = c
		}
	}
	if !known {
		return fmt.Errorf("class %q is in no graph", a["class"])
	}
	named := func(name string) color.Color {
		if name == ownHue {
			return of
		}
		return p.colours[name]
	}
	for _, l := range lines {
		if how.fill != "" {
			p.fill(l, named(how.fill))
		}
		if how.stroke == "" {
			continue
		}
		if !how.dashed {
			p.stroke(l, how.width, named(how.stroke))
			continue
		}
		for _, dash := range l.dashes(4) {
			p.stroke(dash, how.width, named(how.stroke))
		}
	}
	return nil
}

// text writes a text, whose anchor is its start, its middle or its end.
func (p *painter) text(a attributes, text string) {
	ink := p.colours["ink"]
	if slices.Contains(strings.Fields(a["class"]), "tick") {
		ink = p.colours["muted"]
	}
	w := font.Drawer{Dst: p.img, Src: image.NewUniform(ink), Face: basicfont.Face7x13}
	x := fixed.Int26_6(64 * a.number("x"))
	switch a["text-anchor"] {
	case "middle":
		x -= w.MeasureString(text) / 2
	case "end":
		x -= w.MeasureString(text)
	}
	w.Dot = fixed.Point26_6{X: x, Y: fixed.Int26_6(64 * a.number("y"))}
	w.DrawString(text)
}
