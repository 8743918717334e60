package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func render(t *testing.T, d Data) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := Write(path, d); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func viewOf(t *testing.T, d Data) *view {
	t.Helper()
	v, err := newView(d)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWholePage(t *testing.T) {
	d := sampleData(300, 1000)
	text := render(t, d)
	for _, id := range []string{"found", "standing", "ranking", "score", "terms", "operators", "training", "run"} {
		if !strings.Contains(text, `<section id="`+id+`">`) {
			t.Errorf("no section %s", id)
		}
	}
	if strings.Contains(text, `id="missing"`) {
		t.Error("a section is missing")
	}
	svgs := svgElement.FindAllString(text, -1)
	if want := 1 + 4 + 2 + 1 + 6 + 2 + 3 + 2; len(svgs) != want {
		t.Errorf("%d drawings, want %d", len(svgs), want)
	}
	for _, s := range svgs {
		checkSVG(t, s)
	}
	for _, external := range []string{"http:", "https:", "src=", "@import", "url(", "<script", "<link"} {
		if strings.Contains(text, external) {
			t.Errorf("the page holds %q", external)
		}
	}
	found := *d.Found
	for _, want := range []string{found.Text, number(found.Score), count(found.MACs), d.Command, "space: nas-bench-201", "2 min 12 s", "How sure can it be?", "cell_spectrum, naswot",
		"strongest in expressivity (better than\u00a093)", "better than 93 of 100 random networks", "falls from no.\u00a01 to no.\u00a012 of 280 scored networks", "|a|+<wbr>|b|"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n, want := strings.Count(text, `<td class="left text">`), topRows+len(d.Search.Pareto); n != want {
		t.Errorf("%d rows in the ranking and the front, want %d", n, want)
	}
	if out := os.Getenv("BNAS_PAGE"); out != "" { // to look at it
		if err := os.WriteFile(out, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEmptySectionsSayWhy(t *testing.T) {
	text := render(t, Data{Title: "nothing"})
	for _, want := range []string{"no search was run", "no live architecture was scored", "no supernet was trained", "no record of its settings"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "<svg") {
		t.Error("a drawing of nothing")
	}
}

// TestInfiniteScores: live networks whose term is −∞ were scored, and the page does not say that they were not.
func TestInfiniteScores(t *testing.T) {
	lowest := math.Inf(-1)
	a := Arch{Text: "a", Score: lowest, Values: []float64{lowest}}
	text := render(t, Data{Title: "lowest", Score: "naswot", Terms: []Term{{Name: "naswot", Fused: true}}, Found: &a,
		Archs: read(a, Arch{Text: "b", Score: lowest, Values: []float64{lowest}}, Arch{Text: "c", Score: lowest, Values: []float64{lowest}})})
	for _, want := range []string{
		"Ranking: no architecture has a score that is a finite number", "In each term: no term of the score has a finite value",
		"Score and cost: fewer than two networks have a score", "Terms against each other: fewer than three networks have a score",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestTextIsEscaped(t *testing.T) {
	const evil = `</title><script>alert("x")</script>&`
	d, archs := sampleArchs(40, 10)
	d.Title, d.Summary, d.Command, d.Config, d.Score = evil, evil, evil, evil, evil
	d.Facts = []Fact{{evil, evil}}
	d.Terms[0].Name, d.Graph.Title, d.Graph.Nodes[1].Name = evil, evil, evil
	d.Found.Text = evil
	d.Archs = read(archs...)
	d.Search.Better = &Arch{Text: evil, Score: 1}
	d.Agreement.Names[0] = evil
	text := render(t, d)
	if strings.Contains(text, "<script") || strings.Contains(text, "alert(\"x\")") {
		t.Error("markup in a text reached the page")
	}
	for _, s := range svgElement.FindAllString(text, -1) {
		checkSVG(t, s)
	}
}

func TestRankingIsOfDistinctLiveNetworks(t *testing.T) {
	archs := []Arch{
		{Text: "first form", Canonical: "a", Score: 3, Values: []float64{1}},
		{Text: "dead one", Canonical: "d", Dead: true, Score: 9},
		{Text: "found form", Canonical: "a", Score: 3, Values: []float64{1}},
		{Text: "second", Canonical: "b", Score: 2, Values: []float64{math.Inf(-1)}},
		{Text: "unscored", Canonical: "c", Score: math.NaN()},
		{Text: "second", Canonical: "b", Score: 2},
	}
	d := Data{Score: "s", Found: &archs[2], Terms: []Term{{Name: "t", Fused: true}}, Archs: read(archs...)}
	v := viewOf(t, d)
	if fmt.Sprint(v.score) != "[3 2]" || v.rows[0].Text != "found form" || v.rows[1].Text != "second" || v.dead != 2 || v.place != 0 {
		t.Errorf("scores %v of %v, dead %d, place %d", v.score, v.rows, v.dead, v.place)
	}
	if v.scored != 5 || v.distinct != 4 {
		t.Errorf("%d architectures, %d networks", v.scored, v.distinct)
	}
	text := render(t, d)
	if strings.Contains(text, "first form") || strings.Contains(text, "dead one") {
		t.Error("a duplicate or a dead network is in the ranking")
	}
}

// TestSpreadIsShown: with repeats the ranking has the spread of each term, and a line that explains it.
func TestSpreadIsShown(t *testing.T) {
	archs := []Arch{
		{Text: "a", Score: 3, Values: []float64{1.5, math.Inf(-1)}, Spread: []float64{.25, math.NaN()}},
		{Text: "b", Score: 2, Values: []float64{2.5, 7}},
	}
	d := Data{Score: "s", Found: &archs[0], Repeats: 4, Terms: []Term{{Name: "t", Fused: true}, {Name: "u", Fused: true}}, Archs: read(archs...)}
	text := render(t, d)
	if !strings.Contains(text, ">"+number(1.5)+" ± "+number(.25)+"<") || strings.Count(text, " ± ") != 2 {
		t.Error("the ranking lacks the spread, or there is one beside it and the note")
	}
	for _, want := range []string{"standard deviation over 4 repeats", "divided by 2."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	d.Repeats = 1
	if text := render(t, d); strings.Contains(text, "repeats") || !strings.Contains(text, "One seed trained the supernet and chose") {
		t.Error("one measurement is explained as several")
	}
}

func TestOperatorShares(t *testing.T) {
	d := Data{Places: []Place{{"a", []string{"x", "y"}}, {"b", []string{"x", "z"}}},
		Archs: read(Arch{Text: "1", Choice: []int{0, 0}, Score: 1}, Arch{Text: "2", Choice: []int{0, 1}, Score: 2})}
	v := viewOf(t, d)
	genes := v.placeShares(v.best())
	for op, want := range map[string]share{"x": {"x", .75, .5}, "y": {"y", 0, .25}, "z": {"z", .25, .25}} {
		if got := v.operatorShare(op, genes); got != want {
			t.Errorf("%s: %+v, want %+v", op, got, want)
		}
	}
}

// A place that a network does not have has no operator; the shares are of the places that it has.
func TestOperatorSharesOfEmptyPlaces(t *testing.T) {
	d := Data{Places: []Place{{"a", []string{"x", "y"}}, {"b", []string{"x", "y"}}},
		Archs: read(Arch{Text: "1", Choice: []int{0, -1}, Score: 1}, Arch{Text: "2", Choice: []int{-1, 1}, Score: 2})}
	v := viewOf(t, d)
	places := v.placeShares(v.best())
	for op, want := range map[string]share{"x": {"x", .5, .5}, "y": {"y", .5, .5}} {
		if got := v.operatorShare(op, places); got != want {
			t.Errorf("%s: %+v, want %+v", op, got, want)
		}
	}
}

func TestWriteIsWholeOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	for range 2 {
		if err := Write(path, Data{Title: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files beside the page, %v", len(entries)-1, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "taken"), Data{}); err == nil {
		t.Error("a folder was overwritten")
	}
	if err := Write(filepath.Join(dir, "absent", "report.html"), Data{}); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("writing into no folder: %v", err)
	}
	if entries, _ = os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%d entries left behind, want 2", len(entries))
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0), "0"}, {number(-0.19541), "−0.1954"}, {number(1234.5), "1234"}, {number(123456), "123\u202f456"},
		{number(1.5e9), "1.50e9"}, {number(-2e-7), "−2.00e-7"}, {number(math.NaN()), "–"}, {number(math.Inf(-1)), "−∞"},
		{count(153272960), "153.3 M"}, {count(1073466), "1.07 M"}, {count(73306), "73.3 k"}, {count(12), "12"},
		{integer(15625), "15\u202f625"}, {integer(-1234), "−1\u202f234"}, {percent(0.5123), "51.2 %"},
		{duration(3200 * time.Millisecond), "3.2 s"}, {duration(252 * time.Second), "4 min 12 s"}, {duration(125 * time.Minute), "2 h 05 min"},
		{number(1e7), "1.00e7"}, {number(9_999_499), "9\u202f999\u202f499"}, {number(9_999_600), "1.00e7"}, {number(1e-4), "0.000100"}, {number(9.99e-5), "9.99e-5"},
		{number(12345), "12\u202f345"}, {number(9999), "9999"}, {number(9999.7), "10\u202f000"}, {number(9.99996), "10.00"}, {number(0.0123456), "0.01235"},
		{count(999), "999"}, {count(1000), "1.00 k"}, {count(9994), "9.99 k"}, {count(9996), "10.0 k"}, {count(10_000), "10.0 k"}, {count(999_949), "999.9 k"},
		{count(999_950), "1.00 M"}, {count(1e6), "1.00 M"}, {count(1e7), "10.0 M"}, {count(999_960_000), "1.00 G"}, {count(-1500), "−1.50 k"},
		{integer(999), "999"}, {integer(1000), "1\u202f000"},
		{duration(59940 * time.Millisecond), "59.9 s"}, {duration(59960 * time.Millisecond), "1 min 00 s"}, {duration(time.Minute), "1 min 00 s"},
		{duration(61600 * time.Millisecond), "1 min 02 s"}, {duration(time.Hour - 700*time.Millisecond), "59 min 59 s"}, {duration(time.Hour - 400*time.Millisecond), "1 h 00 min"},
		{duration(time.Hour + 29*time.Minute + 40*time.Second), "1 h 30 min"}, {duration(2*time.Hour - time.Second), "2 h 00 min"},
		{hundredths(-0.304), "−.30"}, {hundredths(1), "1.00"}, {hundredths(0.001), "0"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
