// Package inventory looks after a folder of runs: it lists them, compares their settings and results, and removes what is not needed.
package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bnas.example/run"
	"bnas.example/train"
)

// These are the states of a run.
const (
	Training    = "training"    // another process trains it
	Searching   = "searching"   // it is trained, and another process scores or searches
	Interrupted = "interrupted" // its training is not at its end, and no process goes on with it
	Done        = "done"
	Unreadable  = "unreadable" // Entry.Problem says why
)

// Entry is a run, or a folder of retrained networks, in a folder of runs.
type Entry struct {
	Name  string `json:"name"`
	Dir   string `json:"dir"`
	Space string `json:"space"`
	// Step of Total training steps, or networks that are trained. Total 0: not known yet.
	Step     int       `json:"step"`
	Total    int       `json:"total"`
	Networks bool      `json:"networks"` // a folder of retrained networks
	State    string    `json:"state"`
	Best     *Best     `json:"best"` // nil: no search and no test has a result yet
	Changed  time.Time `json:"changed"`
	Bytes    int64     `json:"bytes"`
	Problem  string    `json:"problem,omitempty"`
}

// Best is the best network of a run: the answer of the search, or the network with the best accuracy on the test images after its last
// test.
type Best struct {
	Arch   string   `json:"arch"`
	Score  *float64 `json:"score,omitempty"`
	By     string   `json:"by"` // the objective of the score, or "test accuracy"
	MACs   int64    `json:"macs,omitempty"`
	Params int64    `json:"params,omitempty"`
	// Latency in ms; 0: the search has measured none.
	Latency float64 `json:"latency_ms,omitempty"`
}

// byTest is Best.By of networks that are trained on their own.
const byTest = "test accuracy"

// List returns the runs of a folder by name. Folders without a run are left out.
func List(dir string) ([]Entry, error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := []Entry{}
	for _, f := range found {
		if at := filepath.Join(dir, f.Name()); isListed(at) {
			all = append(all, Read(at))
		}
	}
	return all, nil
}

// Named returns the run of a folder with a name, and reads no other; ok is false if there is none. The name is compared with those of the
// folder, and never joined to its path: none leads out of it.
func Named(dir, name string) (e Entry, ok bool, err error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return e, false, err
	}
	for _, f := range found {
		if at := filepath.Join(dir, f.Name()); f.Name() == name && isListed(at) {
			return Read(at), true, nil
		}
	}
	return e, false, nil
}

// isListed reports whether a folder is a run that List has.
func isListed(dir string) bool {
	return isRun(dir) && !strings.HasPrefix(filepath.Base(dir), removedPrefix)
}

// Has reports whether the run has a file of a name. A folder is none, nor is a pipe, which would block who reads it.
func (e Entry) Has(name string) bool { return has(e.Dir, name) }

// isRun reports whether a folder holds a run or retrained networks.
func isRun(dir string) bool { return has(dir, run.ConfigName) || has(dir, run.ArchsName) }

func has(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}

// Name is the name of the run in dir: that of the folder, also where dir is . or ..
func Name(dir string) string {
	if full, err := filepath.Abs(dir); err == nil {
		dir = full
	}
	return filepath.Base(dir)
}

// Read describes the run in dir.
func Read(dir string) Entry {
	e := Entry{Name: Name(dir), Dir: dir}
	e.Bytes, e.Changed = sizeOf(dir)
	read := e.readRun
	if has(dir, run.ArchsName) {
		read = e.readRetraining
	}
	if err := read(); err != nil {
		e.State, e.Problem = Unreadable, err.Error()
	}
	return e
}

// readRun reads a run with a configuration of its own.
func (e *Entry) readRun() error {
	cfg, err := run.ReadConfig(e.Dir)
	if err != nil {
		return err
	}
	e.Space = cfg.Supernet.Space
	at, err := train.ReadPosition(e.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	e.Step, e.Total = at.Step, at.Total
	e.State = stateOf(err == nil && at.Done(), run.InUse(e.Dir))
	if now, err := run.ReadStatus(e.Dir); err == nil && now != nil && now.Phase == run.Training && e.State == Training {
		e.Step, e.Total = now.Done, now.Total // the checkpoint is behind
	}
	e.Best = tested(cfg.Train.Path, at.Tests)
	found, err := answerOf(e.Dir)
	if found != nil {
		e.Best = found
	}
	return err
}

// tested returns a network that was trained on its own, with its last accuracy, as a folder of several has it: the best of all epochs would
// be chosen on the test images. It is nil without a test.
func tested(arch string, t train.Tests) *Best {
	if t.Step == 0 {
		return nil
	}
	return &Best{Arch: arch, Score: &t.Last.Top1, By: byTest}
}

// Progress says how far a run is, "3 of 8" steps or networks; "" if nothing is saved yet.
func (e Entry) Progress() string {
	if e.Total == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %d", e.Step, e.Total)
	if e.Networks {
		text += " networks"
	}
	return text
}

// Age writes a time in its largest unit of which there are two: "2 h".
func Age(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= 2*unit.of {
			return fmt.Sprintf("%d %s", d/unit.of, unit.name)
		}
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func stateOf(done, used bool) string {
	switch {
	case done && used:
		return Searching
	case done:
		return Done
	case used:
		return Training
	}
	return Interrupted
}

// answerOf reads the network to take from the result of a search in a run folder; nil: there is no result.
func answerOf(dir string) (*Best, error) {
	result, err := run.ReadResult(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := result.Taken()
	if n == nil {
		return nil, nil
	}
	return &Best{Arch: n.Arch, Score: n.Score, By: result.Objective, MACs: n.MACs, Params: n.Params, Latency: n.Latency}, nil
}

// readRetraining reads a folder of retrained networks.
func (e *Entry) readRetraining() error {
	s, err := run.OpenRetraining(e.Dir)
	if err != nil {
		return err
	}
	e.Space, e.Total, e.Networks = s.Config.Supernet.Space, len(s.Archs), true
	used := false
	for i := range s.Archs {
		used = used || run.InUse(s.Folder(i+1))
		r, err := s.Result(i + 1)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		e.Step++
		if r.Test != nil && (e.Best == nil || r.Test.Accuracy > *e.Best.Score) {
			e.Best = &Best{Arch: r.Arch, Score: &r.Test.Accuracy, By: byTest, MACs: r.MACs, Params: r.Params}
		}
	}
	e.State = stateOf(e.Step == e.Total && !used, used)
	return nil
}

// sizeOf returns the bytes of the files in a folder, and when the last of them changed. What cannot be read counts as nothing. A status
// is no change: a command that stands still renews it too. The folder may be a link.
func sizeOf(dir string) (bytes int64, changed time.Time) {
	_ = filepath.WalkDir(target(dir), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
			if d.Name() != run.StatusName && info.ModTime().After(changed) {
				changed = info.ModTime()
			}
		}
		return nil
	})
	return bytes, changed
}

// target returns the folder to which a link leads: filepath.WalkDir does not follow one. Any other path stays.
func target(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}
