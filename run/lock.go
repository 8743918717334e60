package run

import (
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"

	"bnas.example/internal/wholefile"
)

// lockName is the file of a folder that is locked while a process writes into the folder.
const lockName = ".lock"

// LockFolder prevents other bnas processes from writing into a folder, and removes what a killed one left half-written there. The
// lock ends when the returned function is called, or when the process ends in any way. If another process has the lock, the error is
// a *LockedError.
func LockFolder(dir string) (unlock func(), err error) {
	if unlock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	if err := wholefile.Clean(dir); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lockFolder prevents other bnas processes from writing into a folder. The lock ends when the returned function is called,
// or when the process ends in any way.
func lockFolder(dir string) (unlock func(), err error) {
	l := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o666))
	got, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	if !got {
		return nil, &LockedError{dir}
	}
	return func() { l.Close() }, nil
}
