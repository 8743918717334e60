package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
	"bnas.example/search"
)

func runCommand() *cli.Command {
	settings := joined(supernetSettings, dataSettings, trainSettings, scoreSettings, compositeSetting, searchSettings)
	return &cli.Command{
		Name:  "run",
		Usage: "the main job: train a supernet's BatchNorm, score, search, report",
		Flags: append(flags(settings...), outFlag, resumeFlag),
		Description: "bnas run\n" +
			"bnas run --data cifar10 --data-dir ~/cifar-10-batches-bin --epochs 10 --out runs/cifar\n" +
			"bnas run --resume runs/cifar",
		Action: func(c *cli.Context) error { return runAll(c, settings) },
	}
}

type runResult struct {
	Dir    string         `json:"dir"`
	Train  trainResult    `json:"train"`
	Search *search.Result `json:"search"`
	Report string         `json:"report"`
}

func runAll(c *cli.Context, settings []setting) error {
	start := time.Now()
	r, trained, err := trainRun(c, settings)
	if err != nil {
		return err
	}
	defer r.Close()
	found, err := searchFor(c, r, r.Dir)
	if err != nil {
		if err = resumable(c, err); exitCode(err) == exitInterrupted {
			err = interrupted{search.ErrInterrupted, "bnas run --resume " + r.Dir}
		}
		return err
	}
	command := fmt.Sprintf("bnas run --config %s --out another-folder", filepath.Join(r.Dir, run.ConfigName))
	page, err := r.Report(found, command, version(), time.Since(start))
	if err != nil {
		return err
	}
	result := runResult{Dir: r.Dir, Train: trained, Search: found.Result, Report: page}
	return output(c, result, result.text)
}

func (r runResult) text(w io.Writer) {
	r.Train.text(w)
	fmt.Fprintln(w)
	searchTable(w, r.Search)
	fmt.Fprintf(w, "\nreport\t%s\n", r.Report)
	fmt.Fprintf(w, "next\tbnas export --run %s '%s' -o network.safetensors\n", r.Dir, r.Search.Best[0].Scores.Arch)
}
