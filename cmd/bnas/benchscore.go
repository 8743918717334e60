package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/amount"
	"bnas.example/ntk"
	"bnas.example/run"
	"bnas.example/supernet"
)

type ntkResult struct {
	Arch   string `json:"arch"`
	Device string `json:"device"`
	Batch  int    `json:"batch"`
	timing
	LogCondition number `json:"log_condition"`
}

func benchNTK(c *cli.Context) error {
	b, err := openBench(c)
	if err != nil {
		return err
	}
	defer b.Close()
	r := ntkResult{Arch: b.program.Name, Device: b.Device.Info().Detail, Batch: len(b.labels)}
	r.timing, err = repeat(c.Int("warmup"), c.Int("repeats"), func() error {
		if err := b.exec.Forward(b.images, len(b.labels)); err != nil {
			return err
		}
		kernel, err := ntk.Trace(b.exec, len(b.labels))
		if err != nil {
			return err
		}
		eigenvalues, err := ntk.Eigenvalues(kernel)
		r.LogCondition = number(ntk.LogCondition(eigenvalues))
		return err
	})
	if err != nil {
		return err
	}
	return output(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "tangent kernel\t%s\n", r.Arch)
		fmt.Fprintf(w, "device\t%s\n", r.Device)
		fmt.Fprintf(w, "images, outputs\t%d, %d\n", r.Batch, b.program.Classes())
		fmt.Fprintf(w, "best, median\t%.1f ms, %.1f ms of %d\n", r.BestMS, r.MedianMS, r.Repeats)
		fmt.Fprintf(w, "log κ\t%.2f\n", r.LogCondition)
	})
}

type scoreBenchResult struct {
	Space  string `json:"space"`
	Device string `json:"device"`
	timing
	MaxMS  float64 `json:"max_ms"`
	EachMS float64 `json:"each_ms"` // of all, as a search scores them: several at a time where the device can
	Terms  int     `json:"terms"`
}

func benchScore(c *cli.Context) error {
	cfg, err := configOf(c, joined(supernetSettings, imageSettings, measureSettings, compositeSetting)...)
	if err != nil {
		return err
	}
	opened, err := run.Untrained(cfg, options(c))
	if err != nil {
		return err
	}
	defer opened.Close()
	scorer, err := opened.Scorer()
	if err != nil {
		return err
	}
	terms, err := opened.ScoredTerms()
	if err != nil {
		return err
	}
	sample := run.LiveSample(opened.Net, c.Int("warmup")+c.Int("repeats"), cfg.Seed, "bench score")
	if len(sample) <= c.Int("warmup") {
		return usagef("--warmup %d: %s has only %s to time", c.Int("warmup"), opened.Net.Space.Name(), amount.Of(len(sample), "network"))
	}
	var ms []float64
	for i, a := range sample {
		start := time.Now()
		if _, err := scorer.Score(a); err != nil {
			return err
		}
		if i >= c.Int("warmup") {
			ms = append(ms, float64(time.Since(start))/float64(time.Millisecond))
		}
	}
	each, err := scoringTime(c.Context, opened, sample, c.Int("warmup"))
	if err != nil {
		return err
	}
	r := scoreBenchResult{
		Space: opened.Net.Space.Name(), Device: opened.Device.Info().Detail, Terms: len(terms),
		timing: timingOf(ms), MaxMS: slices.Max(ms), EachMS: each,
	}
	return output(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "scoring\t%s of %s, %s each\n", amount.Of(r.Repeats, "random architecture"), r.Space, amount.Of(r.Terms, "term"))
		fmt.Fprintf(w, "device\t%s\n", r.Device)
		fmt.Fprintf(w, "one alone: best, median, most\t%.0f ms, %.0f ms, %.0f ms\n", r.BestMS, r.MedianMS, r.MaxMS)
		fmt.Fprintf(w, "as a search scores them\t%.0f ms each\n", r.EachMS)
	})
}

// scoringTime returns the milliseconds for each of a sample but the first few, scored as a search does.
func scoringTime(ctx context.Context, r *run.Run, sample []supernet.Arch, warmup int) (float64, error) {
	e, err := r.Evaluator("")
	if err != nil {
		return 0, err
	}
	defer e.Close()
	var start time.Time
	for _, part := range [][]supernet.Arch{sample[:warmup], sample[warmup:]} {
		list := supernet.NewList(r.Net.Space)
		for _, a := range part {
			list.Append(a)
		}
		start = time.Now()
		if err := e.ScoreAll(ctx, list, nil); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start)) / float64(time.Millisecond) / float64(len(sample)-warmup), nil
}
