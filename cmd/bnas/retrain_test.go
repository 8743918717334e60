package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/run"
	"bnas.example/supernet"
)

// TestFound: the networks of --from are the finalists by accuracy, then the others by score.
func TestFound(t *testing.T) {
	dir := t.TempDir()
	space, err := supernet.Lookup("nas-bench-macro")
	if err != nil {
		t.Fatal(err)
	}
	const best = `{"best": [{"arch": "00000000"}, {"arch": "11111111"}, {"arch": "22222222"}, {"arch": "00001111"}]`
	for rest, want := range map[string]string{
		"}": "00000000 11111111 22222222 00001111",
		`, "finalists": [{"arch": "00000000", "validation_accuracy": 0.5}, {"arch": "11111111", "validation_accuracy": 0.25}, {"arch": "22222222", "validation_accuracy": 0.75}]}`: "22222222 00000000 11111111 00001111",
	} {
		if err := os.WriteFile(filepath.Join(dir, run.ResultName), []byte(best+rest), 0o666); err != nil {
			t.Fatal(err)
		}
		archs, err := found(space, dir, 4)
		var texts []string
		for _, a := range archs {
			texts = append(texts, space.Format(a))
		}
		if got := strings.Join(texts, " "); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", rest, got, err, want)
		}
	}
}
