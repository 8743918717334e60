package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/train"
)

// Leftover is something in a folder of runs that nothing needs.
type Leftover struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Why   string `json:"why"`
}

// These are the reasons of a Leftover.
const (
	earlier     = "the checkpoint before the last, which is whole"
	crashed     = "left by a crash"
	halfRemoved = "a removal that was interrupted"
	neverBegun  = "the folder of a run that never began"
)

// Sweep finds what nothing needs in the runs of a folder, and removes it if remove is true. only are the folders of some runs; nil:
// all of dir, and what is left in dir itself. A run that is in use is left out.
func Sweep(dir string, only []string, remove bool) ([]Leftover, error) {
	all := []Leftover{}
	take := func(path, why string) error {
		size, _ := sizeOf(path)
		all = append(all, Leftover{path, size, why})
		if remove {
			return os.RemoveAll(path)
		}
		return nil
	}
	if only == nil {
		found, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			switch at := filepath.Join(dir, f.Name()); {
			case !f.IsDir():
			case isRun(at) && !strings.HasPrefix(f.Name(), removedPrefix):
				only = append(only, at)
			case strings.HasPrefix(f.Name(), removedPrefix) && !run.InUse(at):
				err = take(at, halfRemoved)
			case run.OnlyLock(at) && !run.InUse(at):
				err = take(at, neverBegun)
			}
			if err != nil {
				return all, err
			}
		}
	}
	for _, at := range only {
		for _, folder := range runsWithin(at) {
			if err := sweepRun(folder, take); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// sweepRun finds what nothing needs in one run folder, while it is locked.
func sweepRun(dir string, take func(path, why string) error) error {
	unlock, err := run.HoldFolder(dir)
	var used *run.LockedError
	if errors.As(err, &used) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	temporary, err := wholefile.Temporaries(dir)
	if err != nil {
		return err
	}
	names := append(temporary, train.Superfluous(dir)...)
	if has(dir, run.StatusName) {
		names = append(names, run.StatusName)
	}
	for _, name := range names {
		why := crashed
		if name == train.PredecessorName {
			why = earlier
		}
		if err := take(filepath.Join(dir, name), why); err != nil {
			return err
		}
	}
	return nil
}
