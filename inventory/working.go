package inventory

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"bnas.example/run"
)

// Work is a folder that a process works in.
type Work struct {
	Dir     string    `json:"dir"`
	Changed time.Time `json:"changed"` // the newest file in it; at least the start of the process
}

// Working returns the folders in dir, itself included, that a process works in. A folder within another one counts to that. No
// device and no checkpoint is opened. A dir that is missing has none; a folder in it that cannot be read is left out. Links to folders
// count as folders; what is below one that no process works in is not looked at.
func Working(dir string) ([]Work, error) {
	all := []Work{}
	root := target(dir)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil && path == root {
			return err
		}
		link := d != nil && d.Type()&fs.ModeSymlink != 0
		if err != nil || !d.IsDir() && !link || !run.InUse(path) {
			return nil
		}
		_, changed := sizeOf(path)
		all = append(all, Work{filepath.Join(dir, strings.TrimPrefix(path, root)), changed})
		if link {
			return nil
		}
		return fs.SkipDir
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return all, err
}

// Newest returns when one of the folders changed last; ok is false without folders.
func Newest(all []Work) (last time.Time, ok bool) {
	for _, w := range all {
		if w.Changed.After(last) {
			last = w.Changed
		}
	}
	return last, len(all) > 0
}
