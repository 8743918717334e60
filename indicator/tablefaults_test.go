package indicator

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestTablesOfSpreadsheetPrograms(t *testing.T) {
	for name, text := range map[string]string{
		"byte-order mark": "\xef\xbb\xbfarch,test_accuracy\na,1\nb,2\n",
		"CRLF":            "arch,test_accuracy\r\na,1\r\nb,2\r\n",
		"both, quoted":    "\xef\xbb\xbf\"arch\",\"test_accuracy\"\r\n\"a\",\"1\"\r\n\"b\",\"2\"\r\n",
		"spaces":          "arch, test_accuracy\na, 1\nb,2 \n",
	} {
		got, err := ReadTruth(strings.NewReader(text), "t.csv", TruthColumns{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(archsOf(got), []string{"a", "b"}) || !slices.Equal(got.Accuracy, []float64{1, 2}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	scores := "\xef\xbb\xbfarch,canonical,dead,ntk\r\na,a,false,1\r\n"
	if got, err := ReadScores(strings.NewReader(scores), "f.csv"); err != nil || got.Len() != 1 {
		t.Errorf("scores with a byte-order mark: %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"arch;test_accuracy\na;1\n":          "separated by semicolons",
		"arch\ttest_accuracy\na\t1\n":        "separated by tabs",
		"\xff\xfea\x00r\x00c\x00h\x00":       "UTF-16",
		"arch,test_accuracy\na,\"1\n":        "line",
		"arch,test_accuracy\n\"a\"b,1\n":     "line 2",
		"arch,test_accuracy\ra,1\rb,2\r":     "lines end in CR alone",
		strings.Repeat("a,", 500) + "b\n1\n": "481 more",
		"\x1f\x8b\x08\x00\x00":               "a gzip archive, not text",
		"PK\x03\x04\x14\x00\x06\x00":         "a ZIP archive or a workbook, not text",
		"\x93NUMPY\x01\x00":                  "a binary file, not text; a CSV table is needed",
		strings.Repeat("x", 3*longestLine):   "a line of more than 1024 KiB",
	} {
		_, err := ReadTruth(strings.NewReader(text), "t.csv", TruthColumns{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "t.csv") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

// TestLongTablesAreRead: the bound is of a line and not of the table.
func TestLongTablesAreRead(t *testing.T) {
	row := strings.Repeat("x", 1000) + "\n"
	n, err := io.Copy(io.Discard, &shortLines{from: strings.NewReader(strings.Repeat(row, 5000))})
	if err != nil || n != 5000*int64(len(row)) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestRowsWithoutAccuracyAreCounted(t *testing.T) {
	got, err := ReadTruth(strings.NewReader("arch,test_accuracy\na,1\nb,\nc,NaN\nd,n/a\ne,2\n"), "t.csv", TruthColumns{})
	if err != nil || got.Skipped != 3 || !slices.Equal(archsOf(got), []string{"a", "e"}) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = ReadTruth(strings.NewReader("arch,test_accuracy\na,\n"), "t.csv", TruthColumns{})
	if err == nil || !strings.Contains(err.Error(), "no row has a value") {
		t.Errorf("a table of gaps: %v", err)
	}
}

func TestDuplicateRows(t *testing.T) {
	got, err := ReadTruth(strings.NewReader("arch,test_accuracy,p\na,1,2\nb,3,\na,1.0,2\nb,3,\n"), "t.csv", TruthColumns{Proxies: []string{"p"}})
	if err != nil || !slices.Equal(archsOf(got), []string{"a", "b"}) || len(got.Proxies["p"]) != 2 {
		t.Errorf("identical rows: %+v, %v", got, err)
	}
	scores, err := ReadScores(strings.NewReader("arch,canonical,dead,ntk\na,a,false,1\nb,b,false,\na,a,false,1\nb,b,false,\n"), "f.csv")
	if err != nil || scores.Len() != 2 {
		t.Errorf("identical scores: %v, %v", scores, err)
	}
	_, err = ReadTruth(strings.NewReader("arch,test_accuracy\na,1\nb,1\na,2\n"), "t.csv", TruthColumns{})
	for _, says := range []string{"line 4", "in line 2", `"a" has 2 here and 1`} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("contradicting rows: %v, want %q", err, says)
		}
	}
	for _, last := range []string{"a,a,false,2", "a,a,false,", "a,a,true,1", "a,z,false,1"} {
		_, err = ReadScores(strings.NewReader("arch,canonical,dead,ntk\na,a,false,1\n"+last+"\n"), "f.csv")
		if err == nil || !strings.Contains(err.Error(), "f.csv: lines 2 and 3") {
			t.Errorf("%s after a,a,false,1: %v", last, err)
		}
	}
}

func TestConstantColumnsAreUndefinedInJSON(t *testing.T) {
	j := Judging{Resamples: 20, Seed: 1, Top: []int{1}}
	text, err := json.Marshal(j.Judge("flat", []float64{1, 1, 1}, []float64{1, 2, 3}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"tau_b":null`, `"tau_b_interval":{"low":null,"high":null}`, `"spearman":null`, `"n":3`, `"name":"flat"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	if text, err = json.Marshal(j.Judge("good", []float64{1, 2, 3}, []float64{1, 2, 3})); err != nil || !strings.Contains(string(text), `"tau_b":1`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestProxyColumns(t *testing.T) {
	text := "arch,test_accuracy,mine,other\na,1,10,3\nb,2,20,\nc,3,30,1\nd,4,,0\n"
	table, err := ReadTruth(strings.NewReader(text), "t.csv", TruthColumns{Proxies: []string{"mine", "other", "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	var scores []Scores
	for _, a := range []string{"d", "c", "b", "a", "unknown"} {
		scores = append(scores, Scores{Arch: a})
	}
	found, accuracy, missing := Join(SetOf(scores), table)
	if missing != 1 {
		t.Errorf("%d missing", missing)
	}
	got := Judging{Resamples: 10, Seed: 1}.Proxies(table, found, accuracy)
	if len(got) != 2 || got[0].N != 3 || got[0].Tau != 1 || got[1].N != 3 || got[1].Tau != -1 {
		t.Errorf("%+v", got)
	}
	if v := table.Proxy("mine", "d", ""); !math.IsNaN(v) {
		t.Errorf("an empty cell is %v", v)
	}
	if _, err := ReadTruth(strings.NewReader(text), "t.csv", TruthColumns{Proxies: []string{"absent"}}); err == nil || !strings.Contains(err.Error(), `no column "absent"`) {
		t.Errorf("an absent column: %v", err)
	}
	if _, err := ReadTruth(strings.NewReader("arch,test_accuracy,mine\na,1,x\n"), "t.csv", TruthColumns{Proxies: []string{"mine"}}); err == nil || !strings.Contains(err.Error(), `line 2, column "mine"`) {
		t.Errorf("a word: %v", err)
	}
}

// TestPartials: a term that some live architectures lack is named, and not one that none has or that only a dead one lacks.
func TestPartials(t *testing.T) {
	scores, err := ReadScores(strings.NewReader("arch,canonical,dead,ntk,naswot,macs\na,a,false,1,1,\nb,b,false,,2,\nc,c,false,3,3,\nd,d,true,,,\n"), "f.csv")
	if err != nil {
		t.Fatal(err)
	}
	if got := Partials(scores); !slices.Equal(got, []Partial{{Name: "ntk", N: 2, Of: 3}}) {
		t.Errorf("%+v", got)
	}
}

// TestProxyWithoutValues is judged over no architecture, and so not at all.
func TestProxyWithoutValues(t *testing.T) {
	table, err := ReadTruth(strings.NewReader("arch,test_accuracy,p,q\na,1,,5\nb,2,,\nc,3,,4\n"), "t.csv", TruthColumns{Proxies: []string{"p", "q"}})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := ReadScores(strings.NewReader("arch,canonical,dead,ntk\na,a,false,1\nb,b,false,2\nc,c,false,3\n"), "f.csv")
	if err != nil {
		t.Fatal(err)
	}
	got := Judging{Resamples: 2, Top: []int{1}}.Proxies(table, scores, []float64{1, 2, 3})
	if len(got) != 1 || got[0].Name != "q" || got[0].N != 2 {
		t.Errorf("%+v", got)
	}
}
