package search

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWhatComputedALedger: the provenance of a ledger names each program that scored into it, once and in order. It is no part of the
// key: every program goes on with the same rows.
func TestWhatComputedALedger(t *testing.T) {
	v1, v2 := Made{"v1", 2}, Made{"v2", 2}
	wide := Made{"v1", 4}
	other := Key{"supernet": "fake 1", "data": "d2"}
	score := func(arch int, by Made) func(*testing.T, string) {
		return func(t *testing.T, dir string) { addRowBy(t, dir, testKey, arch, by) }
	}
	forget := func(t *testing.T, dir string) { // as an older program wrote it
		if err := (Provenance{Key: testKey}).Write(filepath.Join(dir, ScoresName)); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		steps []func(*testing.T, string)
		want  []Made
		rows  int
	}{
		{"written", []func(*testing.T, string){score(0, v1)}, []Made{v1}, 1},
		{"the same again", []func(*testing.T, string){score(0, v1), score(1, v1)}, []Made{v1}, 2},
		{"another version", []func(*testing.T, string){score(0, v1), score(1, v2), score(2, v1)}, []Made{v1, v2}, 3},
		{"other threads", []func(*testing.T, string){score(0, v1), score(1, wide)}, []Made{v1, wide}, 2},
		{"no new score", []func(*testing.T, string){score(0, v1), score(0, v2)}, []Made{v1}, 1},
		{"an older program", []func(*testing.T, string){score(0, v1), forget, score(1, v2)}, []Made{{}, v2}, 2},
		{"an older program, no new score", []func(*testing.T, string){score(0, v1), forget, score(0, v2)}, nil, 1},
		{"back from another key", []func(*testing.T, string){
			score(0, v1), func(t *testing.T, dir string) { addRowBy(t, dir, other, 0, v2) }, score(1, wide),
		}, []Made{v1, wide}, 2},
		{"back, no new score", []func(*testing.T, string){
			score(0, v1), func(t *testing.T, dir string) { addRowBy(t, dir, other, 0, v2) }, score(0, wide),
		}, []Made{v1}, 1},
		{"removed scores", []func(*testing.T, string){
			score(0, v1), func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, ScoresName)) }, score(0, v2),
		}, []Made{v2}, 1},
	} {
		dir := t.TempDir()
		for _, step := range test.steps {
			step(t, dir)
		}
		got, err := ReadProvenance(filepath.Join(dir, ScoresName))
		if err != nil || !slices.Equal(got.Made, test.want) {
			t.Errorf("%s: made by %v, %v, want %v", test.name, got.Made, err, test.want)
		}
		if key, err := ReadKey(dir); err != nil || len(key) != len(testKey) || key["data"] != "d1" || rows(t, dir) != test.rows {
			t.Errorf("%s: %d rows of key %v, %v, want %d of %v", test.name, rows(t, dir), key, err, test.rows, testKey)
		}
	}
}

// TestReadProvenance: the JSON has the entries of the key and what made the scores; a damaged file is an error that names it.
func TestReadProvenance(t *testing.T) {
	key := Key{"data": "d1"}
	for text, want := range map[string]struct {
		Provenance
		wrong bool
	}{
		`{"data":"d1"}`: {Provenance{Key: key}, false},
		`{"data":"d1","made":[{"version":"v1","threads":2},{"version":"v2"}]}`: {Provenance{key, []Made{{"v1", 2}, {"v2", 0}}}, false},
		`{"data":"d1","made":"v1"}`: {wrong: true},
		`{"data":1}`:                {wrong: true},
		`["d1"]`:                    {wrong: true},
		`{`:                         {wrong: true},
	} {
		scores := filepath.Join(t.TempDir(), "own.csv")
		if err := os.WriteFile(strings.Replace(scores, ".csv", ".json", 1), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := ReadProvenance(scores)
		if want.wrong {
			if err == nil || !strings.Contains(err.Error(), "own.json") {
				t.Errorf("%s: %v, %v, want an error", text, got, err)
			}
			continue
		}
		if err != nil || got.Key["data"] != "d1" || len(got.Key) != 1 || !slices.Equal(got.Made, want.Made) {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want.Provenance)
		}
		if err := got.Write(scores); err != nil {
			t.Fatal(err)
		}
		if again, err := ReadProvenance(scores); err != nil || !slices.Equal(again.Made, got.Made) || again.Key["data"] != "d1" || len(again.Key) != 1 {
			t.Errorf("%s: written and read as %v, %v", text, again, err)
		}
	}
	if p, err := ReadProvenance(filepath.Join(t.TempDir(), "none.csv")); p.Key != nil || p.Made != nil || err != nil {
		t.Errorf("nothing beside a file: %v, %v", p, err)
	}
}
