package report

import (
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// element is an element of a drawing, with the text or the title in it.
type element struct {
	attributes
	name, text string
}

// elementsOf reads the elements of a drawing that have a class.
func elementsOf(t *testing.T, svg, name, class string) (all []element) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for token, err := d.Token(); err == nil; token, err = d.Token() {
		switch token := token.(type) {
		case xml.StartElement:
			e := element{attributes: attributes{}, name: token.Name.Local}
			for _, a := range token.Attr {
				e.attributes[a.Name.Local] = a.Value
			}
			if token.Name.Local != "title" {
				all = append(all, e)
			}
		case xml.CharData:
			all[len(all)-1].text += string(token)
		}
	}
	all = slices.DeleteFunc(all, func(e element) bool {
		return e.name != name || !slices.Contains(strings.Fields(e.attributes["class"]), class)
	})
	if len(all) == 0 {
		t.Fatalf("no %s of the class %s in %s", name, class, svg)
	}
	return all
}

// texts are the texts of elements.
func texts(all []element) (words []string) {
	for _, e := range all {
		words = append(words, e.text)
	}
	return words
}

// at wants a coordinate, which is rounded to a tenth.
func (e element) at(t *testing.T, attribute string, want float64) {
	t.Helper()
	if got := e.number(attribute); !(math.Abs(got-want) <= .051) {
		t.Errorf("%s of %s %q is %v, want %.2f", attribute, e.name, e.text, got, want)
	}
}

// points are the corners of a path of one piece.
func points(t *testing.T, e element) (all line) {
	t.Helper()
	if strings.Contains(e.attributes["d"], "L") { // graphs have no straight pieces to a place
		for _, at := range strings.FieldsFunc(e.attributes["d"], func(r rune) bool { return strings.ContainsRune("MLZ", r) }) {
			x, y, _ := strings.Cut(at, " ")
			e := attributes{"x": x, "y": y}
			all = append(all, point{e.number("x"), e.number("y")})
		}
		return all
	}
	lines, err := pathOf(e.attributes["d"])
	if err != nil || len(lines) != 1 {
		t.Fatalf("%v: %v, %v", e, lines, err)
	}
	return lines[0]
}

func TestShareChart(t *testing.T) {
	svg := shareChart(500, "shares", []share{{"a", .5, .25}, {"b", .25, .75}}, []string{"s0", "s1"})
	const unit = (500 - 52 - 128) / (.75 * 1.02)
	best, whole := append(elementsOf(t, svg, "rect", "s0"), elementsOf(t, svg, "rect", "s1")...), elementsOf(t, svg, "rect", "ghost")
	for i, want := range []share{{"a", .5, .25}, {"b", .25, .75}} {
		best[i].at(t, "x", 128)
		best[i].at(t, "width", want.best*unit)
		whole[i].at(t, "x", 128)
		whole[i].at(t, "width", want.whole*unit)
		if b, w := fmt.Sprintf("%s: %s of the best", want.operator, percent(want.best)), fmt.Sprintf("%s: %s of the whole space", want.operator, percent(want.whole)); best[i].text != b || whole[i].text != w {
			t.Errorf("%q and %q, want %q and %q", best[i].text, whole[i].text, b, w)
		}
	}
	grid, ticks := elementsOf(t, svg, "line", "grid"), texts(elementsOf(t, svg, "text", "tick"))
	if len(grid) != 4 || !slices.Equal(ticks[:4], []string{"0 %", "20 %", "40 %", "60 %"}) {
		t.Fatalf("%d lines, %q", len(grid), ticks)
	}
	for i, l := range grid {
		l.at(t, "x1", 128+.2*float64(i)*unit)
	}
}

func TestStackedChart(t *testing.T) {
	svg := stackedChart(300, "stacks", func(int) []string { return []string{"a", "b", "c"} }, []Stack{{"row", []float64{.25, 0, .75}}}, Palette([]string{"a", "b", "c"}))
	first, last := elementsOf(t, svg, "rect", "s0")[0], elementsOf(t, svg, "rect", "s2")[0]
	first.at(t, "x", 92.5)
	first.at(t, "width", 50)
	last.at(t, "x", 92+51+.5)
	last.at(t, "width", 152)
	if last.text != "row = c: 75.0 %" {
		t.Error(last.text)
	}
}

func TestScatterChart(t *testing.T) {
	x, y := scale{-.4, 10.4, marginLeft, 500 - marginRight}, scale{-.8, 20.8, 290 - marginBottom, marginTop}
	svg := scatterChart(500, 290, "front", "x", []float64{0, 5, 10}, []float64{0, 4, 20}, []float64{0, 5, 10}, []float64{0, 12, 20}, []spot{{5, 4, "found", "it"}})
	var want []string
	for i, p := range []point{{0, 0}, {5, 0}, {5, 12}, {10, 12}, {10, 20}} { // across first: nothing is that good for less
		want = append(want, coord(x.at(p.x))+" "+coord(y.at(p.y)))
		if got := points(t, elementsOf(t, svg, "path", "front")[0])[i]; coord(got.x)+" "+coord(got.y) != want[i] {
			t.Errorf("corner %d of the front is %v, want %s", i, got, want[i])
		}
	}
	mark := elementsOf(t, svg, "circle", "found")[0]
	mark.at(t, "cx", x.at(5))
	mark.at(t, "cy", y.at(4))
}

// TestCrowdIsWrittenOnce: points of a crowd at one place are one dot; a few points are all there.
func TestCrowdIsWrittenOnce(t *testing.T) {
	for n, want := range map[int]int{crowd: crowd, crowd + 1: 10} {
		xs, ys := make([]float64, n), make([]float64, n)
		for i := range xs {
			xs[i], ys[i] = float64(i%10), float64(i%10)+.3*float64(i%2)
		}
		svg := scatterChart(500, 290, "crowd", "x", xs, ys, nil, nil, nil)
		d := elementsOf(t, svg, "path", "cloud")[0].attributes["d"]
		if got := strings.Count(d, "M"); got != want {
			t.Errorf("%d dots of %d points, want %d", got, n, want)
		}
		if want == 10 && strings.Contains(d, ".") {
			t.Errorf("a crowd is not at whole units: %s", d)
		}
	}
	p := newPanel(500, 290, "", "", 0, 1, 0, 1)
	p.cloud(slices.Repeat([]float64{0}, crowd+1), slices.Repeat([]float64{(254 - 100.7) / 228}, crowd+1)) // 100.7 down
	if d := elementsOf(t, p.String(), "path", "cloud")[0].attributes["d"]; d != "M46 101h0" {
		t.Errorf("a dot at 100.7 is at %s", d)
	}
}

func TestBins(t *testing.T) {
	var even []float64
	for i := range 1200 {
		even = append(even, (float64(i)+.5)/1200)
	}
	// Freedman and Diaconis: 1/(2·½·1200^-⅓) = 10.6.
	if n := bins(even, 0, 1); len(n) != 11 || slices.Min(n) < 109 || slices.Max(n) > 110 {
		t.Errorf("bins %v", n)
	}
}

func TestHistogramChart(t *testing.T) {
	svg := histogramChart(330, 200, "h", "x", []float64{0, 1, 1, 2, 3, 3, 3, 8}, 7, "found")
	all := elementsOf(t, svg, "rect", "bin")
	for i, b := range all {
		if top := b.number("y"); top < marginTop || top >= 200-marginBottom {
			t.Errorf("a bar begins at %v", top)
		}
		b.at(t, "height", 200-marginBottom-b.number("y"))
		to, _, _ := strings.Cut(strings.SplitN(b.text, " to ", 2)[1], ":")
		if i == 0 && (!strings.HasPrefix(b.text, number(-.32)+" to "+number(.76)) || !strings.HasSuffix(b.text, ": 1")) {
			t.Errorf("the first bar says %q", b.text)
		}
		if i+1 < len(all) && all[i+1].number("x")-b.number("x") < 40 && !strings.HasPrefix(all[i+1].text, to+" to ") {
			t.Errorf("%q is followed by %q", b.text, all[i+1].text)
		}
	}
	x := scale{-.32, 8.32, marginLeft, 330 - marginRight}
	for mark, want := range map[float64]struct {
		anchor   string
		at, text float64
	}{7: {"end", x.at(7), x.at(7) - 4}, 1: {"start", x.at(1), x.at(1) + 4}, 99: {"end", x.to, x.to - 4}, -99: {"start", x.from, x.from + 4}} {
		svg := histogramChart(330, 200, "h", "x", []float64{0, 1, 1, 2, 3, 3, 3, 8}, mark, "found")
		line, name := elementsOf(t, svg, "line", "flag")[0], elementsOf(t, svg, "text", "flagname")[0]
		line.at(t, "x1", want.at)
		name.at(t, "x", want.text)
		if name.attributes["text-anchor"] != want.anchor {
			t.Errorf("the name of the mark %v is anchored at its %s", mark, name.attributes["text-anchor"])
		}
	}
}

func TestIntervalChart(t *testing.T) {
	svg := intervalChart(400, "i", "τ", []Estimate{{"a", "g", .5, .4, .7}, {"b", "g", .3, .1, .35}}, Palette([]string{"g"}), nil)
	x := scale{.1 - .6*.04, .7 + .6*.04, 14 + 6.9, 400 - 14}
	whiskers, dots := elementsOf(t, svg, "line", "whisker"), elementsOf(t, svg, "circle", "dot")
	for i, e := range []Estimate{{Value: .5, Low: .4, High: .7}, {Value: .3, Low: .1, High: .35}} {
		whiskers[i].at(t, "x1", x.at(e.Low))
		whiskers[i].at(t, "x2", x.at(e.High))
		dots[i].at(t, "cx", x.at(e.Value))
		dots[i].at(t, "cy", 34+21*(float64(i)+.6))
		whiskers[i].at(t, "y1", dots[i].number("cy"))
	}
}

func TestBandOfACurve(t *testing.T) {
	svg := lineChart(330, 200, "l", "step", []Curve{{X: []float64{0, 1}, Y: []float64{1, 1}, Low: []float64{0, .5}, High: []float64{2, 1.5}}}, []string{"s0"}, Level{3, "top"})
	y := scale{-.12, 3.12, 200 - marginBottom, marginTop}
	band := points(t, elementsOf(t, svg, "path", "band")[0])
	for i, want := range []float64{2, 1.5, .5, 0} { // there along the upper bound, and back along the lower one
		if got := band[i].y; !(math.Abs(got-y.at(want)) <= .051) {
			t.Errorf("corner %d of the band is at %v, want %.1f", i, got, y.at(want))
		}
	}
	elementsOf(t, svg, "line", "bound")[0].at(t, "y1", y.at(3))
}

// TestLongestCurve: a curve of longest points is drawn as it is, and a longer one thinned.
func TestLongestCurve(t *testing.T) {
	for n, want := range map[int]int{longest: 0, longest + 1: 1} {
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = float64(i)
		}
		svg := lineChart(330, 200, "l", "step", []Curve{{X: xs, Y: xs}}, []string{"s0"})
		if got := strings.Count(svg, `class="band `); got != want {
			t.Errorf("%d points: %d bands", n, got)
		}
		if p := points(t, elementsOf(t, svg, "path", "curve")[0]); len(p) != longest {
			t.Errorf("%d points are drawn as %d", n, len(p))
		}
	}
}

// TestMatrixChart: τ is above the diagonal, ρ below. What is on the other side does not count.
func TestMatrixChart(t *testing.T) {
	svg := matrixChart(Matrix{[]string{"a", "b", "c"},
		[][]float64{{1, .1, .2}, {.3, 1, .4}, {.5, -.6, 1}},
		[][]float64{{1, .9, -.7}, {.15, 1, .63}, {.2, .3, 1}},
	})
	var values, titles []string
	for _, e := range elementsOf(t, svg, "text", "value") {
		values = append(values, e.text+" "+e.attributes["class"])
	}
	if want := []string{".90 value on", "−.70 value on", ".30 value", ".63 value on", ".50 value", "−.60 value"}; !slices.Equal(values, want) {
		t.Errorf("values %q, want %q", values, want)
	}
	for _, e := range append(elementsOf(t, svg, "rect", "plus"), elementsOf(t, svg, "rect", "minus")...) {
		titles = append(titles, e.text+" "+e.attributes["class"]+" "+e.attributes["fill-opacity"])
	}
	if want := []string{
		"a, b: τ = 0.9000 plus 0.90", "b, a: ρ = 0.3000 plus 0.30", "b, c: τ = 0.6300 plus 0.63", "c, a: ρ = 0.5000 plus 0.50",
		"a, c: τ = −0.7000 minus 0.70", "c, b: ρ = −0.6000 minus 0.60",
	}; !slices.Equal(titles, want) {
		t.Errorf("cells %q, want %q", titles, want)
	}
}

func TestNewMatrix(t *testing.T) {
	m := NewMatrix([]string{"a", "b"}, [][]float64{{1, 2, 3, 4}, {2, 1, 3, 4}})
	if fmt.Sprint(m.Spearman) != "[[1 0.8] [0.8 1]]" || fmt.Sprintf("%.3f", m.Kendall) != "[[1.000 0.667] [0.667 1.000]]" {
		t.Errorf("ρ %v, τ %v", m.Spearman, m.Kendall)
	}
	nan := math.NaN()
	left := Matrix{[]string{"a", "empty", "b"}, [][]float64{{1, nan, .8}, {nan, 1, nan}, {.8, nan, 1}}, [][]float64{{1, nan, .6}, {nan, 1, nan}, {.6, nan, 1}}}.withValues()
	if !slices.Equal(left.Names, []string{"a", "b"}) || fmt.Sprint(left.Kendall, left.Spearman) != "[[1 0.6] [0.6 1]] [[1 0.8] [0.8 1]]" {
		t.Errorf("of a term without values is left %+v", left)
	}
}

// TestPairChart: the first term of a pair is across, the second up.
func TestPairChart(t *testing.T) {
	v := &view{Data: Data{Terms: []Term{{Name: "across"}, {Name: "up"}}, Found: &Arch{Values: []float64{10, 0}}}}
	svg := v.pairChart([2]int{0, 1}, []float64{0, 10}, []float64{0, 10})
	if title, name := elementsOf(t, svg, "text", "title")[0].text, elementsOf(t, svg, "text", "name")[0].text; title != "up" || name != "across" {
		t.Errorf("%s over %s", title, name)
	}
	mark := elementsOf(t, svg, "circle", "found")[0]
	mark.at(t, "cx", scale{-.4, 10.4, marginLeft, smallWidth - marginRight}.at(10))
	mark.at(t, "cy", scale{-.4, 10.4, smallHeight + 30 - marginBottom, marginTop}.at(0))
}

func TestLevelsOfTraining(t *testing.T) {
	curve := Curve{X: []float64{0, 1}, Y: []float64{2, 3}}
	s, _ := trainingSection(coloured(Data{Training: Training{Loss: []Curve{curve}, Classes: 10, EarlyBird: Curve{X: curve.X, Y: []float64{.5, .8}}, EarlyBirdBound: .9}}))
	elementsOf(t, string(s.Groups[0].Figures[0].SVG), "line", "bound")[0].at(t, "y1", scale{2 - .04, 3 + .04, smallHeight - marginBottom, marginTop}.at(math.Log(10)))
	if words := texts(elementsOf(t, string(s.Groups[1].Figures[0].SVG), "text", "tick")); !slices.Contains(words, "bound 0.9") {
		t.Errorf("the early bird has the texts %q", words)
	}
	for _, c := range []struct {
		rates []float64
		want  bool
	}{{[]float64{1, .099}, true}, {[]float64{1, .11}, false}, {[]float64{.05, 1, .2}, false}, {[]float64{1}, false}, {nil, false}} {
		if got := (Training{Rate: Curve{X: make([]float64, len(c.rates)), Y: c.rates}}).vanishes(); got != c.want {
			t.Errorf("%v vanishes: %v", c.rates, got)
		}
	}
}

func TestTickTexts(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0, 8000, "0 2000 4000 6000 8000"},
		{0, 1e4, "0 2k 4k 6k 8k 10k"},
		{0, 1e6, "0 0.2M 0.4M 0.6M 0.8M 1.0M"},
		{0, 1e9, "0 0.2G 0.4G 0.6G 0.8G 1.0G"},
		{0, 5e-4, "0.0000 0.0001 0.0002 0.0003 0.0004 0.0005"},
		{0, 5e-5, "0 1e-05 2e-05 3e-05 4e-05 5e-05"},
		{0, 1e15, "0 2e+14 4e+14 6e+14 8e+14 1e+15"},
	} {
		all := ticks(c.lo, c.hi, 5)
		var words []string
		for _, v := range all {
			words = append(words, tickText(v, all))
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%v to %v: %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}

// TestRankingKeepsRowsTogether: the ranking orders what is read in another order. What belongs to a network stays with it.
func TestRankingKeepsRowsTogether(t *testing.T) {
	const n = topShare + 10
	var archs []Arch
	for i := range n { // the worst first
		archs = append(archs, Arch{Text: strconv.Itoa(i), Score: float64(i), MACs: int64(i), Values: []float64{float64(i)}})
	}
	found, better := n-1-(topShare+2), n-1-(topShare+1)
	v := viewOf(t, Data{Score: "s", Archs: read(archs...), Terms: []Term{{Name: "t", Fused: true}}, Found: &archs[found], Search: Search{Better: &archs[better]}})
	if v.place != topShare+2 || v.better != topShare+1 || len(v.rows) != topShare+2 {
		t.Fatalf("places %d and %d, %d rows", v.place, v.better, len(v.rows))
	}
	for k, a := range v.rows {
		if want := strconv.Itoa(n - 1 - k); a.Text != want || a.Values[0] != float64(n-1-k) || v.costs[k] != float64(n-1-k) {
			t.Errorf("place %d has %+v and the cost %v, want those of %s", k, a, v.costs[k], want)
		}
	}
	if best := v.best(); len(best) != topShare || best[topShare-1].Text != strconv.Itoa(n-topShare) {
		t.Errorf("the last of %d best is %+v", len(best), best[len(best)-1])
	}
	ranking, _ := rankingSection(v)
	var rows []string
	for _, r := range ranking.Table.Rows[topRows-1:] {
		rows = append(rows, r.Cells[0].Text+" "+r.Cells[1].Text+" "+r.Mark)
	}
	if want := []string{fmt.Sprint(topRows, " ", n-topRows, " "), fmt.Sprint(topShare+2, " ", better, " better"), fmt.Sprint(topShare+3, " ", found, " chosen")}; !slices.Equal(rows, want) {
		t.Errorf("the last rows are %q, want %q", rows, want)
	}
	s, _ := foundSection(v)
	if place := s.Tiles[1]; place != (Fact{"of 60 ranked networks", fmt.Sprint("no. ", topShare+3)}) {
		t.Errorf("the place is %v", place)
	}
}

// TestTheFoundIsFirstOfEqualScores: of equal scores the one found comes first, wherever it is read.
func TestTheFoundIsFirstOfEqualScores(t *testing.T) {
	archs := []Arch{{Text: "a", Score: 1}, {Text: "b", Score: 1}, {Text: "c", Score: 1}}
	for i := range archs {
		if v := viewOf(t, Data{Archs: read(archs...), Found: &archs[i]}); v.place != 0 || v.rows[0].Text != archs[i].Text {
			t.Errorf("%s is found: it has the place %d of %v", archs[i].Text, v.place, v.rows)
		}
	}
}

func TestCostsOfLatency(t *testing.T) {
	archs := []Arch{{Text: "a", MACs: 9, Latency: 1.5, Score: 1}, {Text: "b", MACs: 3, Latency: 2.5, Score: 2}, {Text: "c", MACs: 1, Score: 3}}
	v := viewOf(t, Data{Score: "s", Found: &archs[0], Archs: read(archs...), Search: Search{Pareto: archs[:2], Cost: "latency", Better: &archs[1]}})
	if !math.IsNaN(v.costs[0]) || v.costs[1] != 2.5 || v.costs[2] != 1.5 {
		t.Errorf("costs %v, want that of a network that was not timed to be no number", v.costs)
	}
	front := v.frontTable()
	if front.Head[0].Text != "latency, ms" || front.Rows[1].Cells[0].Text != number(2.5) || front.Rows[1].Cells[1].Text != "3" {
		t.Errorf("the table of the front: %+v", front)
	}
	s, _ := scoreSection(v)
	svg := string(s.Groups[0].Figures[1].SVG)
	x := scale{1.5 - .04, 2.5 + .04, marginLeft, wideWidth - marginRight}
	elementsOf(t, svg, "circle", "found")[0].at(t, "cx", x.at(1.5))
	elementsOf(t, svg, "circle", "better")[0].at(t, "cx", x.at(2.5))
}

func TestStandingSize(t *testing.T) {
	for n, want := range map[int]string{3: "figures", 4: "figures four", 5: "figures five", 6: "figures", 8: "figures four", 10: "figures five", 20: "figures five"} {
		v := &view{Data: Data{Terms: slices.Repeat([]Term{{Fused: true}}, n)}}
		if class, _ := v.standingSize(); class != want {
			t.Errorf("%d terms are in %q, want %q", n, class, want)
		}
	}
}

func TestScoreNoteOfOneTerm(t *testing.T) {
	v := &view{Data: Data{Calibration: 100, Terms: []Term{{Name: "t", Fused: true}, {Name: "u"}}}}
	if note := v.scoreNote(); note != "The score is the value of its term." {
		t.Error(note)
	}
}

// TestLessIsBetter: the page says of which terms less is better, and how they count.
func TestLessIsBetter(t *testing.T) {
	term := func(name string, against bool) Term { return Term{Name: name, Fused: true, Against: against} }
	for _, c := range []struct {
		terms           []Term
		direction, note string
	}{
		{[]Term{term("a", false), term("b", false), {Name: "c", Against: true}}, "In every term, higher is expected to be better.", "that a network exceeds in a term. The best"},
		{[]Term{term("a", false), term("b", true), term("c", true)}, "Higher is expected to be better in every term but b and c, where lower is.",
			"that a network exceeds in a term; in b and c it is the share of those that exceed the network. The best"},
		{[]Term{term("a", true)}, "In every term, lower is expected to be better.", "The score is the value of its term with the opposite sign."},
	} {
		v := &view{Data: Data{Calibration: 100, Terms: c.terms}}
		if got := v.directionNote(); got != c.direction {
			t.Errorf("%q, want %q", got, c.direction)
		}
		if got := v.scoreNote(); !strings.Contains(got, c.note) {
			t.Errorf("%q has no %q", got, c.note)
		}
	}
}

// TestCalibrationSampleIsNamed: a perspective says that the networks are of the calibration sample if there is one.
func TestCalibrationSampleIsNamed(t *testing.T) {
	for n, want := range map[int]string{
		0: "What each perspective of the score says of this network, compared with 7 random networks.",
		2: "What each perspective of the score says of this network, compared with 7 random networks of the calibration sample.",
	} {
		v := &view{Data: Data{Calibration: n, Others: "random networks", Perspectives: []Perspective{{Standing: Standing{1, 0, 6}}}}}
		if got := perspectivesGroup(v).Lead; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestSharesOfKnownChoices: an architecture without choices does not count.
func TestSharesOfKnownChoices(t *testing.T) {
	v := &view{Data: Data{Places: []Place{{"a", []string{"x", "y"}}}}}
	if got := v.placeShares([]Arch{{Choice: []int{0}}, {}, {Choice: []int{1}}, {Choice: []int{1}}, {Choice: []int{1}}}); fmt.Sprint(got) != "[[0.25 0.75]]" {
		t.Errorf("shares %v", got)
	}
}

func TestEdgesOfGraphs(t *testing.T) {
	for place, want := range map[string]int{fmt.Sprintf("%d<-0", mostNodes-1): mostNodes - 1, fmt.Sprintf("%d<-0", mostNodes): 0, "2<-2": 0, "2<-1": 2, "2<--1": 0} {
		if _, to, _ := edgeOf(place); to != want {
			t.Errorf("%s leads to %d, want %d", place, to, want)
		}
	}
	g, err := GraphOf("one edge", []string{"1<-0"}, []string{"conv"})
	if err != nil {
		t.Fatal(err)
	}
	if s := graphChart(g, Palette(nil)).String(); !strings.Contains(s, ">conv</text>") {
		t.Errorf("the operator of a single edge is not drawn: %s", s)
	}
	arcs, above, below := layArcs([]Edge{{2, 4, "x"}, {0, 2, "x"}, {4, 6, "x"}})
	if above != 1 || below != 0 {
		t.Errorf("arcs that only meet are on %d levels above and %d below: %v", above, below, arcs)
	}
	var every []Edge
	for to := range 7 {
		for from := range to {
			every = append(every, Edge{from, to, "x"})
		}
	}
	if _, above, below := layArcs(every); above != 6 || below != 6 { // more than one a level
		t.Errorf("15 arcs of seven nodes are on %d levels above and %d below, want 6 and 6", above, below)
	}
}

// TestBoxesHoldTheirTexts: a box is as wide as the longer of its two texts, and an arrow ends at its border.
func TestBoxesHoldTheirTexts(t *testing.T) {
	g := Graph{Nodes: []Node{{Name: "in"}, {Name: "a", Op: "x", Detail: "64 × 16 × 16 × 16"}, {Name: "b", Op: "a long operator"}, {Name: "c", Op: "x"}, {Name: "out"}},
		Edges: []Edge{{0, 1, ""}, {1, 2, ""}, {2, 3, ""}, {1, 3, "y"}, {3, 4, ""}}}
	svg := graphChart(g, Palette([]string{"y"})).String()
	boxes := elementsOf(t, svg, "rect", "box")
	for i, letters := range []float64{17, 15, 1} {
		boxes[i].at(t, "width", 24+letter*letters)
	}
	for _, h := range elementsOf(t, svg, "path", "s0") {
		if !strings.HasPrefix(h.attributes["class"], "head") {
			continue
		}
		if tip := points(t, h)[2].y; math.Abs(tip-boxes[2].number("y")) > 1.1 { // its point reaches a unit into the box
			t.Errorf("the arrow of an arc ends at %v, the box begins at %v", tip, boxes[2].number("y"))
		}
	}
}

// TestChainChart: the blocks of a chain are in rows as long as each other. An edge leads from the border of a block to the next.
func TestChainChart(t *testing.T) {
	var names, operators []string
	for range 22 {
		names, operators = append(names, "layer"), append(operators, "mb3_k3_and_more")
	}
	g, err := GraphOf("layers", names, operators)
	if err != nil {
		t.Fatal(err)
	}
	d := chainChart(g, Palette(nil))
	svg := d.String()
	half := 12 + letter/2*15
	const inRow, last = 6, 23 // 24 nodes in four rows
	at := func(i int) point { return point{14 + half + float64(i%inRow)*(2*half+26), 30 + 84*float64(i/inRow)} }
	if right, bottom := at(inRow-1).x+half+14, at(last).y+22+8; math.Abs(d.width-right) > .051 || math.Abs(d.height-bottom) > .051 {
		t.Fatalf("%v×%v, want %v×%v", d.width, d.height, right, bottom)
	}
	for i, box := range elementsOf(t, svg, "rect", "box") {
		box.at(t, "x", at(i+1).x-half)
		box.at(t, "y", at(i+1).y-22)
	}
	lines, bends := elementsOf(t, svg, "line", "edge"), elementsOf(t, svg, "path", "edge")
	if len(lines) != last-3 || len(bends) != 3 {
		t.Fatalf("%d edges within rows, %d between them", len(lines), len(bends))
	}
	for i := range last {
		from, to := at(i), at(i+1)
		if from.y != to.y {
			want := line{{from.x, from.y + 22}, {from.x, (from.y + to.y) / 2}, {to.x, (from.y + to.y) / 2}, {to.x, to.y - 22 - 8}}
			if i+1 == last {
				want[3].y = to.y - discRadius - 8
			}
			for k, p := range points(t, bends[0]) {
				if math.Abs(p.x-want[k].x) > .051 || math.Abs(p.y-want[k].y) > .051 {
					t.Errorf("corner %d of the edge behind node %d is %v, want %v", k, i, p, want[k])
				}
			}
			bends = bends[1:]
			continue
		}
		begin, end := from.x+half, to.x-half
		if i == 0 {
			begin = from.x + discRadius
		}
		if i+1 == last {
			end = to.x - discRadius
		}
		lines[0].at(t, "x1", begin)
		lines[0].at(t, "x2", end-8)
		lines = lines[1:]
	}
	if style := d.sized(); !strings.Contains(style, fmt.Sprintf(`style="max-width:%spx;min-width:%spx"`, coord(d.width), coord(.75*d.width))) {
		t.Errorf("the drawing is sized %.120s", style)
	}
}

// TestPageOfNoSearch: scores without an architecture found have a page.
func TestPageOfNoSearch(t *testing.T) {
	archs := []Arch{{Text: "a", Score: 1, Values: []float64{1, 2}}, {Text: "b", Score: 2, Values: []float64{2, 1}}, {Text: "c", Score: 3, Values: []float64{3, 3}}}
	text := render(t, Data{Score: "s", Archs: read(archs...), Terms: []Term{{Name: "t", Fused: true}, {Name: "u", Fused: true}}})
	for _, want := range []string{"no search was run", `<section id="ranking">`, `<section id="score">`, `<section id="terms">`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, `<section id="found">`) || strings.Contains(text, "The ring is the one found") {
		t.Error("the page has an architecture found")
	}
}
