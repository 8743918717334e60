package train

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"bnas.example/kernels"
)

// TestCheckpointIsAlwaysThere: a reader finds a whole checkpoint at every moment while new ones are written.
func TestCheckpointIsAlwaysThere(t *testing.T) {
	dir := t.TempDir()
	b := encoded(t, sample())
	content := func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
	if err := replace(dir, content); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		var err error
		for range 300 {
			err = errors.Join(err, replace(dir, content))
		}
		done <- err
	}()
	for reads := 0; ; reads++ {
		if _, err := loadFile(checkpointPath(dir)); err != nil {
			t.Fatalf("read %d: %v", reads, err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if _, err := loadFile(filepath.Join(dir, PredecessorName)); err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}

// TestCleanRemovesWhatAKillLeft: temporary files go; the checkpoints stay.
func TestCleanRemovesWhatAKillLeft(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{CheckpointName, PredecessorName, temporaryName, linkName} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time nothing is left to remove
		if err := Clean(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, left := range map[string]bool{CheckpointName: true, PredecessorName: true, temporaryName: false, linkName: false} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) == left {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestArraysOfACheckpoint: a checkpoint with a right checksum whose arrays are absent, doubled or in other places is refused.
func TestArraysOfACheckpoint(t *testing.T) {
	cfg := quick(4)
	for name, change := range map[string]func(*checkpoint){
		"absent": func(c *checkpoint) { c.Arrays, c.values = c.Arrays[1:], c.values[1:] },
		"doubled": func(c *checkpoint) {
			c.Arrays, c.values = append(c.Arrays, c.Arrays[0]), append(c.values, c.values[0])
		},
		"a value as a moment": func(c *checkpoint) { c.Arrays[0].Slot = kernels.Moment1 },
		"exchanged": func(c *checkpoint) {
			last := len(c.Arrays) - 1
			c.Arrays[0], c.Arrays[last] = c.Arrays[last], c.Arrays[0]
			c.values[0], c.values[last] = c.values[last], c.values[0]
		},
	} {
		dir := t.TempDir()
		runUntil(t, fresh(t, cfg, dir), 2)
		c, err := loadFile(checkpointPath(dir))
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		if err := os.WriteFile(checkpointPath(dir), encoded(t, c), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, PredecessorName)); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, tiny(t), cfg)
		if err := r.trainer(t, cfg, dir).Resume(); err == nil {
			t.Errorf("%s: resumed", name)
		}
		if _, err := Restore(dir, r.net, r.store); err == nil && name != "exchanged" {
			t.Errorf("%s: restored", name)
		}
	}
}

// TestMoreSteps: a run with more steps than its checkpoint goes on to its new end.
func TestMoreSteps(t *testing.T) {
	dir := t.TempDir()
	run(t, fresh(t, quick(3), dir))
	longer := newRig(t, tiny(t), quick(5)).trainer(t, quick(5), dir)
	if err := longer.Resume(); err != nil {
		t.Fatal(err)
	}
	if longer.Step() != 3 || longer.Total() != 5 {
		t.Errorf("step %d of %d, want 3 of 5", longer.Step(), longer.Total())
	}
	run(t, longer)
	if longer.Step() != 5 {
		t.Errorf("ended at step %d", longer.Step())
	}
	// A checkpoint of the longer run resumes as any other.
	if err := newRig(t, tiny(t), quick(5)).trainer(t, quick(5), dir).Resume(); err != nil {
		t.Error(err)
	}
}
