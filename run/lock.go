package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"bnas.example/internal/wholefile"
)

// lockName is the file of a folder that is locked while a process writes into the folder.
const lockName = ".lock"

// LockFolder prevents other bnas processes from writing into a folder, and removes what a killed one left half-written there. The
// lock ends when the returned function is called, or when the process ends in any way. If another process has the lock, the error is
// a *LockedError. On a file system without locks it says so and goes on.
func LockFolder(dir string) (unlock func(), err error) {
	if unlock, err = HoldFolder(dir); err != nil {
		return nil, err
	}
	markStart(dir)
	if err := wholefile.Clean(dir); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// markStart gives the lock file of a folder the present time: a process that has just begun has changed something, though what it
// writes may take long to come. Where a file system refuses, nothing is lost.
func markStart(dir string) {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(dir, lockName), now, now)
}

// InUse locks a folder for microseconds. HoldFolder waits for longer than that before it gives up.
const (
	lockPatience = 100 * time.Millisecond
	lockRetry    = 5 * time.Millisecond
)

// HoldFolder is LockFolder without the removal.
func HoldFolder(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, lockName)
	if wholefile.IsStream(path) { // to open a pipe takes until somebody writes into it
		return nil, fmt.Errorf("run folder: %s is no file; move it away", path)
	}
	l := flock.New(path, flock.SetPermissions(0o666))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	if _, err = l.TryLockContext(ctx, lockRetry); err == nil {
		return func() { l.Close() }, nil
	}
	l.Close()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &LockedError{dir}
	case hasNoLocks(err):
		slog.Warn("the file system has no locks: let no other process of bnas write into this folder", "folder", dir, "error", err)
		return func() {}, nil
	}
	return nil, fmt.Errorf("run folder: %w", err)
}

// hasNoLocks reports whether an error of a lock is that of a file system that has none, such as Lustre without -o flock, or NFS without its
// lock daemon.
func hasNoLocks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK)
}

// InUse reports whether a process is writing into a folder. It makes no file.
func InUse(dir string) bool {
	path := filepath.Join(dir, lockName)
	if wholefile.IsStream(path) {
		return false
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	defer l.Close()
	got, err := l.TryRLock()
	return err == nil && !got
}
