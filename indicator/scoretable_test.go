package indicator

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// allOf reads all architectures of a table, in the order of the file.
func allOf(t testing.TB, table *ScoreTable) (all []Scores) {
	t.Helper()
	if table.Len() == 0 {
		return nil
	}
	err := table.each(func(s Scores, place int64, _ int) error {
		if slices.Contains(slices.Collect(table.index.candidates(s.Arch)), place) { // else it is a copy of a row
			s.Arch, s.Canonical = strings.Clone(s.Arch), strings.Clone(s.Canonical)
			s.Values, s.Spread = slices.Clone(s.Values), slices.Clone(s.Spread)
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// readTable reads a score file whose hashes of architectures are those of a function.
func readTable(text string, hash func(string) uint64) (*ScoreTable, error) {
	table := newScoreTable(strings.NewReader(text), "f.csv")
	if hash != nil {
		table.index.hash = hash
	}
	return table, table.read(int64(len(text)))
}

// TestTableReadsAsReadScores: a table has the rows and the errors of ReadScores. Hashes that collide change nothing.
func TestTableReadsAsReadScores(t *testing.T) {
	good := scoreText(t, someScores())
	row := strings.SplitAfter(good, "\n")
	for _, text := range []string{
		good, scoreText(t, spreadScores()), byteOrderMark + good, strings.ReplaceAll(good, "\n", "\r\n"), row[0] + "\n\n" + row[1] + "\n" + row[3] + row[2],
		good + row[1] + row[3],              // copies
		strings.Replace(good, ".", ".1", 1), // damaged
		"arch,canonical,dead,ntk\na,a,false,1\n\nb,b,false,\na,a,false,2\n",
		byteOrderMark + "arch,canonical,dead,ntk\n\n\"a\nb\",a,false,1\nb,b,false,\n\"a\nb\",a,false,2\n",
		"arch,canonical,dead,ntk\na,a,false,1\nb,b,false\n", "arch,canonical,dead,ntk\na,a,false,x\n", "arch,canonical,dead,zen\n", "",
	} {
		want, wantErr := ReadScores(strings.NewReader(text), "f.csv")
		for name, hash := range map[string]func(string) uint64{"one": func(string) uint64 { return 7 }, "usual": nil} {
			table, err := readTable(text, hash)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%q, %s hash: error %v, want %v", text, name, err, wantErr)
			}
			if err != nil {
				continue
			}
			if d := cmp.Diff(want.List(), allOf(t, table), cmpopts.EquateNaNs()); d != "" || table.Len() != want.Len() {
				t.Errorf("%q, %s hash: %d rows: %s", text, name, table.Len(), d)
			}
			for _, s := range want.List() {
				got, ok, err := table.Lookup(s.Arch)
				if d := cmp.Diff(s, got, cmpopts.EquateNaNs()); !ok || err != nil || d != "" {
					t.Errorf("%q, %s hash: %s is %t, %v: %s", text, name, s.Arch, ok, err, d)
				}
			}
			if _, ok, err := table.Lookup("absent"); ok || err != nil {
				t.Errorf("%q, %s hash: what it has not is %t, %v", text, name, ok, err)
			}
		}
	}
}

// TestTableGrows: a row is found as soon as it is written, and the end of the loop over all rows can come early.
func TestTableGrows(t *testing.T) {
	f, err := OpenScores(filepath.Join(t.TempDir(), "scores.csv"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.index.hash = func(string) uint64 { return 7 }
	if got := allOf(t, f.ScoreTable); len(got) != 0 {
		t.Errorf("a new file has %v", got)
	}
	for i, s := range someScores() {
		if _, ok, err := f.Lookup(s.Arch); ok || err != nil {
			t.Errorf("%s is there before: %v", s.Arch, err)
		}
		if err := f.Write(s); err != nil {
			t.Fatal(err)
		}
		got, ok, err := f.Lookup(s.Arch)
		if d := cmp.Diff(s, got, cmpopts.EquateNaNs()); !ok || err != nil || d != "" || f.Len() != i+1 {
			t.Errorf("row %d of %d: %t, %v: %s", i, f.Len(), ok, err, d)
		}
	}
	n := 0
	for s, err := range EachScore(f.name) {
		if d := cmp.Diff(someScores()[n], s, cmpopts.EquateNaNs()); err != nil || d != "" {
			t.Errorf("row %d: %v: %s", n, err, d)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d rows before the end", n)
	}
}

// TestChangedBehindTheTable: a row that another program changes is an error when it is read again.
func TestChangedBehindTheTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.csv")
	text := scoreText(t, someScores())
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := OpenScores(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := strings.Index(text, "\nb,")
	dot := row + strings.Index(text[row:], ".")
	changed := []byte(text)
	changed[dot+1] ^= 1 // another digit
	if err := os.WriteFile(path, changed, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Lookup("a"); err != nil {
		t.Errorf("the row before: %v", err)
	}
	if _, _, err := f.Lookup("b"); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("the changed row: %v", err)
	}
	var errs []error
	for _, err := range EachScore(path) {
		errs = append(errs, err)
	}
	if len(errs) != 2 || errs[0] != nil || errs[1] == nil {
		t.Errorf("all rows: %v", errs)
	}
	for _, err := range EachScore(path + "absent") {
		if err == nil {
			t.Error("a row of no file")
		}
	}
}

// TestTableIsSmall: a table keeps a hash and a place for each architecture, whatever its terms are.
func TestTableIsSmall(t *testing.T) {
	const rows, most = 50_000, 40 // bytes an architecture
	var b strings.Builder
	columns := append(slices.Clone(scoreHeader), TermNames()[:2]...)
	b.Write(csvLine(columns))
	for i := range rows {
		fmt.Fprintf(&b, "a long text of an architecture %d,its canonical form %d,false,%d,\n", i, i, i)
	}
	text := b.String()
	before := liveHeap()
	table, err := readTable(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if each := float64(liveHeap()-before) / rows; each > most || table.Len() != rows {
		t.Errorf("%.1f bytes for each of %d architectures, want at most %d", each, table.Len(), most)
	} else {
		t.Logf("%.1f bytes an architecture", each)
	}
	runtime.KeepAlive(table)
	runtime.KeepAlive(text)
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
