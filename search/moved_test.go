package search

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestAReplacedLedger: a search whose ledger was removed, or replaced by that of another run, ends with an error.
func TestAReplacedLedger(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed")
	}
	for name, change := range map[string]func(path string) error{
		"removed": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("another\n"), 0o666))
		},
	} {
		evaluations := 5
		if name == "removed" {
			evaluations = 2 * syncRows // it is met in the middle
		}
		path := filepath.Join(t.TempDir(), ScoresName)
		l, err := OpenLedger(filepath.Dir(path), Key{}, 1, Made{})
		if err != nil {
			t.Fatal(err)
		}
		space := fakeSpace{5, 3}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		_, err = Run(t.Context(), Problem{Space: space, Evaluator: &Recorded{space, newFake(space, 1), l}, Objective: firstTerm(t)}, Config{Strategy: "random", MaxEvaluations: evaluations}, nil)
		if err == nil || strings.Count(err.Error(), path+" was removed, moved or replaced") != 1 {
			t.Errorf("%s: %v", name, err)
		}
		l.Close()
	}
}
