package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/internal/wholefile"
	"bnas.example/run"
)

// Cell is a piece of computing that needs no other cell.
type Cell struct {
	Name string     // of its folder, unique in the study
	Run  run.Config // of its run
	With any        // further settings on which the result depends, for YAML; nil: none
	// FromTable says that its networks are rows of the table of accuracies. The accuracies do not change its result.
	FromTable bool
	// Compute returns the result, for JSON. It ends soon after its context has ended, with any error.
	Compute func(context.Context, *Site) (any, error)
}

// These are files of the folder of a cell.
const (
	settingsName = "settings.yaml"
	resultName   = "result.json"
	runName      = "run"
)

// Made says what made a result.
type Made struct {
	Version    string    `json:"version"` // of the program
	Device     string    `json:"device"`
	Arithmetic string    `json:"arithmetic"` // instruction set and numerics: it decides the bits
	Threads    int       `json:"threads"`
	Seed       uint64    `json:"seed"`
	Data       string    `json:"data"`
	DataHash   string    `json:"data_sha256"`
	Seconds    float64   `json:"seconds"` // of computing, without those of interrupted commands
	Finished   time.Time `json:"finished"`
}

// kept is the content of resultName.
type kept struct {
	Made   Made            `json:"made"`
	Result json.RawMessage `json:"result"`
}

// dependsOn is the content of settingsName. What does not change a result is left out.
type dependsOn struct {
	Study    string     `yaml:"study"`
	DataHash string     `yaml:"data_sha256"`
	Run      run.Config `yaml:"run"`
	With     any        `yaml:"with,omitempty"`
	Rows     string     `yaml:"table_rows_sha256,omitempty"`
}

// settings returns what the result of the cell depends on, as YAML. truth is nil without a table.
func (c Cell) settings(study, dataHash string, truth *Truth) ([]byte, error) {
	of := dependsOn{Study: study, DataHash: dataHash, Run: c.Run, With: c.With}
	if c.FromTable && truth != nil {
		of.Rows = truth.rowsHash()
	}
	of.Run.Device, of.Run.GPU, of.Run.Threads, of.Run.Data.Dir = "", 0, 0, ""
	of.Run.Train.CheckpointEvery, of.Run.Train.CheckpointInterval, of.Run.Train.MaxTime = 0, 0, 0
	return yaml.Marshal(of)
}

// OtherSettingsError means that a folder holds a cell of other settings.
type OtherSettingsError struct {
	Dir         string // of the cell
	Setting     string // the first that differs: its keys, dotted
	There, Here string
}

func (e *OtherSettingsError) Error() string {
	return fmt.Sprintf("%s was made with %s %s, now it is %s", e.Dir, e.Setting, e.There, e.Here)
}

// compare returns an *OtherSettingsError if the folder of a cell has other settings. A folder without settings has none, and no result.
func compare(dir string, settings []byte) error {
	path := filepath.Join(dir, settingsName)
	there, err := wholefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		result := filepath.Join(dir, resultName)
		if _, err := os.Lstat(result); err == nil {
			return fmt.Errorf("%s is there and no %s, which says what it was computed with; remove it to compute the cell again", result, settingsName)
		}
		return nil
	}
	if err != nil || string(there) == string(settings) {
		return err
	}
	before, after := map[string]string{}, map[string]string{}
	for text, into := range map[*[]byte]map[string]string{&there: before, &settings: after} {
		var tree any
		err := yaml.Unmarshal(*text, &tree)
		if _, ok := tree.(map[string]any); err == nil && !ok {
			err = errors.New("it has no settings")
		}
		if err != nil {
			return fmt.Errorf("%s: %w; remove the folder to compute the cell again", path, err)
		}
		flatten("", tree, into)
	}
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if before[key] != after[key] {
			return &OtherSettingsError{dir, strings.TrimPrefix(strings.TrimPrefix(key, "run."), "with."), orNone(before[key]), orNone(after[key])}
		}
	}
	return nil // written in another way
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// flatten lists the leaves of a tree of YAML by their dotted keys.
func flatten(prefix string, tree any, into map[string]string) {
	branch, ok := tree.(map[string]any)
	if !ok {
		into[prefix] = fmt.Sprint(tree)
		return
	}
	for key, below := range branch {
		if prefix != "" {
			key = prefix + "." + key
		}
		flatten(key, below, into)
	}
}

// readResult reads the result of a cell. ok is false if it is not complete.
func readResult(dir string) (k kept, ok bool, err error) {
	path := filepath.Join(dir, resultName)
	text, err := wholefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err == nil && (len(k.Result) == 0 || string(k.Result) == "null") {
		err = errors.New("it has no result")
	}
	if err != nil {
		return k, false, fmt.Errorf("%s: %w; remove this file to compute the cell again", path, err)
	}
	return k, true, nil
}

// patience is how long a cell waits for another process that works in its folder: a worker whose study was killed ends soon.
const patience = 10 * time.Second

// lock makes the folder of a cell, and prevents other processes from working there. If one does for longer than patience, the error is a
// *run.LockedError.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		unlock, err := run.LockFolder(dir)
		var locked *run.LockedError
		if !errors.As(err, &locked) || time.Since(began) > patience {
			return unlock, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// compute computes a cell in its folder and keeps the result.
func (c Cell) compute(ctx context.Context, s *Site, settings []byte) (k kept, err error) {
	if err := wholefile.Write(filepath.Join(s.Dir, settingsName), settings); err != nil {
		return k, err
	}
	start := time.Now()
	result, err := c.Compute(ctx, s)
	if err != nil {
		return k, err
	}
	k.Made = s.made
	k.Made.Seconds, k.Made.Finished = time.Since(start).Seconds(), time.Now().UTC().Round(time.Second)
	if k.Result, err = json.Marshal(result); err != nil {
		return k, err
	}
	return k, wholefile.WriteJSON(filepath.Join(s.Dir, resultName), k)
}
