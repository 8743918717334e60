package run

import (
	"errors"
	"testing"
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
