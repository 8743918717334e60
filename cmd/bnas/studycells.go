package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"bnas.example/study"
)

// overPipesVariable is set for the process of a cell that a study has started: it speaks with the study over its standard input and
// output. Everything else is on its command line, so that it can hand over to the program with CUDA.
const overPipesVariable = "BNAS_OVER_PIPES"

// cellWorkers returns the workers of --workers and --gpus; nil: this process computes.
func cellWorkers(c *cli.Context, of study.Settings) (*study.Workers, error) {
	gpus, err := gpusFor(c, of.Run)
	if err != nil {
		return nil, err
	}
	n := cmp.Or(c.Int("workers"), len(gpus))
	if n == 0 {
		return nil, nil
	}
	for _, flag := range []string{"table", "config"} {
		if path := c.String(flag); path != "" && !isFile(path) {
			return nil, usagef("--%s %s with --workers: every process reads it, name a file", flag, path)
		}
	}
	var once sync.Once
	return &study.Workers{N: n, Command: func(cell string, place, places int) *exec.Cmd {
		threads := shareOfCores(of.Run.Threads, places)
		once.Do(func() {
			if !c.Bool("quiet") {
				sayWorkers(places, threads, gpus)
			}
		})
		p := cellProcess(c, threads, append(gpus.flags(place), "--cell", cell, "--quiet")...)
		p.Env = append(p.Env, gpus.sharers(place, places))
		return p
	}}, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return path != "-" && (err != nil || info.Mode().IsRegular()) // an error is told by who reads it
}

// ownOfCell are the flags that a process of a cell has for itself.
var ownOfCell = []string{"workers", "gpus", "threads", "quiet", "json", logFlag.Name}

// cellProcess returns the command of this process with a number of threads and other flags of its own.
func cellProcess(c *cli.Context, threads int, flags ...string) *exec.Cmd {
	words, rest := wordsWithout(c.App, commandLine(c), ownOfCell)
	words = slices.Concat(words, []string{"--threads", fmt.Sprint(threads)}, flags, rest)
	p := sameProgram(threads, words...)
	p.Env = append(p.Env, overPipesVariable+"=1")
	for _, flag := range ownOfCell {
		p.Env = append(p.Env, variableOf(flag)+"=")
	}
	return p
}

// cellSummary is the result of a command for one cell.
type cellSummary struct {
	Study string     `json:"study"`
	Cell  string     `json:"cell"`
	Dir   string     `json:"dir"`
	Made  study.Made `json:"made"`
}

// studyCell computes the cell of --cell.
func studyCell(c *cli.Context, s study.Study, of study.Settings, o study.Options) error {
	for _, flag := range []string{"workers", gpusFlag.Name} {
		if c.IsSet(flag) {
			return usagef("--%s and --cell exclude each other: a cell is computed in one process", flag)
		}
	}
	if err := keeping(c); err != nil {
		return err
	}
	summary := cellSummary{Study: s.Name, Cell: c.String("cell"), Dir: o.Dir}
	compute := func(ctx context.Context, show func(study.Progress)) (err error) {
		o.Progress = show
		summary.Made, err = s.DoCell(ctx, of, summary.Cell, o)
		return err
	}
	if os.Getenv(overPipesVariable) != "" {
		return study.Serve(c.Context, os.Stdin, c.App.Writer, func(ctx context.Context, show func(study.Progress)) error {
			err := compute(ctx, show)
			if errors.Is(err, study.ErrInterrupted) {
				return err
			}
			return inFlags(c.Command, studyError(c, err))
		})
	}
	show, end := phaseBars(c)
	defer end()
	if err := compute(c.Context, show); err != nil {
		return studyError(c, err)
	}
	return output(c, summary, func(w io.Writer) {
		fmt.Fprintf(w, "cell\t%s of study %s, in %s: computed in %.0f s\n", summary.Cell, summary.Study, summary.Dir, summary.Made.Seconds)
	})
}
