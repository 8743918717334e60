package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/data"
	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/supernet"
	"bnas.example/train"
)

// rankedSample is how many architectures the early bird's ranking is made of.
const rankedSample = 16

var (
	outFlag    = &cli.StringFlag{Name: "out", Usage: "folder of the run", DefaultText: "runs/ and the time"}
	resumeFlag = &cli.StringFlag{Name: "resume", Usage: "go on with the run in this folder", DefaultText: "none"}
)

func trainCommand() *cli.Command {
	settings := joined(supernetSettings, dataSettings, trainSettings, compositeSetting)
	return &cli.Command{
		Name:  "train",
		Usage: "train a supernet's BatchNorm and nothing else",
		Flags: append(flags(settings...), outFlag, resumeFlag),
		Description: "bnas train --data cifar10 --data-dir ~/cifar-10-batches-bin --epochs 10 --out runs/fair\n" +
			"bnas train --resume runs/fair",
		Action: func(c *cli.Context) error {
			s, result, err := trainRun(c, settings)
			if err != nil {
				return err
			}
			defer s.close()
			return output(c, result, result.text)
		},
	}
}

// trainResult is what training came to.
type trainResult struct {
	Dir      string  `json:"dir"`
	Step     int     `json:"step"`
	Total    int     `json:"total"`
	Settled  bool    `json:"settled"`
	Loss     number  `json:"loss"`
	Accuracy number  `json:"accuracy"`
	Seconds  float64 `json:"seconds"`
}

func (r trainResult) text(w io.Writer) {
	fmt.Fprintf(w, "run\t%s\n", r.Dir)
	fmt.Fprintf(w, "steps\t%d of %d\n", r.Step, r.Total)
	if r.Settled {
		fmt.Fprintf(w, "ended\tearly: the ranking had settled\n")
	}
	if r.Seconds > 0 {
		fmt.Fprintf(w, "last step\tloss %.4f, accuracy %.1f %%\n", r.Loss, 100*r.Accuracy)
		fmt.Fprintf(w, "time\t%s\n", time.Duration(r.Seconds*float64(time.Second)).Round(time.Second/10))
	}
}

// trainRun makes the run that the command line describes, or resumes the one that it names, and trains it to its end.
func trainRun(c *cli.Context, settings []setting) (*session, trainResult, error) {
	if c.NArg() > 0 {
		return nil, trainResult{}, usagef("%s takes no arguments, got %q", c.Command.HelpName, c.Args().First())
	}
	make := freshRun
	if c.String("resume") != "" {
		make = resumedRun
	}
	s, err := make(c, settings)
	if err != nil {
		return nil, trainResult{}, err
	}
	result, err := s.trainToEnd(c)
	if err != nil {
		s.close()
		if errors.Is(err, train.ErrInterrupted) || errors.Is(err, train.ErrBudget) {
			err = interrupted{err, fmt.Sprintf("bnas %s --resume %s", c.Command.Name, s.dir)}
		}
		return nil, result, err
	}
	return s, result, nil
}

// freshRun opens an untrained network and its data, and makes the run folder.
func freshRun(c *cli.Context, settings []setting) (*session, error) {
	cfg, err := configOf(c, settings...)
	if err != nil {
		return nil, err
	}
	s, err := openWithData(c, cfg)
	if err != nil {
		return nil, err
	}
	if s.dir = c.String("out"); s.dir == "" {
		s.dir = filepath.Join("runs", time.Now().Format("20060102-150405"))
	}
	if err := newRunFolder(s.dir, s.cfg); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// resumedRun opens a run folder's network and data. Flags may change what does not change the result; the checkpoint
// refuses the rest by name.
func resumedRun(c *cli.Context, settings []setting) (*session, error) {
	dir := c.String("resume")
	if c.IsSet("out") {
		return nil, usagef("--out cannot be given with --resume: the run stays in %s", dir)
	}
	cfg, err := resumableConfig(c, dir, settings)
	if err != nil {
		return nil, err
	}
	s, err := openWithData(c, cfg)
	if err != nil {
		return nil, err
	}
	s.dir = dir
	return s, nil
}

// trainToEnd runs the scheduler from the folder's checkpoint, if there is one, to the last step.
func (s *session) trainToEnd(c *cli.Context) (trainResult, error) {
	if err := s.lock(s.dir); err != nil {
		return trainResult{}, err
	}
	loader, err := data.NewLoader(s.set, s.train, s.cfg.Train.Batch, s.cfg.Data.Augment, s.cfg.Train.Seed)
	if err != nil {
		return trainResult{}, err
	}
	t, err := train.New(s.net, s.dev, s.store, loader, s.cfg.Train, s.dir)
	if err != nil {
		return trainResult{}, err
	}
	if s.cfg.Train.RankEvery > 0 {
		if t.Ranker, err = s.ranker(); err != nil {
			return trainResult{}, err
		}
	}
	if err := t.Resume(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return trainResult{}, err
	}
	var last train.Progress
	start := time.Now()
	bar := newProgress(c, "train", t.Total())
	err = t.Run(c.Context, func(p train.Progress) {
		last = p
		bar.at(p.Step, fmt.Sprintf("loss %.3f, accuracy %.0f %%", p.Loss, 100*p.Accuracy))
	})
	bar.end()
	result := trainResult{
		Dir: s.dir, Step: t.Step(), Total: t.Total(), Settled: t.Settled(), Loss: number(last.Loss), Accuracy: number(last.Accuracy),
	}
	if last.Step > 0 {
		result.Seconds = time.Since(start).Seconds()
	}
	if err != nil {
		return result, err
	}
	s.at, err = train.Restore(s.dir, s.net, s.store)
	return result, err
}

// ranker scores a fixed random sample of architectures by the composite of the search, ranks fused within the sample.
func (s *session) ranker() (func() ([]float64, error), error) {
	composite, err := indicator.LookupComposite(s.cfg.Objective.Composite)
	if err != nil {
		return nil, err
	}
	scored := *s
	scored.cfg.Score.Terms = composite.Terms
	scorer, err := scored.scorer()
	if err != nil {
		return nil, err
	}
	sample := liveSample(s.net, rankedSample, s.cfg.Score.Seed, "early bird")
	return func() ([]float64, error) {
		scorer.Reset()
		set := make([]indicator.Scores, len(sample))
		for i, a := range sample {
			var err error
			if set[i], err = scorer.Score(a); err != nil {
				return nil, err
			}
		}
		return composite.LogRank(set)
	}, nil
}

// liveSample draws n live architectures that are different networks, or as many as a thousand tries a piece find.
func liveSample(net *supernet.Net, n int, seed uint64, purpose string) []supernet.Arch {
	r := philox.New(seed, purpose, 0)
	seen := map[string]bool{}
	var sample []supernet.Arch
	for tries := 0; len(sample) < n && tries < 1000*n; tries++ {
		a := supernet.Random(net.Space, r)
		key := net.Space.Canonical(a)
		if net.Dead(a) || seen[key] {
			continue
		}
		seen[key] = true
		sample = append(sample, a)
	}
	return sample
}
