package indicator

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/supernet"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// someScores has ordinary values, a term that was not computed, −∞, a dead network, and text that CSV must quote.
func someScores() []Scores {
	all := make([]Scores, 3)
	for k := range all {
		all[k] = Scores{Arch: string(rune('a' + k)), Canonical: `x,"y"`, Values: make([]float64, len(terms))}
		for i := range all[k].Values {
			all[k].Values[i] = math.Sqrt(float64(1 + i + 100*k))
		}
	}
	all[0].Values[1] = math.NaN()
	all[1].Values[0] = math.Inf(-1)
	all[2].Dead = true
	for i := range all[2].Values {
		all[2].Values[i] = math.Inf(-1)
	}
	return all
}

// writeScores writes a whole score file.
func writeScores(w io.Writer, scores []Scores) error {
	repeats := 1
	for _, s := range scores {
		repeats = max(repeats, s.Repeats)
	}
	out, err := NewScoreWriter(w, repeats)
	if err != nil {
		return err
	}
	for _, s := range scores {
		if err := out.Write(s); err != nil {
			return err
		}
	}
	return out.Flush()
}

func TestScoresRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := writeScores(&b, someScores()); err != nil {
		t.Fatal(err)
	}
	got, err := ReadScores(&b, "scores.csv")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(someScores(), got.List(), cmpopts.EquateNaNs()); d != "" {
		t.Errorf("read back: %s", d)
	}
}

func TestScoreFileAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.csv")
	all := someScores()
	for i, s := range all {
		f, err := OpenScores(path, 1)
		if err != nil {
			t.Fatal(err)
		}
		if f.Len() != i {
			t.Fatalf("opening number %d: %d rows", i, f.Len())
		}
		if err := f.Write(s); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		// A program killed while writing leaves part of a line.
		g, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.WriteString("z,1,fal"); err != nil {
			t.Fatal(err)
		}
		g.Close()
	}
	f, err := OpenScores(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if d := cmp.Diff(all, allOf(t, f.ScoreTable), cmpopts.EquateNaNs()); d != "" {
		t.Error(d)
	}
}

func TestOpenScoresForeign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.csv")
	for _, text := range []string{"index,arch\n", "arch,canonical,dead,naswot\na,a,false,1\n"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenScores(path, 1); err == nil {
			t.Errorf("%q was continued", text)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%q became %q", text, after)
		}
	}
	if _, err := OpenScores(t.TempDir(), 1); err == nil {
		t.Error("a folder was opened")
	}
}

func TestReadScoresErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "empty"},
		{"arch,canonical\n", `no column "dead"`},
		{"arch,canonical,dead,nonsense\n", `column "nonsense"`},
		{"arch,canonical,dead,ntk,ntk\n", `column "ntk" twice`},
		{"arch,canonical,dead,ntk\na,a,false,1\nb,b,false,one\n", `line 3, column "ntk": "one"`},
		{"arch,canonical,dead,ntk\na,a,false,NaN\n", `line 2, column "ntk"`},
		{"arch,canonical,dead\na,a,no\n", `line 2, column "dead"`},
		{"arch,canonical,dead\n,a,true\n", `line 2, column "arch"`},
		{"arch,canonical,dead\na,a\n", "wrong number of fields"},
	} {
		_, err := ReadScores(strings.NewReader(c.text), "f.csv")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "f.csv") {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
}

// archsOf lists the architectures of a table.
func archsOf(table *Truth) []string {
	var archs []string
	for i := range table.Len() {
		archs = append(archs, table.Arch(i))
	}
	return archs
}

func TestReadTruth(t *testing.T) {
	table := "index,arch,test_accuracy,valid\n0,a,91.5,1\n1,\"b,c\",-2e1,3\n"
	got, err := ReadTruth(strings.NewReader(table), "t.csv", TruthColumns{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(archsOf(got), []string{"a", "b,c"}) || !slices.Equal(got.Accuracy, []float64{91.5, -20}) {
		t.Errorf("%+v", got)
	}
	if v, ok := got.Of("b,c", ""); v != -20 || !ok {
		t.Errorf("b,c: %v %v", v, ok)
	}
	if _, ok := got.Of("z", ""); ok {
		t.Error("z was found")
	}
	if got, err := ReadTruth(strings.NewReader(table), "t.csv", TruthColumns{Arch: []string{"index"}, Accuracy: "valid"}); err != nil || got.Accuracy[1] != 3 {
		t.Errorf("other columns: %+v, %v", got, err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "empty"},
		{"arch,test_accuracy\n", "no rows"},
		{"arch,acc\na,1\n", `no column "test_accuracy"`},
		{"arch,test_accuracy\na,1\na,2\n", `line 3, column "test_accuracy"`},
		{"arch,test_accuracy\na,high\n", `line 2, column "test_accuracy"`},
		{"arch,test_accuracy\na,Inf\n", `line 2, column "test_accuracy"`},
		{"arch,test_accuracy,test_accuracy\na,1,2\n", `column "test_accuracy" stands twice`},
		{"arch,test_accuracy\n,1\n", `line 2, column "arch"`},
		{"arch,test_accuracy\na,1,2\n", "line 2"},
		{"arch,test_accuracy\n\"a\nb\",1\nc,x\n", "line 4"},
	} {
		_, err := ReadTruth(strings.NewReader(c.text), "t.csv", TruthColumns{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "t.csv") {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzReadTruth(f *testing.F) {
	f.Add("arch,test_accuracy\na,91.5\n")
	f.Add("index,arch,iso_class,test_accuracy\n0,|none~0|+|none~0|none~1|,0,10.0\n")
	f.Add("arch,test_accuracy\n\"a\"\"b\",1e400\n")
	f.Add("\xef\xbb\xbfarch,test_accuracy\r\na,1\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ReadTruth(strings.NewReader(text), "t.csv", TruthColumns{})
		if err != nil {
			return
		}
		if table.Len() == 0 || table.Len() != len(table.Accuracy) {
			t.Fatalf("%d architectures, %d accuracies", table.Len(), len(table.Accuracy))
		}
		for i, a := range archsOf(table) {
			if v, ok := table.Of(a, ""); !ok || v != table.Accuracy[i] || math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%q: %v %v", a, v, ok)
			}
		}
	})
}

func FuzzReadScores(f *testing.F) {
	var b bytes.Buffer
	if err := writeScores(&b, someScores()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(scoreText(f, spreadScores()))
	f.Add("arch,canonical,dead,repeats,ntk,ntk_sd\na,a,false,3,1,0.5\nb,b,false,,1,\n")
	f.Add("arch,canonical,dead,ntk\na,a,false,-Inf\n")
	f.Add("dead,arch,canonical\ntrue,\"a\nb\",\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := ReadScores(strings.NewReader(text), "f.csv")
		table, tableErr := readTable(text, func(arch string) uint64 { return uint64(len(arch)) })
		if fmt.Sprint(err) != fmt.Sprint(tableErr) {
			t.Fatalf("a table's error is %v, not %v", tableErr, err)
		}
		if err != nil {
			return
		}
		if d := cmp.Diff(first.List(), allOf(t, table), cmpopts.EquateNaNs()); d != "" {
			t.Fatal(d)
		}
		var b bytes.Buffer
		if err := writeScores(&b, first.List()); err != nil {
			t.Fatal(err)
		}
		second, err := ReadScores(&b, "f.csv")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(first.List(), second.List(), cmpopts.EquateNaNs()); d != "" {
			t.Fatal(d)
		}
	})
}

// TestTruthOfASpace reads a table whose columns together are the text of an architecture. Another form of the text and another
// order of a graph's vertices are the same row.
func TestTruthOfASpace(t *testing.T) {
	space, err := supernet.Lookup("nas-bench-101")
	if err != nil {
		t.Fatal(err)
	}
	columns := TruthColumns{Arch: []string{"adjacency", "ops"}, Accuracy: "valid_accuracy", Read: InSpace(space)}
	got, err := ReadTruth(strings.NewReader("hash,adjacency,ops,valid_accuracy\nx,110|01|1,3m,91\ny,11|1,1,80\n"), "t.csv", columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		want float64
	}{
		{"110|01|1|3m", 91},
		{"[[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]]['input','conv3x3-bn-relu','maxpool3x3','output']", 91},
		{"110|01|1|m3", 91}, // the same graph
		{"11|1|1", 80},
	} {
		a, err := space.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := got.Of(space.Format(a), space.Canonical(a)); !ok || v != c.want {
			t.Errorf("%s: %v %v, want %v", c.text, v, ok, c.want)
		}
	}
	for text, want := range map[string]string{
		"adjacency,ops,valid_accuracy\n11|1,1,80\n11|1,31,80\n": `t.csv: line 3, column "adjacency": supernet: nas-bench-101: architecture, byte 6: found "31", want 1 operators`,
		"adjacency,valid_accuracy\n11|1,80\n":                   `no column "ops"`,
		"adjacency,ops,valid_accuracy\n|skip~0|,,80\n":          `line 2, column "adjacency": supernet: nas-bench-101`,
	} {
		if _, err := ReadTruth(strings.NewReader(text), "t.csv", columns); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestAccuracyIsADecimalNumber: Go reads 1_000 and 0x1p3 as numbers, and no other program does.
func TestAccuracyIsADecimalNumber(t *testing.T) {
	for text, ok := range map[string]bool{"93.5": true, " 93.5 ": true, "9.35e1": true, "9_3.5": false, "0x1p3": false, "0X5": false, "inf": false} {
		_, err := ReadTruth(strings.NewReader("arch,test_accuracy\na,"+text+"\n"), "t.csv", TruthColumns{})
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
