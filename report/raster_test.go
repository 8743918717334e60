package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"
)

// decoded is the picture of a graph.
func decoded(t *testing.T, g Graph, places []Place) image.Image {
	t.Helper()
	b, err := PNG(g, places)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// nearColour reports whether a pixel has about a colour.
func nearColour(img image.Image, x, y float64, want color.Color) bool {
	r, g, b, _ := img.At(int(x), int(y)).RGBA()
	wr, wg, wb, _ := want.RGBA()
	off := func(a, b uint32) bool { return a > b+0x1400 || b > a+0x1400 }
	return !off(r, wr) && !off(g, wg) && !off(b, wb)
}

// TestPNG: the picture has the size of the drawing, and discs, edges, heads and boxes in their colours where the drawing has them.
func TestPNG(t *testing.T) {
	places := []Place{{"1<-0", []string{"conv", "pool"}}, {"2<-0", []string{"conv", "pool"}}, {"2<-1", []string{"conv", "pool"}}}
	g, err := GraphOf("a cell", []string{"1<-0", "2<-0", "2<-1"}, []string{"conv", "pool", "conv"})
	if err != nil {
		t.Fatal(err)
	}
	img := decoded(t, g, places)
	d := graphChart(g, coloured(Data{Places: places}).hueOf)
	if size := img.Bounds().Size(); size.X != int(d.width+0.999) || size.Y != int(d.height+0.999) {
		t.Errorf("a picture of %v, a drawing of %v×%v", size, d.width, d.height)
	}
	c := lightColours()
	line := d.height - boxHeight/2 - 18 // of the nodes
	gap := 56 + letter*4.0
	first, second := 14+float64(discRadius), 14+3*float64(discRadius)+gap
	for name, spot := range map[string]struct {
		x, y float64
		of   string
	}{
		"paper": {2, 2, "paper"}, "disc": {first - 12, line + 5, "soft"}, "edge": {first + discRadius + 4, line, "s0"}, "head": {second - discRadius - 5, line, "s0"},
	} {
		if !nearColour(img, spot.x, spot.y, c[spot.of]) {
			t.Errorf("%s at %v, %v is %v, want %s %v", name, spot.x, spot.y, img.At(int(spot.x), int(spot.y)), spot.of, c[spot.of])
		}
	}
	count := map[color.Color]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			count[color.RGBAModel.Convert(img.At(x, y))]++
		}
	}
	for _, name := range []string{"s1", "ink", "axis"} {
		if count[c[name]] < 10 {
			t.Errorf("%d pixels of %s %v", count[c[name]], name, c[name])
		}
	}

	chain, err := GraphOf("layers", []string{"layer 0", "layer 1"}, []string{"conv", "pool"})
	if err != nil {
		t.Fatal(err)
	}
	if b := decoded(t, chain, places).Bounds(); b.Dx() < 100 || b.Dy() < 40 {
		t.Errorf("a chain of %v", b)
	}
	if b, err := PNG(Graph{}, nil); b != nil || err != nil {
		t.Errorf("a picture of nothing: %d bytes, %v", len(b), err)
	}
}

// TestStrokeOfAClosedLine: the corner where a line ends and begins is mitred as the others are.
func TestStrokeOfAClosedLine(t *testing.T) {
	c := canvas{image.NewRGBA(image.Rect(0, 0, 40, 40))}
	c.stroke(line{{10, 10}, {30, 10}, {30, 30}, {10, 30}, {10, 10}}, 4, color.Black)
	for _, p := range []image.Point{{8, 8}, {31, 8}, {31, 31}, {8, 31}, {11, 11}, {28, 28}, {20, 8}, {8, 20}} {
		if _, _, _, a := c.img.At(p.X, p.Y).RGBA(); a != 0xffff {
			t.Errorf("pixel %v is covered by %.2f", p, float64(a)/0xffff)
		}
	}
	for _, p := range []image.Point{{20, 20}, {12, 12}, {27, 27}, {7, 7}, {20, 7}, {32, 32}} {
		if _, _, _, a := c.img.At(p.X, p.Y).RGBA(); a != 0 {
			t.Errorf("pixel %v beside the line is covered by %.2f", p, float64(a)/0xffff)
		}
	}
}

func TestPathOf(t *testing.T) {
	lines, err := pathOf("M1 2H5V7h-3v-4l1 2zM0 0C0 8 0 0 0 0")
	if err != nil || len(lines) != 2 {
		t.Fatal(lines, err)
	}
	if want := (line{{1, 2}, {5, 2}, {5, 7}, {2, 7}, {2, 3}, {3, 5}, {1, 2}}); !slices.Equal(lines[0], want) {
		t.Errorf("%v, want %v", lines[0], want)
	}
	if p := lines[1][curvePieces/4]; p != (point{0, 3 * .75 * .75 * .25 * 8}) { // 3(1 − t)²t times the first control point
		t.Errorf("a quarter of the curve ends at %v", p)
	}
}

// TestAnchors: a text begins, has its middle, or ends at its place.
func TestAnchors(t *testing.T) {
	for anchor, want := range map[string]float64{"start": 60 + 21./2, "middle": 60, "end": 60 - 21./2} {
		p := painter{canvas{image.NewRGBA(image.Rect(0, 0, 120, 20))}, lightColours()}
		p.text(attributes{"x": "60", "y": "15", "text-anchor": anchor}, "HHH")
		first, last := 120, 0
		for x := range 120 {
			for y := range 20 {
				if _, _, _, a := p.img.At(x, y).RGBA(); a > 0 {
					first, last = min(first, x), max(last, x+1)
				}
			}
		}
		if middle := float64(first+last) / 2; middle < want-1 || middle > want+1 {
			t.Errorf("%s: the middle is at %v, want %v", anchor, middle, want)
		}
	}
}

// TestLightColours: the picture is light, whatever dark colours the style has beside.
func TestLightColours(t *testing.T) {
	all := lightColours()
	grey := func(name string) uint8 { return color.GrayModel.Convert(all[name]).(color.Gray).Y }
	if grey("paper") < 0xf0 || grey("ink") > 0x40 {
		t.Errorf("paper %x, ink %x", grey("paper"), grey("ink"))
	}
}

func TestDashes(t *testing.T) {
	all := line{{0, 0}, {6, 0}, {6, 14}}.dashes(4)
	want := []line{{{0, 0}, {4, 0}}, {{6, 2}, {6, 6}}, {{6, 10}, {6, 14}}}
	if len(all) != len(want) {
		t.Fatalf("%v", all)
	}
	for i := range want {
		for k := range want[i] {
			if all[i][k] != want[i][k] {
				t.Errorf("dash %d is %v, want %v", i, all[i], want[i])
			}
		}
	}
}

// FuzzPathOf: any data of a path is lines, or an error.
func FuzzPathOf(f *testing.F) {
	f.Add("M1 2C3 4 5 6 7 8h10l-5 8z")
	f.Add("M1-2H3V-.5M1 1")
	f.Add("zM")
	f.Fuzz(func(t *testing.T, data string) {
		lines, err := pathOf(data)
		if err == nil && len(lines) == 0 {
			t.Error("neither lines nor an error")
		}
	})
}
