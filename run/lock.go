package run

import (
	"errors"
	"fmt"
	"os"
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
	if unlock, err = HoldFolder(dir); err != nil {
		return nil, err
	}
	if err := wholefile.Clean(dir); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// HoldFolder is LockFolder without the removal.
func HoldFolder(dir string) (unlock func(), err error) {
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

// InUse reports whether a process is writing into a folder. It makes no file.
func InUse(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, lockName)); err != nil {
		return false
	}
	unlock, err := HoldFolder(dir)
	if err == nil {
		unlock()
	}
	var locked *LockedError
	return errors.As(err, &locked)
}
