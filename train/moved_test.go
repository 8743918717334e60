package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestAReplacedFolderIsLeft: where the folder is removed, moved or replaced by that of another run, the training ends and writes nothing
// there.
func TestAReplacedFolderIsLeft(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open folder cannot be moved")
	}
	other := t.TempDir()
	theirs := run(t, fresh(t, quick(2), other))
	for name, change := range map[string]func(dir string) error{
		"removed":  os.RemoveAll,
		"moved":    func(dir string) error { return os.Rename(dir, dir+"-2") },
		"replaced": func(dir string) error { return errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(other))) },
	} {
		dir := filepath.Join(t.TempDir(), "run")
		err := fresh(t, quick(6), dir).Run(context.Background(), func(p Progress) {
			if p.Step == 3 {
				if err := change(dir); err != nil {
					t.Error(err)
				}
			}
		})
		if err == nil || !strings.Contains(err.Error(), "step 6: checkpoint not written: the folder "+dir+" was removed, moved or replaced") {
			t.Errorf("%s: %v", name, err)
		}
		if name != "replaced" {
			if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: the folder is there (%v)", name, err)
			}
		} else if !bytes.Equal(readFile(t, checkpointPath(dir)), theirs) {
			t.Errorf("%s: the checkpoint of the other run is another", name)
		}
	}
}
