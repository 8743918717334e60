package run

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// makeFolders makes dir and its parents, and returns those that it made, the innermost last.
func makeFolders(dir string) (made []string, err error) {
	dir = filepath.Clean(dir)
	for at := dir; ; at = filepath.Dir(at) {
		_, err := os.Stat(at)
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		made = append([]string{at}, made...)
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
