package train

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// TestReadPosition: the progress of a run without its network, and that of the checkpoint before a damaged one.
func TestReadPosition(t *testing.T) {
	cfg := quick(10)
	cfg.CheckpointEvery = 7
	dir := t.TempDir()
	if _, err := ReadPosition(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	run(t, fresh(t, cfg, dir))
	at, err := ReadPosition(dir)
	if err != nil || at.Step != 10 || at.Total != 10 || !at.Done() {
		t.Errorf("position %+v, %v", at, err)
	}
	if err := os.WriteFile(checkpointPath(dir), []byte(magic), 0o666); err != nil {
		t.Fatal(err)
	}
	if at, err = ReadPosition(dir); err != nil || at.Step != 7 || at.Done() {
		t.Errorf("position %+v, %v, want that of the predecessor", at, err)
	}
}
