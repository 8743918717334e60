package train

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"bnas.example/internal/wholefile"
)

// These are the files of the checkpoint in a run folder. The first one is there and whole at every instant. A new checkpoint
// is written and synced under the third name. Then the newest also gets the name of the predecessor, and the new one replaces
// the newest.
const (
	CheckpointName  = "checkpoint"
	PredecessorName = "checkpoint.prev"
	temporaryName   = "checkpoint.tmp"
	linkName        = "checkpoint.link"
	damagedName     = "checkpoint.damaged"
)

// save writes the state as the newest checkpoint, on rank 0. The metrics are made durable first, so that they are never behind.
func (t *Trainer) save() error {
	if !t.leads() {
		return nil
	}
	if err := t.stays(); err != nil {
		return err
	}
	if err := t.metrics.sync(); err != nil {
		return err
	}
	h := t.position()
	err := replace(t.dir, func(w io.Writer) error { return writeCheckpoint(w, h, t.values(h.Arrays, pieceFloats)) })
	if err == nil {
		return nil
	}
	before := "there is none before it"
	if _, missing := os.Lstat(filepath.Join(t.dir, CheckpointName)); missing == nil {
		before = "the one before it stays"
	}
	var bad *NonFiniteError
	if errors.As(err, &bad) {
		return fmt.Errorf("train: step %d, after path %s: checkpoint not written, %s: %w", t.state.Step, t.path, before, remedied(err))
	}
	return fmt.Errorf("train: step %d: checkpoint not written, %s: %w", t.state.Step, before, err)
}

// stays returns an error if the path of the run folder leads to another folder than at the start, or to none. Its lock is then not this
// run's, and a checkpoint would replace that of another run. The folder is open, so that its number is of no other one.
func (t *Trainer) stays() error {
	now, err := os.Stat(t.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // the write has the error
	}
	if err == nil {
		if own, failed := t.folder.Stat(); failed != nil || os.SameFile(own, now) {
			return nil
		}
	}
	return fmt.Errorf("train: step %d: checkpoint not written: the folder %s was removed, moved or replaced while the training ran; the steps since its last checkpoint are lost", t.state.Step, t.dir)
}

// replace makes the output of write the newest checkpoint of dir, and the newest the predecessor. After an error of write the
// newest stays.
func replace(dir string, write func(io.Writer) error) error {
	temporary, newest := filepath.Join(dir, temporaryName), filepath.Join(dir, CheckpointName)
	if err := writeSynced(temporary, write); err != nil {
		os.Remove(temporary) // frees the space of a full disk; the error of the write is reported
		return err
	}
	if err := keepPredecessor(dir); err != nil {
		return err
	}
	if err := os.Rename(temporary, newest); err != nil {
		return err
	}
	return syncDir(dir)
}

// keepPredecessor makes the newest checkpoint of dir the predecessor, and leaves it under its own name too. On a file system
// without links the newest is missing until the new one has its name.
func keepPredecessor(dir string) error {
	newest, link, predecessor := filepath.Join(dir, CheckpointName), filepath.Join(dir, linkName), filepath.Join(dir, PredecessorName)
	os.Remove(link) // of a killed process
	err := os.Link(newest, link)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the first checkpoint
	case err != nil:
		return ignoreMissing(os.Rename(newest, predecessor))
	}
	if err := os.Rename(link, predecessor); err != nil {
		return err
	}
	os.Remove(link) // it stays if both are links of one file
	return nil
}

// Clean removes the temporary files that a killed process left in a run folder. No other process may be writing there.
func Clean(dir string) error {
	var errs []error
	for _, name := range []string{temporaryName, linkName} {
		errs = append(errs, ignoreMissing(os.Remove(filepath.Join(dir, name))))
	}
	return errors.Join(errs...)
}

// Superfluous returns the names of the files in a run folder that nothing needs: the temporary files of a killed process, a
// damaged checkpoint, and the predecessor of a checkpoint that is whole. No process may be writing there.
func Superfluous(dir string) (names []string) {
	some := []string{temporaryName, linkName, damagedName}
	if _, err := loadFile(filepath.Join(dir, CheckpointName)); err == nil {
		some = append(some, PredecessorName)
	}
	for _, name := range some {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			names = append(names, name)
		}
	}
	return names
}

func writeSynced(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return cmp.Or(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return cmp.Or(err, f.Close())
	}
	return f.Close()
}

// syncDir makes renames in dir durable, where the file system can: SMB, for one, has no fsync of folders.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EBADF) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// load reads the newest checkpoint of dir. If that one is missing or damaged, it reads the predecessor and returns the reason
// as damage.
func load(dir string) (c *checkpoint, damage, err error) {
	c, damage = loadFile(filepath.Join(dir, CheckpointName))
	if damage == nil {
		return c, nil, nil
	}
	if !errors.Is(damage, fs.ErrNotExist) && !errors.Is(damage, errDamaged) {
		return nil, nil, fmt.Errorf("train: %w", damage)
	}
	c, err = loadFile(filepath.Join(dir, PredecessorName))
	if errors.Is(err, fs.ErrNotExist) && errors.Is(damage, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("train: %s holds no checkpoint: %w", dir, fs.ErrNotExist)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("train: %w, and there is none before it; %s", damage, renewal)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w; %w; %s", damage, err, renewal)
	}
	return c, damage, nil
}

// renewal is what is left to do without a whole checkpoint.
const renewal = "copy the folder again if it is a copy, or train anew in another folder"

func loadFile(name string) (c *checkpoint, err error) {
	err = opened(name, func(f *os.File, size int64) error {
		c, err = decode(f, size)
		return err
	})
	return c, err
}

func loadHead(name string) (h *header, err error) {
	err = opened(name, func(f *os.File, size int64) error {
		h, err = decodeHead(f, size)
		return err
	})
	return h, err
}

// opened reads an open file of a size. Its errors name the file.
func opened(name string, read func(f *os.File, size int64) error) error {
	f, err := wholefile.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := read(f, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// setAside renames a damaged checkpoint, so that it never becomes the predecessor.
func setAside(dir string) error {
	err := ignoreMissing(os.Rename(filepath.Join(dir, CheckpointName), filepath.Join(dir, damagedName)))
	if err != nil {
		return fmt.Errorf("train: damaged checkpoint: %w", err)
	}
	return nil
}

// exists reports whether dir holds a checkpoint or a predecessor, whole or not.
func exists(dir string) bool {
	for _, name := range []string{CheckpointName, PredecessorName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
