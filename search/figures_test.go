package search

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openFigures(t *testing.T, path, setup string) *Figures {
	t.Helper()
	f, err := OpenFigures(path, setup, nil, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestFiguresAreKept: the figures of a setup come back to the bit, those of another setup stay, and half a line is dropped.
func TestFiguresAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures.csv")
	values := []float64{0.1 + 0.2, 1e-300}
	for _, setup := range []string{"two threads, batch 1", "one"} {
		f := openFigures(t, path, setup)
		if _, ok := f.Lookup("|x~0|"); ok {
			t.Errorf("%s has the figures of another setup", setup)
		}
		if err := f.Add("|x~0|", values...); err != nil {
			t.Fatal(err)
		}
		values = []float64{3, 4}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole, `one,"half`...), 0o666); err != nil {
		t.Fatal(err)
	}
	first := openFigures(t, path, "two threads, batch 1")
	if got, ok := first.Lookup("|x~0|"); !ok || !slices.Equal(got, []float64{0.1 + 0.2, 1e-300}) {
		t.Errorf("%v, %v", got, ok)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != string(whole) {
		t.Errorf("%v\n%s\nwant\n%s", err, text, whole)
	}
	if err := first.Add("y", 1, 2); err != nil {
		t.Fatal(err)
	}
	if got, ok := openFigures(t, path, "two threads, batch 1").Lookup("y"); !ok || !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("%v, %v", got, ok)
	}
}

func TestFiguresErrors(t *testing.T) {
	for text, want := range map[string]string{
		"setup,name,c\n":                       `the columns are ["setup" "name" "c"], want ["setup" "name" "a" "b"]; move the file away`,
		"setup,name,a,b\ns,x,1\n":              "line 2: 3 cells, want 4; delete the line",
		"setup,name,a,b\nz,x,1,Inf\n":          "line 2: +Inf is not a figure; delete the line",
		"setup,name,a,c\n":                     "the columns are",
		"a text of somebody else":              "it has no line and is no beginning of a table; move the file away",
		"setup,name,a,b\ns,x,1,two\n":          `line 2: "two" is not a figure; delete the line`,
		"setup,name,a,b\ns,x,1,NaN\n":          `line 2: NaN is not a figure; delete the line`,
		"setup,name,a,b\ns,x,1,2\ns,\"x,1,2\n": "extraneous or missing \" in quoted-field; delete the line, or move the file away",
	} {
		path := filepath.Join(t.TempDir(), "figures.csv")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := OpenFigures(path, "s", nil, "a", "b")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if kept, err := os.ReadFile(path); err != nil || string(kept) != text {
			t.Errorf("%q became %q", text, kept)
		}
	}
	if _, err := OpenFigures(filepath.Join(t.TempDir(), "none", "figures.csv"), "s", nil); err == nil {
		t.Error("a table in no folder")
	}
}

// TestFiguresAreJudged: no figure that cannot be comes from a file, or goes into one.
func TestFiguresAreJudged(t *testing.T) {
	for _, c := range []struct {
		check  func([]float64) error
		values []float64
		fine   bool
	}{
		{nil, []float64{-1, 1e300}, true},
		{nil, []float64{1, math.Inf(-1)}, false},
		{nil, []float64{math.NaN(), 1}, false},
		{CheckLatency, []float64{1e-6}, true},
		{CheckLatency, []float64{0}, false},
		{CheckLatency, []float64{-5}, false},
		{CheckMixture, []float64{0, 1}, true},
		{CheckMixture, []float64{12.5, 2884}, true},
		{CheckMixture, []float64{3, 0}, false},
		{CheckMixture, []float64{3, -5}, false},
		{CheckMixture, []float64{3, 1.5}, false},
		{CheckMixture, []float64{3, 1e300}, false},
		{CheckMixture, []float64{1000, 5}, false},
		{CheckMixture, []float64{709, 5}, false},
		{CheckMixture, []float64{-1e-9, 5}, false},
		{CheckMixture, []float64{-900, 5}, false},
	} {
		columns := []string{"a", "b", "c", "d"}[:len(c.values)]
		path := filepath.Join(t.TempDir(), "figures.csv")
		f, err := OpenFigures(path, "s", c.check, columns...)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Add("x", c.values...); (err == nil) != c.fine {
			t.Errorf("%v added: %v", c.values, err)
		}
		f.Close()
		text := strings.Join(append([]string{"setup", "name"}, columns...), ",") + "\ns,x"
		for _, v := range c.values {
			text += fmt.Sprintf(",%v", v)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if f, err = OpenFigures(path, "s", c.check, columns...); (err == nil) != c.fine {
			t.Errorf("%v read: %v", c.values, err)
		}
		if err == nil {
			f.Close()
		}
	}
}

// FuzzFigures: any file is a table or an error, and a table takes a figure and gives it back.
func FuzzFigures(f *testing.F) {
	f.Add([]byte("setup,name,a,b\ns,x,1,2\nother,\"y,z\",3,4\ns,half"))
	f.Add([]byte("setup,name,a,b\r\ns,x,0x1p-2,-Inf\n"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "figures.csv")
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		table, err := OpenFigures(path, "s", nil, "a", "b")
		if err != nil {
			return
		}
		if _, known := table.Lookup("new"); !known {
			if err := table.Add("new", 5, 6); err != nil {
				t.Fatal(err)
			}
		}
		want := len(table.of)
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
		if again := openFigures(t, path, "s"); len(again.of) != want {
			t.Errorf("%d figures, want %d", len(again.of), want)
		}
	})
}
