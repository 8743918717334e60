package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/internal/wholefile"
)

// A folder of bnas keeps its own files, and no other; another folder keeps none.
func TestKeeps(t *testing.T) {
	own, other := t.TempDir(), t.TempDir()
	unlock, err := HoldFolder(own)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for name, want := range map[string]bool{"config.yaml": true, "scores.csv": true, "scores.json": true, "checkpoint": true, "mine.csv": false} {
		if got := Keeps(filepath.Join(own, name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
		if Keeps(filepath.Join(other, name)) {
			t.Errorf("%s of a folder that is not of bnas", name)
		}
	}
}

// A folder of retrained networks, which has no lock, keeps their list and their table.
func TestKeepsRetrained(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, RetrainedTableName)
	if Keeps(table) {
		t.Error("the table of a folder that is not of bnas")
	}
	list := filepath.Join(dir, ArchsName)
	if err := wholefile.Write(list, []byte("a\n")); err != nil {
		t.Fatal(err)
	}
	if !Keeps(table) || !Keeps(list) || Keeps(filepath.Join(dir, "mine.csv")) {
		t.Error("the table or the list is not kept, or another file is")
	}
}

// A configuration without a setting is not one of a run, whose settings would all be the defaults.
func TestEmptyConfiguration(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "null\n", "~\n", "{}\n", "# nothing\n"} {
		if err := wholefile.Write(filepath.Join(dir, ConfigName), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadConfig(dir); err == nil || !strings.HasSuffix(err.Error(), "the file is empty") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte("seed: 1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(dir); err != nil {
		t.Error(err)
	}
}
