//go:build unix

package inventory

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bnas.example/internal/sampleruns"
	"bnas.example/run"
)

// TestPipesBlockNobody: a file of a run that is a pipe, whose open waits for a writer, is refused.
func TestPipesBlockNobody(t *testing.T) {
	root := t.TempDir()
	first := filepath.Join(root, "first")
	sampleruns.Done(t, first)
	files, err := os.ReadDir(first)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{".lock", run.StatusName}
	for _, f := range files {
		if f.Type().IsRegular() {
			names = append(names, f.Name())
		}
	}
	for _, name := range names {
		dir := filepath.Join(root, "of "+name)
		sampleruns.Done(t, dir)
		path := filepath.Join(dir, name)
		os.Remove(path)
		if err := unix.Mkfifo(path, 0o666); err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() {
			Read(dir)
			LastOf(dir)
			ConfigOf(dir)
			Working(dir)
			run.ReadStatus(dir)
			if cfg, err := run.ReadConfig(dir); err == nil {
				run.CurvesOf(dir, cfg)
			}
			if unlock, err := run.LockFolder(dir); err == nil {
				unlock()
			}
			close(over)
		}()
		select {
		case <-over:
		case <-time.After(time.Minute):
			t.Errorf("%s blocks", name)
			return
		}
	}
}
