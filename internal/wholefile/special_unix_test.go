//go:build unix

package wholefile

import (
	"fmt"
	"io"
	"io/fs"
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

func TestAFileKeepsItsMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestLinksStay(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, to, file string }{
		{"relative", "file", "file"},
		{"absolute", filepath.Join(dir, "other"), "other"},
		{"chain", "relative", "file"},
	} {
		link := filepath.Join(dir, test.name)
		if err := os.Symlink(test.to, link); err != nil {
			t.Fatal(err)
		}
		if err := Write(link, []byte(test.name)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("%s: the link became %v, %v", test.name, info.Mode(), err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, test.file)); string(got) != test.name {
			t.Errorf("%s: the file holds %q, %v", test.name, got, err)
		}
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if err := Write(loop, nil); err == nil {
		t.Error("wrote through a loop of links")
	}
}

func TestAPipeGetsTheOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		f, err := os.Open(path)
		if err != nil {
			read <- err.Error()
			return
		}
		defer f.Close()
		all, _ := io.ReadAll(f)
		read <- string(all)
	}()
	if err := Write(path, []byte("through")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "through" {
		t.Errorf("read %q", got)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe became %v, %v", info.Mode(), err)
	}
}

// TestAPipeOfTheShell: the path of an open pipe, as of >(command) and of /dev/stdout before "|", is a link that names no file.
func TestAPipeOfTheShell(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path := fmt.Sprintf("/dev/fd/%d", w.Fd())
	if err := Check(path); err != nil {
		t.Error(err)
	}
	if err := Write(path, []byte("through")); err != nil {
		t.Error(err)
	}
	w.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "through" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestADeviceStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "null")
	if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		t.Skipf("a private device needs root: %v", err)
	}
	if err := Write(path, []byte("nothing")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeDevice|fs.ModeCharDevice {
		t.Errorf("the device became %v, %v", info.Mode(), err)
	}
}
