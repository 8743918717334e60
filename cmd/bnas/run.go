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
	settings := joined(supernetSettings, imageSettings, augmentSettings, trainSettings, scoreSettings, compositeSetting, searchSettings, finalistSettings, networkSeeds, measureSeeds)
	return &cli.Command{
		Name:  "run",
		Usage: "the main job: train a supernet's BatchNorm, score, search, report",
		Flags: append(flags(settings, computeSettings), presetFlag, outFlag, resumeFlag, tensorboardFlag),
		Description: "bnas run\n" +
			"bnas run --data cifar10 --data-dir ~/cifar-10-batches-bin --epochs 2 --out runs/cifar\n" +
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
	b := boardIn(r.Dir, nil)
	defer b.end()
	found, err := searchFor(c, r, nil, r.Dir, b)
	if err != nil {
		if err = resumable(c, err); exitCode(err) == exitInterrupted {
			err = interrupted{search.ErrInterrupted, resumingCommand(c, r.Dir)}
		}
		return err
	}
	page, err := r.Report(found, repeatedRun(c, r.Dir), version(), time.Since(start))
	if err != nil {
		return err
	}
	result := runResult{Dir: r.Dir, Train: trained, Search: found.Result, Report: page}
	return output(c, result, func(w io.Writer) {
		result.Train.text(w)
		fmt.Fprintln(w)
		searchTable(c, w, r, result.Search)
		fmt.Fprintf(w, "\nreport\t%s\n", result.Report)
		fmt.Fprintf(w, "next\t%s\n", nextExport(r.Dir, result.Search))
	})
}

// repeatedRun is the command that repeats the run in dir. What the flags of a resumed run have changed is not in its folder.
func repeatedRun(c *cli.Context, dir string) string {
	words := []string{"bnas", "run", "--config", filepath.Join(dir, run.ConfigName), "--out", "another-folder"}
	if onCommandLine(c, "resume") {
		_, rest := wordsWithout(c.App, commandLine(c), []string{"resume", "config", "json", "quiet", logFlag.Name})
		words = append(words, rest...)
	}
	return command(words...)
}

// nextExport is the command that exports the answer of a search: a finalist as it was trained, or the path of the supernet.
func nextExport(dir string, found *search.Result) string {
	export := []string{"bnas", "export", "--run"}
	if len(found.Finalists) > 0 {
		export = append(export, filepath.Join(dir, found.Finalists[found.Answer].Folder))
	} else {
		export = append(export, dir, found.Best[found.Answer].Scores.Arch)
	}
	return command(append(export, "-o", "network.safetensors")...)
}
