package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// makeFolders makes dir and its parents, and returns those that it made, the innermost last. A link that leads nowhere is the user's: it
// is an error, and is not among them.
func makeFolders(dir string) (made []string, err error) {
	dir = filepath.Clean(dir)
	for at := dir; ; at = filepath.Dir(at) {
		_, err := os.Lstat(at)
		if err == nil || at == filepath.Dir(at) {
			if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s is a link that leads nowhere; make the folder that it names, or take it away", at)
			}
			break
		}
		made = append([]string{at}, made...) // also where the path is too long to look: its parents may be made before that is an error
	}
	return made, os.MkdirAll(dir, 0o777)
}

// removeEmpty removes folders that hold nothing but a lock.
func removeEmpty(folders []string) {
	for i := len(folders) - 1; i >= 0; i-- {
		if i == len(folders)-1 && OnlyLock(folders[i]) {
			os.Remove(filepath.Join(folders[i], lockName))
		}
		os.Remove(folders[i])
	}
}

// OnlyLock reports whether a folder holds nothing but a lock: a run that never began.
func OnlyLock(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 1 && entries[0].Name() == lockName
}
