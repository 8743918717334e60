package run

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func TestLockFolder(t *testing.T) {
	dir := t.TempDir()
	unlock, err := HoldFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := HoldFolder(dir); !errors.As(err, &locked) {
		t.Errorf("locked twice: error %v", err)
	}
	unlock()
	if unlock, err = HoldFolder(dir); err != nil {
		t.Fatalf("locked after it was let go: %v", err)
	}
	unlock()
}

// Looking whether a folder is in use makes no file there, and nobody who locks the folder at that moment fails.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	if InUse(dir) {
		t.Error("an empty folder is in use")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it makes %v, %v", left, err)
	}
	unlock, err := LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !InUse(dir) {
		t.Error("a locked folder is not in use")
	}
	unlock()
	if InUse(dir) {
		t.Error("it is in use after it was let go")
	}
	looking := flock.New(filepath.Join(dir, lockName))
	if err := looking.RLock(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(3*lockRetry, func() { looking.Close() })
	if unlock, err = HoldFolder(dir); err != nil {
		t.Fatalf("locked while somebody looked: %v", err)
	}
	unlock()
}

// A process that begins has changed its folder.
func TestLockingIsAChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, lockName)
	long := time.Now().Add(-time.Hour)
	if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chtimes(path, long, long)); err != nil {
		t.Fatal(err)
	}
	unlock, err := LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) > time.Minute {
		t.Errorf("the lock file is of %v, %v", info.ModTime(), err)
	}
}
