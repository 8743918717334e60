package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// NameError means that a text names no run, or several.
type NameError struct {
	Text, Dir string
	Matches   []string // the runs whose names begin with the text; none, or several
}

func (e *NameError) Error() string {
	if len(e.Matches) == 0 {
		return fmt.Sprintf("%q: no run in %s has a name that begins so", e.Text, e.Dir)
	}
	return fmt.Sprintf("%q: several runs in %s begin so: %s", e.Text, e.Dir, strings.Join(e.Matches, ", "))
}

// Pick returns the folder of a run in dir: that of the name, or of the only name that begins with it. A path of a run folder
// anywhere names it too. The error of a text that names no run, or several, is a *NameError.
func Pick(dir, text string) (string, error) {
	if strings.ContainsRune(text, filepath.Separator) && isRun(text) {
		return filepath.Clean(text), nil
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	wrong := &NameError{Text: text, Dir: dir}
	for _, f := range found {
		at := filepath.Join(dir, f.Name())
		if text == "" || !strings.HasPrefix(f.Name(), text) || !isRun(at) {
			continue
		}
		if f.Name() == text {
			return at, nil
		}
		wrong.Matches = append(wrong.Matches, f.Name())
	}
	if len(wrong.Matches) == 1 {
		return filepath.Join(dir, wrong.Matches[0]), nil
	}
	return "", wrong
}
