package run

import (
	"errors"
	"testing"
)

func TestLockFolder(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := lockFolder(dir); !errors.As(err, &locked) {
		t.Errorf("locked twice: error %v", err)
	}
	unlock()
	if unlock, err = lockFolder(dir); err != nil {
		t.Fatalf("locked after it was let go: %v", err)
	}
	unlock()
}
