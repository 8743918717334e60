package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bnas.example/run"
)

// Progress is the state of a study.
type Progress struct {
	Cell        string
	At, Cells   int    // the number of the cell, from 1, of how many
	Phase       string // what the cell does
	Done, Total int    // of the phase
	Note        string
}

// Options are those of one execution of a study.
type Options struct {
	Dir      string // of the study; made if missing
	Run      run.Options
	Truth    *Truth // nil: none
	Command  string // repeats the study
	Version  string // of the program
	Progress func(Progress)
}

// Summary is the result of a study.
type Summary struct {
	Study    string   `json:"study"`
	Dir      string   `json:"dir"`
	Says     string   `json:"says"`
	Page     string   `json:"page"`
	Tables   []string `json:"tables"`
	Computed int      `json:"cells_computed"`
	Reused   int      `json:"cells_reused"`
	Figures  []Figure `json:"figures"`
}

// ErrInterrupted means that the context of a study has ended. What it has computed is kept, and doing it again goes on from there.
var ErrInterrupted = errors.New("the study was interrupted; what is computed is kept")

// ErrNoTable means that a study needs Options.Truth. Nothing is computed.
var ErrNoTable = errors.New("needs a table of the accuracies of its space")

// Do computes the cells that the folder lacks, and writes the tables and the page. If a cell there has other settings, the error is
// an *OtherSettingsError and nothing is computed. If another process works in the folder, it is a *run.LockedError.
func (s Study) Do(ctx context.Context, settings Settings, o Options) (*Summary, error) {
	summary, err := s.do(ctx, settings, o)
	if err != nil && ctx.Err() != nil {
		return nil, ErrInterrupted
	}
	return summary, err
}

func (s Study) do(ctx context.Context, settings Settings, o Options) (*Summary, error) {
	if s.NeedsTable && o.Truth == nil {
		return nil, fmt.Errorf("study %s %w", s.Name, ErrNoTable)
	}
	settings, err := s.fit(settings)
	if err != nil {
		return nil, err
	}
	cells, err := s.Cells(settings)
	if err != nil {
		return nil, err
	}
	hash, err := run.ImagesHash(settings.Run)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return nil, err
	}
	unlock, err := run.LockFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	texts := make([][]byte, len(cells))
	for i, c := range cells {
		if texts[i], err = c.settings(s.Name, hash, o.Truth); err == nil {
			err = compare(folder(o.Dir, c), texts[i])
		}
		if err != nil {
			return nil, err
		}
	}
	r := &Results{Settings: settings, Truth: o.Truth, Cells: cells, dir: o.Dir, kept: map[string]kept{}}
	summary := &Summary{Study: s.Name, Dir: o.Dir}
	for i, c := range cells {
		k, ok, err := readResult(folder(o.Dir, c))
		if ok {
			summary.Reused++
		} else if err == nil {
			summary.Computed++
			k, err = c.compute(ctx, o.site(i, c, len(cells)), texts[i])
		}
		if err != nil {
			return nil, fmt.Errorf("study %s: cell %s: %w", s.Name, c.Name, err)
		}
		r.kept[c.Name] = k
	}
	return summary, s.write(r, o, summary)
}

// folder is the folder of a cell.
func folder(dir string, c Cell) string { return filepath.Join(dir, "cells", c.Name) }

// site returns where cell i computes.
func (o Options) site(i int, c Cell, cells int) *Site {
	site := &Site{Dir: folder(o.Dir, c), Run: c.Run, Options: o.Run, Truth: o.Truth, made: Made{Version: o.Version, Seed: c.Run.Seed}}
	site.report = func(phase string, done, total int, note string) {
		if o.Progress != nil {
			o.Progress(Progress{Cell: c.Name, At: i + 1, Cells: cells, Phase: phase, Done: done, Total: total, Note: note})
		}
	}
	return site
}

// write makes the tables and the page of the results.
func (s Study) write(r *Results, o Options, summary *Summary) error {
	outcome, err := s.Show(r)
	if err != nil {
		return fmt.Errorf("study %s: %w", s.Name, err)
	}
	outcome.Tables = append(outcome.Tables, figuresTable(outcome.Figures))
	for _, t := range outcome.Tables {
		path, err := t.write(o.Dir)
		if err != nil {
			return err
		}
		summary.Tables = append(summary.Tables, path)
	}
	summary.Says, summary.Figures = outcome.Says, outcome.Figures
	summary.Page = filepath.Join(o.Dir, run.ReportName)
	return s.page(summary.Page, r, outcome, o)
}

// figuresTable is the table of the figures of the summary.
func figuresTable(figures []Figure) *Table {
	t := &Table{Name: "figures", Columns: []string{"figure", "value", "low", "high"}}
	for _, f := range figures {
		t.Add(f.Name, f.Value, f.Low, f.High)
	}
	return t
}

// Results are those of all cells of a study.
type Results struct {
	Settings
	Truth *Truth // nil: none
	Cells []Cell
	dir   string
	kept  map[string]kept
}

// Result reads the result of a cell.
func Result[R any](r *Results, cell string) (result R, err error) {
	k, ok := r.kept[cell]
	if !ok {
		return result, fmt.Errorf("there is no cell %s", cell)
	}
	if err := json.Unmarshal(k.Result, &result); err != nil {
		return result, fmt.Errorf("the result of %s: %w", cell, err)
	}
	return result, nil
}

// Dir is the folder of a cell.
func (r *Results) Dir(cell string) string { return folder(r.dir, Cell{Name: cell}) }

// Made says what made the result of a cell.
func (r *Results) Made(cell string) Made { return r.kept[cell].Made }
