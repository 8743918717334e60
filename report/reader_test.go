package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNoTrackIsWiderThanAPhone: a track of a grid with a least width of its own makes the page scroll sideways on a screen of
// 390 pixels, and so does a drawing with a least width outside of a box that scrolls.
func TestNoTrackIsWiderThanAPhone(t *testing.T) {
	tracks := regexp.MustCompile(`minmax\(([^;]*), 1fr\)`).FindAllStringSubmatch(pageStyle, -1)
	if len(tracks) < 4 {
		t.Fatalf("only %d tracks found", len(tracks))
	}
	for _, m := range tracks {
		if px, err := strconv.Atoi(strings.TrimSuffix(m[1], "px")); strings.HasPrefix(m[1], "min(") || err == nil && px <= 160 {
			continue
		}
		t.Errorf("a track is at least %s wide", m[1])
	}
	for _, class := range []string{".graph figure", ".matrix figure", ".scroll", "pre"} {
		rule := regexp.MustCompile(regexp.QuoteMeta(class) + `[^{}]*\{[^}]*overflow-x: auto`)
		if !rule.MatchString(pageStyle) {
			t.Errorf("%s does not scroll by itself", class)
		}
	}
	text := render(t, sampleData(60, 50))
	for _, m := range regexp.MustCompile(`<div class="([^"]*)">\s*<figure><svg[^>]*min-width`).FindAllStringSubmatch(text, -1) {
		if m[1] != "graph" && m[1] != "matrix" {
			t.Errorf("a drawing with a least width is in %q", m[1])
		}
	}
}

func TestAxesHaveTwoTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e6, 1e6).Draw(t, "lo") * math.Pow(10, float64(rapid.IntRange(-12, 6).Draw(t, "power")))
		width := rapid.Float64Range(0.0001, 1).Draw(t, "width") * max(math.Abs(lo), 1e-9)
		n := rapid.IntRange(1, 8).Draw(t, "n")
		all := ticks(lo, lo+width, n)
		if len(all) < 2 || len(all) > 4*n+5 {
			t.Fatalf("%d ticks in %v…%v", len(all), lo, lo+width)
		}
		seen := map[string]bool{}
		for _, v := range all {
			text := tickText(v, all)
			if seen[text] {
				t.Fatalf("two ticks of %v are %q", all, text)
			}
			seen[text] = true
		}
	})
}

// TestDotsAreVisible wants the contrast of WCAG 2.1 for graphics, 3:1, between a dot and the paper of each theme.
func TestDotsAreVisible(t *testing.T) {
	opacity := 0.0
	if m := regexp.MustCompile(`svg \.cloud \{[^}]*stroke-opacity: ([0-9.]+)`).FindStringSubmatch(pictureStyle); m != nil {
		opacity, _ = strconv.ParseFloat(m[1], 64)
	}
	themes := regexp.MustCompile(`--paper: #(\w{6})[^}]*--accent: #(\w{6})`).FindAllStringSubmatch(pictureStyle, -1)
	if len(themes) != 3 || opacity == 0 {
		t.Fatalf("%d themes, opacity %v", len(themes), opacity)
	}
	if m := regexp.MustCompile(`\.cloud\.fine \{[^}]*opacity`).FindString(pictureStyle); m != "" {
		t.Errorf("small dots have another opacity: %s", m)
	}
	for _, m := range themes {
		paper, dot := rgb(t, m[1]), rgb(t, m[2])
		for c := range dot {
			dot[c] = opacity*dot[c] + (1-opacity)*paper[c]
		}
		a, b := luminance(paper), luminance(dot)
		if contrast := (max(a, b) + .05) / (min(a, b) + .05); contrast < 3 {
			t.Errorf("on #%s the contrast of a dot is %.2f", m[1], contrast)
		}
	}
}

func rgb(t *testing.T, hex string) (c [3]float64) {
	v, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return [3]float64{float64(v >> 16), float64(v >> 8 & 255), float64(v & 255)}
}

// luminance is the relative luminance of WCAG 2.1.
func luminance(c [3]float64) float64 {
	for i, v := range c {
		if v /= 255; v <= 0.04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return .2126*c[0] + .7152*c[1] + .0722*c[2]
}

func TestNamesBreakBetweenOperators(t *testing.T) {
	for text, want := range map[string]string{
		"|nor_conv_3x3~0|+|none~0|skip_connect~1|": "|nor_conv_3x3~0|+<wbr>|none~0|<wbr>skip_connect~1|",
		"ir_3_6+ir_5_3":   "ir_3_6+ir_5_3",
		"mean |γ| of <b>": "mean |γ| of &lt;b&gt;",
		"":                "",
		"|":               "|",
		"a|b&c|d":         "a|<wbr>b&amp;c|<wbr>d",
	} {
		if got := string(breakable(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if strings.Contains(s, "<wbr>") {
			return
		}
		if got := strings.ReplaceAll(string(breakable(s)), "<wbr>", ""); strings.ContainsAny(got, "<>\"") {
			t.Fatalf("%q became %q", s, got)
		}
	})
	if strings.Contains(pageStyle, "anywhere") && !regexp.MustCompile(`@media print \{(.|\n)*anywhere`).MatchString(pageStyle) {
		t.Error("a text on the screen breaks anywhere")
	}
}

func TestPageExplainsItsFigures(t *testing.T) {
	d := sampleData(200, 300)
	text := strings.ReplaceAll(render(t, d), "<wbr>", "")
	v := viewOf(t, d)
	for _, want := range []string{
		"Σ log q over its 4 terms", "share of 100 random live networks", "The best score is 0",
		fmt.Sprintf("%d architectures were scored", v.scored), fmt.Sprintf("%d of these have a path", len(v.score)),
		"One seed trained the supernet",
		"Rank agreement over the 100 random live architectures of the calibration sample",
		"a fixed sample of 64 architectures", "The learning rate almost vanishes at the end",
		"The networks of the staircase: each scores higher than all that the search has proposed with as few MACs.",
		"The staircase joins those that the search has proposed and that no other of these beats with as few MACs.", // dots of the sample may be above it
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(text, `>chance</text>`); n != 3 {
		t.Errorf("%d lines of chance, want one each for loss, accuracy and the early bird", n)
	}
	v.Linear = true
	if note := v.scoreNote(); !strings.Contains(note, "Σ q over its 4 terms") || !strings.Contains(note, "The best score is 4;") {
		t.Errorf("of a sum of quantiles the page says %q", note)
	}
	d.Terms = []Term{{Name: "naswot", Fused: true}}
	d.Calibration, d.Training.Classes = 0, 0
	d.Training.Rate.Y = make([]float64, len(d.Training.Rate.X))
	text = render(t, d)
	for _, no := range []string{"Σ log q", "almost vanishes"} {
		if strings.Contains(text, no) {
			t.Errorf("the page of one term and a constant rate says %q", no)
		}
	}
	if n := strings.Count(text, `>chance</text>`); n != 1 {
		t.Errorf("%d lines of chance without a number of classes, want that of the early bird", n)
	}
}

func TestFrontTable(t *testing.T) {
	archs := []Arch{{Text: "a", MACs: 1, Score: 1}, {Text: "b", MACs: 3, Score: 2}}
	v := viewOf(t, Data{Score: "s", Found: &archs[1], Archs: read(archs...), Search: Search{Pareto: archs}})
	front := v.frontTable()
	if len(front.Rows) != 2 || front.Rows[0].Cells[3].Text != "a" || front.Rows[0].Mark != "" || front.Rows[1].Mark != "chosen" {
		t.Errorf("%+v", front)
	}
	if viewOf(t, Data{}).frontTable() != nil {
		t.Error("a table of nothing")
	}
}

// TestFrontOfParameters: the score of a search for few parameters is shown against them.
func TestFrontOfParameters(t *testing.T) {
	archs := []Arch{{Text: "a", MACs: 9, Params: 1, Score: 1}, {Text: "b", MACs: 3, Params: 2, Score: 2}}
	v := viewOf(t, Data{Score: "s", Found: &archs[1], Archs: read(archs...), Search: Search{Pareto: archs, Cost: "params"}})
	if costs, score := v.front(); !slices.Equal(costs, []float64{1, 2}) || !slices.Equal(score, []float64{1, 2}) || !slices.Equal(v.costs, []float64{2, 1}) {
		t.Errorf("front %v, %v; costs %v", costs, score, v.costs)
	}
	if s, _ := scoreSection(v); !strings.Contains(s.TableLead, "as few parameters") {
		t.Error(s.TableLead)
	}
}

// TestBetterOfTheSample: a network of the calibration sample that scores higher than the one found is said, and marked in the
// ranking and in the plot. Without one the page has no such mark.
func TestBetterOfTheSample(t *testing.T) {
	var archs []Arch
	for i := range topRows + 5 {
		archs = append(archs, Arch{Text: fmt.Sprintf("arch %d", i), Score: -float64(i), MACs: int64(i), Values: []float64{1, 2}})
	}
	d := Data{Score: "s", Found: &archs[2], Terms: []Term{{Name: "t", Fused: true}, {Name: "u", Fused: true}}, Archs: read(archs...)}
	marks := []string{`<tr class="better">`, "<title>of the calibration sample: arch 1</title>", "calibration sample scores higher, " + number(-1) + "; a longer search may find it, or a better one: arch 1<"}
	text := render(t, d)
	for _, mark := range marks {
		if strings.Contains(text, mark) {
			t.Errorf("no better network, but the page has %q", mark)
		}
	}
	better := Arch{Text: "arch 1", Score: -1, MACs: 1}
	d.Search.Better = &better
	text = render(t, d)
	for _, mark := range marks {
		if strings.Count(text, mark) != 1 {
			t.Errorf("the page has %d times %q", strings.Count(text, mark), mark)
		}
	}
	for _, row := range []string{`chosen"><td>3</td><td class="left text">arch 2 <span class="muted">found<`, `better"><td>2</td><td class="left text">arch 1 <span class="muted">of the calibration sample<`} {
		if !strings.Contains(text, row) {
			t.Errorf("the ranking lacks %q", row)
		}
	}
}
