package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// These name the folders in which a worker keeps the network while it opens it, and a server what it needs to start.
const (
	workerKeep = "bnas-worker-*"
	serverKeep = "bnas-queue-*"
)

// newKeep makes a folder among the temporary files, and removes those of this name that killed processes have left there. remove removes
// it. The folder itself is locked until then, and the lock of a process ends with it: one without a lock is of no process.
func newKeep(pattern string) (dir string, remove func(), err error) {
	removeLeftKeeps(pattern)
	for {
		if dir, err = os.MkdirTemp("", pattern); err != nil {
			return "", nil, err
		}
		l := lockOf(dir)
		got, failed := l.TryLock()
		_, gone := os.Lstat(dir)
		if failed == nil && !got || errors.Is(gone, fs.ErrNotExist) {
			l.Close()
			continue // another process took it for a left one, before it was locked
		}
		return dir, func() { os.RemoveAll(dir); l.Close() }, nil // without locks, nobody removes what is left
	}
}

// removeLeftKeeps removes the folders that killed processes have left. What another user has left, or what has no locks, stays.
func removeLeftKeeps(pattern string) {
	all, err := filepath.Glob(filepath.Join(os.TempDir(), pattern))
	if err != nil { // the folder of the temporary files has a name that is a wrong pattern
		return
	}
	for _, dir := range all {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			continue
		}
		l := lockOf(dir)
		if got, err := l.TryLock(); err == nil && got {
			os.RemoveAll(dir)
		}
		l.Close()
	}
}

// lockOf is the lock of a folder itself.
func lockOf(dir string) *flock.Flock { return flock.New(dir, flock.SetFlag(os.O_RDONLY)) }
