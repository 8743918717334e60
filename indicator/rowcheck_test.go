package indicator

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func scoreText(t testing.TB, scores []Scores) string {
	t.Helper()
	var b bytes.Buffer
	if err := writeScores(&b, scores); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestChangedByte changes each byte of a score file, to several others. Such a file is refused, or reads equal.
func TestChangedByte(t *testing.T) {
	text := scoreText(t, someScores())
	rows := strings.Index(text, "\n") + 1
	for i := range text {
		for _, b := range []byte{text[i] ^ 1, '9', ',', '"', '\n'} {
			changed := []byte(text)
			changed[i] = b
			got, err := ReadScores(bytes.NewReader(changed), "f.csv")
			if err == nil && !cmp.Equal(got.List(), someScores(), cmpopts.EquateNaNs()) {
				t.Fatalf("byte %d (row bytes begin at %d) from %q to %q: read as other scores", i, rows, text[i], b)
			}
		}
	}
}

// TestDamagedRow: the error names the file, the line and the architecture, and says what to do. The file is left as it was.
func TestDamagedRow(t *testing.T) {
	text := scoreText(t, someScores())
	damaged := strings.Replace(text, "10.099504938362077", "10.099504938362078", 1)
	if damaged == text {
		t.Fatal("the digit to change is not there")
	}
	path := filepath.Join(t.TempDir(), "scores.csv")
	if err := os.WriteFile(path, []byte(damaged), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := OpenScores(path, 1)
	for _, want := range []string{path, "line 3", "the row of b ", "delete the row"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	if after, _ := os.ReadFile(path); string(after) != damaged {
		t.Error("the damaged file was changed")
	}
}

// TestCheckOfOtherColumns: the check does not depend on the order of the columns, or on empty cells. Without the column, or
// without a cell that was not computed, a table is read too.
func TestCheckOfOtherColumns(t *testing.T) {
	records, err := csv.NewReader(strings.NewReader(scoreText(t, someScores()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(row []string) []string{
		"reversed": func(row []string) []string { slices.Reverse(row); return row },
		"no check": func(row []string) []string { return row[:len(row)-1] },
	} {
		var b strings.Builder
		for _, row := range records {
			b.Write(csvLine(change(slices.Clone(row))))
		}
		got, err := ReadScores(strings.NewReader(b.String()), "f.csv")
		if d := cmp.Diff(someScores(), got.List(), cmpopts.EquateNaNs()); err != nil || d != "" {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
	row := "a,,false,2,check\n"
	layout, err := newScoreLayout([]string{"arch", "canonical", "dead", "ntk"})
	if err != nil {
		t.Fatal(err)
	}
	sum := layout.check([]string{"a", "", "false", "2"})
	if got, err := ReadScores(strings.NewReader("arch,canonical,dead,ntk,check\n"+strings.Replace(row, "check", sum, 1)), "f.csv"); err != nil || got.Len() != 1 {
		t.Errorf("an empty cell: %v", err)
	}
	for _, wrong := range []string{"", "0", strings.ToUpper("abcdef01"), sum + " "} {
		if _, err := ReadScores(strings.NewReader("arch,canonical,dead,ntk,check\n"+strings.Replace(row, "check", wrong, 1)), "f.csv"); err == nil {
			t.Errorf("check %q was accepted", wrong)
		}
	}
}

// TestOlderScoreFile: a file without the column of checks is continued without it.
func TestOlderScoreFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.csv")
	columns := ScoreColumns(1)
	columns = columns[:len(columns)-1]
	layout, err := newScoreLayout(columns)
	if err != nil {
		t.Fatal(err)
	}
	all := someScores()
	old := string(csvLine(columns)) + string(csvLine(layout.row(all[0])))
	if err := os.WriteFile(path, []byte(old), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := OpenScores(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 1 {
		t.Fatalf("%d rows", f.Len())
	}
	if err := f.Write(all[1]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if want := old + string(csvLine(layout.row(all[1]))); err != nil || string(text) != want {
		t.Errorf("continued as\n%s%v, want\n%s", text, err, want)
	}
}
