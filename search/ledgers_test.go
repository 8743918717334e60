package search

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/indicator"
)

// addRow scores one architecture of the fake space into the ledger of key.
func addRow(t *testing.T, dir string, key Key, arch int) {
	t.Helper()
	addRowBy(t, dir, key, arch, Made{Version: "v1"})
}

func addRowBy(t *testing.T, dir string, key Key, arch int, by Made) {
	t.Helper()
	l, err := OpenLedger(dir, key, 1, by)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	space := fakeSpace{5, 3}
	r := &Recorded{space, newFake(space, 2), l}
	if _, err := r.Score(space.At(arch)); err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, dir string) int {
	t.Helper()
	return strings.Count(string(read(t, dir)), "\n") - 1
}

// TestLedgerOfEachKey: the ledger of a key comes back whole after another key was used, any number of times.
func TestLedgerOfEachKey(t *testing.T) {
	dir := t.TempDir()
	other := Key{"supernet": "fake 1", "data": "d2"}
	addRow(t, dir, testKey, 0)
	first := string(read(t, dir))
	addRow(t, dir, other, 1)
	addRow(t, dir, other, 2)
	if n := rows(t, dir); n != 2 {
		t.Errorf("%d rows of the second key, want 2", n)
	}
	openTest(t, dir).Close()
	if got := string(read(t, dir)); got != first {
		t.Errorf("the first ledger came back as\n%swant\n%s", got, first)
	}
	addRow(t, dir, other, 3)
	if n := rows(t, dir); n != 3 {
		t.Errorf("%d rows of the second key, want 3", n)
	}
}

// TestLedgerOfOtherTerms: scores with other columns, or without a key, are kept and do not block.
func TestLedgerOfOtherTerms(t *testing.T) {
	for name, change := range map[string]func(dir string) error{
		"columns": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, ScoresName), []byte("arch,canonical,dead,params\na,a,false,1\n"), 0o666)
		},
		"no key": func(dir string) error { return os.Remove(filepath.Join(dir, keyFile)) },
	} {
		dir := t.TempDir()
		addRow(t, dir, testKey, 0)
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		kept := read(t, dir)
		addRow(t, dir, testKey, 1)
		if n := rows(t, dir); n != 1 {
			t.Errorf("%s: %d rows, want 1", name, n)
		}
		found, err := filepath.Glob(filepath.Join(dir, ledgersFolder, "*", ScoresName))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: kept %v, %v", name, found, err)
		}
		if text, err := os.ReadFile(found[0]); err != nil || string(text) != string(kept) {
			t.Errorf("%s: kept\n%s, %v", name, text, err)
		}
	}
}

// TestLedgerOfAnOlderProgram: an entry that an older program did not write is no difference, and is written.
func TestLedgerOfAnOlderProgram(t *testing.T) {
	dir := t.TempDir()
	addRow(t, dir, testKey, 0)
	now := Key{"supernet": "fake 1", "data": "d1", "new": "entry"}
	addRow(t, dir, now, 1)
	if n := rows(t, dir); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	addRow(t, dir, Key{"supernet": "fake 1", "data": "d1", "new": "other"}, 2)
	if n := rows(t, dir); n != 1 {
		t.Errorf("%d rows under another entry, want 1", n)
	}
}

// TestLedgerWithoutChecks: a ledger of an older version has no checks. It is continued without them, also after it was kept
// aside.
func TestLedgerWithoutChecks(t *testing.T) {
	dir := t.TempDir()
	addRow(t, dir, testKey, 0)
	var old strings.Builder
	for line := range strings.Lines(string(read(t, dir))) {
		old.WriteString(line[:strings.LastIndex(line, ",")] + "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, ScoresName), []byte(old.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	addRow(t, dir, Key{"supernet": "fake 1", "data": "d2"}, 1)
	addRow(t, dir, testKey, 2)
	text := string(read(t, dir))
	if !strings.HasPrefix(text, old.String()) || rows(t, dir) != 2 || strings.Contains(text, indicator.CheckColumn) {
		t.Errorf("continued as\n%s", text)
	}
}

// TestDamagedLedger: a changed digit is refused with the line and the architecture.
func TestDamagedLedger(t *testing.T) {
	dir := t.TempDir()
	addRow(t, dir, testKey, 0)
	addRow(t, dir, testKey, 5)
	text := string(read(t, dir))
	last := strings.LastIndex(text, ".") + 1
	digit := "1"
	if text[last:last+1] == digit {
		digit = "2"
	}
	if err := os.WriteFile(filepath.Join(dir, ScoresName), []byte(text[:last]+digit+text[last+1:]), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := OpenLedger(dir, testKey, 1, Made{})
	for _, want := range []string{ScoresName, "line 3", fakeSpace{5, 3}.Format(fakeSpace{5, 3}.At(5)), "delete the row"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// TestKilledWhileChoosing: a program that is killed between any two steps of the change to another ledger loses no score.
func TestKilledWhileChoosing(t *testing.T) {
	other := Key{"supernet": "fake 1", "data": "d2"}
	first := setup{testKey, []Made{{Version: "v1"}}, setupOf(nil, strings.Join(indicator.ScoreColumns(1), ",")).columns}
	for name, until := range map[string]func(t *testing.T, dir string){
		"after the folder": func(t *testing.T, dir string) { mustAside(t, dir, first, false) },
		"after the move":   func(t *testing.T, dir string) { mustAside(t, dir, first, true) },
		"after the key": func(t *testing.T, dir string) {
			mustAside(t, dir, first, true)
			if err := writeProvenance(dir, other, nil); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := t.TempDir()
		addRow(t, dir, testKey, 0)
		text := string(read(t, dir))
		until(t, dir)
		openTest(t, dir).Close()
		if got := string(read(t, dir)); got != text {
			t.Errorf("%s: the scores came back as\n%swant\n%s", name, got, text)
		}
		if from, err := ReadProvenance(filepath.Join(dir, ScoresName)); err != nil || len(from.Made) != 1 || from.Made[0].Version != "v1" {
			t.Errorf("%s: made by %v, %v", name, from.Made, err)
		}
	}
}

// mustAside makes the folder of a ledger with its key, and moves the scores there if move is true.
func mustAside(t *testing.T, dir string, s setup, move bool) {
	t.Helper()
	if move {
		if _, err := setAside(dir, s); err != nil {
			t.Fatal(err)
		}
		return
	}
	name, err := s.folder()
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, name), 0o777)
	}
	if err == nil {
		err = writeProvenance(filepath.Join(dir, name), s.key, s.made)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, name, ScoresName)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}
