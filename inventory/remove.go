package inventory

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"bnas.example/run"
)

// removedPrefix begins the name of a folder that is being removed. A killed removal leaves it to Sweep.
const removedPrefix = ".removed-"

// Remove removes the run in dir. If a process is writing into it, the error is a *run.LockedError, and the run stays. The folder
// first gets another name: a run is there as a whole or not at all.
func Remove(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		return fmt.Errorf("%s is a link to a run in another place; remove it there", dir)
	}
	unlock, err := holdAll(dir)
	if err != nil {
		return err
	}
	defer unlock()
	away := filepath.Join(filepath.Dir(filepath.Clean(dir)), fmt.Sprintf("%s%x", removedPrefix, rand.Uint64()))
	if err := os.Rename(dir, away); err != nil {
		return err
	}
	return os.RemoveAll(away)
}

// holdAll locks a folder and those in it that have a lock.
func holdAll(dir string) (unlock func(), err error) {
	var held []func()
	unlock = func() {
		for _, one := range held {
			one()
		}
	}
	for _, folder := range runsWithin(dir) {
		one, err := run.HoldFolder(folder)
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, one)
	}
	return unlock, nil
}

// runsWithin returns dir and the run folders in it: those of finalists and of retrained networks.
func runsWithin(dir string) []string {
	all := []string{dir}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != dir && isRun(path) {
			all = append(all, path)
		}
		return nil
	})
	return all
}
