//go:build unix

package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// TestKeeps: a worker removes the folder of a killed one, and neither that of another that works nor what is no folder.
func TestKeeps(t *testing.T) {
	root := t.TempDir()
	t.Setenv("TMPDIR", root)
	names := func() (all []string) {
		t.Helper()
		entries, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, filepath.Join(root, e.Name()))
		}
		return all
	}
	left, file, link, elsewhere := filepath.Join(root, "bnas-worker-1"), filepath.Join(root, "bnas-worker-file"), filepath.Join(root, "bnas-worker-link"), t.TempDir()
	if err := os.MkdirAll(filepath.Join(left, "inside"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	first, removeFirst, err := newKeep(workerKeep)
	if err != nil {
		t.Fatal(err)
	}
	second, removeSecond, err := newKeep(workerKeep)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{first, second, file, link}
	slices.Sort(want)
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	removeFirst()
	removeSecond()
	if got := names(); !slices.Equal(got, []string{file, link}) {
		t.Errorf("at the end there are %q", got)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error(err)
	}
}

// TestKeepsTogether: workers that begin together leave each other's folders.
func TestKeepsTogether(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				dir, remove, err := newKeep(workerKeep)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
					t.Error(err)
				}
				remove()
			}
		})
	}
	all.Wait()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
