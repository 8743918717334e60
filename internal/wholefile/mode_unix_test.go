//go:build unix

package wholefile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestUmaskDecidesTheMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o007))
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o660 {
		t.Errorf("mode %v, %v, want 0660", info.Mode(), err)
	}
}
