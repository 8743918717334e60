//go:build unix

package wholefile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOpenRefusesAPipe: it would wait for a writer. A file is read, and what is missing has the error of os.
func TestOpenRefusesAPipe(t *testing.T) {
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := Read(pipe); err == nil || !strings.Contains(err.Error(), pipe+": is no file; move it away") {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := Read(file); !os.IsNotExist(err) {
		t.Errorf("%q, %v", text, err)
	}
	if err := os.WriteFile(file, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := Read(file); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
}
