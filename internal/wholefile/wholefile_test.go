package wholefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"first", "second, longer"} {
		if err := Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

func TestAFolderIsRefused(t *testing.T) {
	if err := Write(t.TempDir(), nil); err == nil {
		t.Error("wrote over a folder")
	}
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".bnas-12ab.tmp", "kept", ".bnas-kept"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("%d files are left, want 2", len(entries))
	}
}

// TestCheck: Check has the error of a Write, and leaves everything as it is.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	if err := Write(old, []byte("old")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{old, filepath.Join(dir, "new"), os.DevNull} {
		if err := Check(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "absent", "file"), filepath.Join(old, "file")} {
		if want, err := Write(path, nil), Check(path); err == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v, and a Write has %v", path, err, want)
		}
	}
	if got, _ := os.ReadFile(old); string(got) != "old" {
		t.Errorf("content %q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files, want 1", len(entries))
	}
}

func TestFailureLeavesTheOldContentAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space")
	err := WriteFrom(path, func(w io.Writer) error {
		if _, err := w.Write([]byte("half")); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("content %q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files left", len(entries))
	}
	if err := Write(filepath.Join(dir, "absent", "file"), nil); err == nil {
		t.Error("wrote into a folder that is not there")
	}
}

// TestErrorsNameTheFile: an error names the file that was asked for, or its folder if that is missing.
func TestErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	err := WriteFrom(path, func(w io.Writer) error { return w.(*os.File).Truncate(-1) })
	if want := "truncate " + path + ": "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	absent := filepath.Join(dir, "absent")
	err = Write(filepath.Join(absent, "file"), nil)
	if want := "open " + absent + ": "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
