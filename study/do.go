package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bnas.example/indicator"
	"bnas.example/run"
)

// Progress is the state of a study.
type Progress struct {
	Cell        string
	At, Cells   int    // the number of the cell, from 1, of how many
	Phase       string // what the cell does; "": it is complete
	Done, Total int    // of the phase
	Note        string
	Complete    int // cells, if Workers compute them
}

// Options are those of one execution of a study.
type Options struct {
	Dir      string // of the study; made if missing
	Run      run.Options
	Truth    *Truth // nil: none
	Command  string // repeats the study
	Version  string // of the program
	Progress func(Progress)
	Workers  *Workers // compute the cells; nil: this process does
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
	w, err := s.prepare(settings, o)
	if err != nil {
		return nil, err
	}
	unlock, err := run.LockFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r := &Results{Settings: w.settings, Truth: o.Truth, Cells: w.cells, dir: o.Dir, kept: map[string]kept{}}
	open, err := w.read(r)
	if err != nil {
		return nil, err
	}
	summary := &Summary{Study: s.Name, Dir: o.Dir, Computed: len(open), Reused: len(w.cells) - len(open)}
	if o.Workers != nil {
		err = w.together(ctx, open, r)
	} else {
		err = w.alone(ctx, open, r)
	}
	if err != nil {
		return nil, err
	}
	return summary, s.write(r, o, summary)
}

// DoCell computes one cell, unless the folder has its result. Several processes can compute the cells of one folder. The error is as that
// of Do. If another process computes this cell, it is a *run.LockedError.
func (s Study) DoCell(ctx context.Context, settings Settings, cell string, o Options) (Made, error) {
	w, err := s.prepare(settings, o)
	if err != nil {
		return Made{}, err
	}
	i := slices.IndexFunc(w.cells, func(c Cell) bool { return c.Name == cell })
	if i < 0 {
		return Made{}, &NoCellError{s.Name, cell, w.names()}
	}
	k, err := w.cell(ctx, i)
	if err != nil && ctx.Err() != nil {
		err = ErrInterrupted
	}
	return k.Made, err
}

// NoCellError means that a study with these settings has no cell of a name.
type NoCellError struct {
	Study, Cell string
	There       []string
}

func (e *NoCellError) Error() string {
	return fmt.Sprintf("study %s has no cell %q; it has %s", e.Study, e.Cell, strings.Join(e.There, ", "))
}

// work is the computing of a study.
type work struct {
	study    Study
	settings Settings
	cells    []Cell
	texts    [][]byte // their settings
	start    *indicator.Start
	Options
}

// prepare lists the cells. It makes the folder of the study, and compares its cells with the settings.
func (s Study) prepare(settings Settings, o Options) (*work, error) {
	if s.NeedsTable && o.Truth == nil {
		return nil, fmt.Errorf("study %s %w", s.Name, ErrNoTable)
	}
	w := &work{study: s, start: indicator.NewStart(), Options: o}
	of, net, err := s.fit(settings)
	if err != nil {
		return nil, err
	}
	w.settings = of
	if w.cells, err = s.Cells(w.settings); err != nil {
		return nil, err
	}
	if err := s.checkTable(w.settings, net, o.Truth); err != nil {
		return nil, err
	}
	hash, err := run.ImagesHash(w.settings.Run)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return nil, err
	}
	for _, c := range w.cells {
		text, err := c.settings(s.Name, hash, o.Truth)
		if err == nil {
			err = compare(folder(o.Dir, c), text)
		}
		if err != nil {
			return nil, err
		}
		w.texts = append(w.texts, text)
	}
	return w, nil
}

func (w *work) names() (all []string) {
	for _, c := range w.cells {
		all = append(all, c.Name)
	}
	return all
}

// read reads the results that are there, and returns the places of the other cells.
func (w *work) read(r *Results) (open []int, err error) {
	for i, c := range w.cells {
		k, ok, err := readResult(folder(w.Dir, c))
		if err != nil {
			return nil, w.wrong(c, err)
		}
		if ok {
			r.kept[c.Name] = k
		} else {
			open = append(open, i)
		}
	}
	return open, nil
}

// wrong is the error of a cell.
func (w *work) wrong(c Cell, err error) error {
	return fmt.Errorf("study %s: cell %s: %w", w.study.Name, c.Name, err)
}

// alone computes cells in this process.
func (w *work) alone(ctx context.Context, open []int, r *Results) (err error) {
	for _, i := range open {
		if r.kept[w.cells[i].Name], err = w.cell(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// cell computes a cell, unless another process has done so, and returns its result.
func (w *work) cell(ctx context.Context, i int) (kept, error) {
	c := w.cells[i]
	k, err := func() (k kept, err error) {
		unlock, err := lock(ctx, folder(w.Dir, c))
		if err != nil {
			return k, err
		}
		defer unlock()
		k, ok, err := readResult(folder(w.Dir, c))
		if ok || err != nil {
			return k, err
		}
		return c.compute(ctx, w.site(i), w.texts[i])
	}()
	if err != nil {
		err = w.wrong(c, err)
	}
	return k, err
}

// folder is the folder of a cell.
func folder(dir string, c Cell) string { return filepath.Join(dir, "cells", c.Name) }

// site returns where cell i computes.
func (w *work) site(i int) *Site {
	c := w.cells[i]
	site := &Site{Dir: folder(w.Dir, c), Run: c.Run, Options: w.Run, Truth: w.Truth, start: w.start, made: Made{Version: w.Version, Seed: c.Run.Seed}}
	site.report = func(phase string, done, total int, note string) {
		if w.Progress != nil {
			w.Progress(Progress{Cell: c.Name, At: i + 1, Cells: len(w.cells), Phase: phase, Done: done, Total: total, Note: note})
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
		return result, fmt.Errorf("%s: %w; remove this file to compute the cell again", filepath.Join(r.Dir(cell), resultName), err)
	}
	return result, nil
}

// Dir is the folder of a cell.
func (r *Results) Dir(cell string) string { return folder(r.dir, Cell{Name: cell}) }

// Made says what made the result of a cell.
func (r *Results) Made(cell string) Made { return r.kept[cell].Made }
