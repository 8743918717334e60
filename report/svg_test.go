package report

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkSVG fails unless s is one well-formed element whose numbers are all finite.
func checkSVG(t failer, s string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(s))
	elements := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %.200q", err, s)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		elements++
		for _, a := range start.Attr {
			if a.Name.Local == "aria-label" {
				continue
			}
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Fatalf("<%s %s=%q>", start.Name.Local, a.Name.Local, a.Value)
			}
			switch a.Name.Local {
			case "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "rx", "fill-opacity":
				if v, err := strconv.ParseFloat(a.Value, 64); err != nil || v < -1e6 || v > 1e6 {
					t.Fatalf("<%s %s=%q> is no coordinate", start.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
	if elements < 2 {
		t.Fatalf("nothing drawn in %q", s)
	}
}

var svgElement = regexp.MustCompile(`(?s)<svg.*?</svg>`)

func TestChartsWithAnyValues(t *testing.T) {
	value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-3, 3), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		x := rapid.SliceOfN(value, n, n).Draw(t, "x")
		y := rapid.SliceOfN(value, n, n).Draw(t, "y")
		m := value.Draw(t, "mark")
		name := rapid.String().Draw(t, "name")
		for _, s := range []string{
			lineChart(300, 200, name, "step", []Curve{{X: x, Y: y}}, []string{"s0"}, Level{0.5, name}),
			scatterChart(300, 200, name, "x", x, y, x, y, []spot{{m, m, "found", name}}),
			histogramChart(300, 200, name, "x", x, m, name),
			lineChart(300, 200, name, "step", []Curve{{X: x, Y: y, Low: y, High: x}}, []string{"s0"}),
			intervalChart(300, name, "τ", []Estimate{{name, "g", m, m - 1, m + 1}, {"b", "g", 1, math.NaN(), math.NaN()}}, Palette([]string{"g"}), []Level{{0.5, name}}),
			stackedChart(300, name, func(int) []string { return []string{"a", name} }, []Stack{{name, []float64{.25, .75}}}, Palette([]string{"a"})),
			matrixChart(Matrix{[]string{name, "b"}, [][]float64{{1, m}, {m, 1}}, [][]float64{{1, m}, {m, 1}}}),
		} {
			if s != "" {
				checkSVG(t, s)
			}
		}
	})
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		want   string
	}{
		{0, 1, 5, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{-3.2, 3.1, 5, "−2 0 2"},
		{0, 2.2e8, 4, "0 100M 200M"},
		{0, 15000, 3, "0 5k 10k 15k"},
		{0.013, 0.027, 4, "0.015 0.020 0.025"},
		{1, 1, 5, ""},
		{math.NaN(), 1, 5, ""},
	} {
		var words []string
		all := ticks(c.lo, c.hi, c.n)
		for _, v := range all {
			words = append(words, tickText(v, all))
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("ticks(%v, %v, %d) = %q, want %q", c.lo, c.hi, c.n, got, c.want)
		}
	}
}

func TestThinKeepsMeanAndRange(t *testing.T) {
	var x, y []float64
	for i := range 10 * longest {
		x, y = append(x, float64(i)), append(y, float64(i%10))
	}
	mx, my, lo, hi := thin(x, y)
	if len(mx) != longest || mx[0] != 4.5 {
		t.Fatalf("%d points from %v", len(mx), mx[0])
	}
	for i := range my {
		if my[i] != 4.5 || lo[i] != 0 || hi[i] != 9 {
			t.Fatalf("stretch %d: mean %v, from %v to %v", i, my[i], lo[i], hi[i])
		}
	}
}

func TestBinsCountEveryValue(t *testing.T) {
	values := []float64{0, 0, 1, 2, 2, 2, 3, 10}
	total := 0
	for _, n := range bins(values, 0, 10) {
		total += n
	}
	if total != len(values) {
		t.Errorf("%d values in the bins, want %d", total, len(values))
	}
}

// golden compares a drawing with a file. With BNAS_UPDATE=1 it writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("BNAS_UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; BNAS_UPDATE=1 go test ./report writes it anew", path)
	}
}

func TestGoldenChart(t *testing.T) {
	s := lineChart(300, 180, "Loss", "step", []Curve{{X: []float64{0, 1, 2, 3}, Y: []float64{2, 1.5, math.NaN(), 1}}}, []string{"s0"})
	checkSVG(t, s)
	golden(t, "line.svg", s)
}
