package main

import (
	"log/slog"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
)

// runFlag names a trained run; without it a command looks at the untrained network that its flags describe.
var runFlag = textFlag("run", "the trained run in the folder `DIR`", "none: the untrained network")

// options returns the options with which a command opens a run. A default may be lowered for a small data set unless the
// command line or the file of --config gives the setting.
func options(c *cli.Context) run.Options {
	o := run.Options{Version: identity, HandOver: handOver, Together: ranksOf(c).together(), Sharers: sharersOfDevice(), Lower: func(path string) bool { return !given(c, path) }}
	if !c.Bool("quiet") {
		o.Log = slog.Default()
	}
	return o
}

// openRunOr opens the trained run of --run. Without --run it opens the untrained network with the function untrained.
// Settings of the network cannot be given with --run: a trained run has its own.
func openRunOr(untrained func(run.Config, run.Options) (*run.Run, error), c *cli.Context, settings ...setting) (*run.Run, error) {
	return openIn(c.String("run"), untrained, c, settings...)
}

// openIn is openRunOr with the run in dir; "": none.
func openIn(dir string, untrained func(run.Config, run.Options) (*run.Run, error), c *cli.Context, settings ...setting) (*run.Run, error) {
	if dir == "" {
		cfg, err := configOf(c, settings...)
		if err != nil {
			return nil, err
		}
		return untrained(cfg, options(c))
	}
	cfg, err := runConfig(c, dir, settings)
	if err != nil {
		return nil, err
	}
	return run.Open(dir, cfg, options(c))
}

// given reports whether a flag or the file of --config gives a setting.
func given(c *cli.Context, path string) bool {
	if s, ok := settingOf(path); ok && c.IsSet(s.flag) {
		return true
	}
	f, ok := c.App.Metadata[configFile].(*run.File)
	return ok && f.Has(path)
}

// runConfig returns the configuration of a run, changed by the flags. Settings of the network cannot be given again.
// --seed sets the seeds of scoring and search only.
func runConfig(c *cli.Context, dir string, settings []setting) (run.Config, error) {
	for _, s := range joined(supernetSettings, networkSeeds) {
		if c.IsSet(s.flag) {
			return run.Config{}, usagef("--%s cannot be given here: the run in %s has its own", s.flag, dir)
		}
	}
	cfg, err := run.ReadConfig(dir)
	if err != nil {
		return cfg, err
	}
	own := cfg
	if cfg, err = resolve(c, cfg, joined(settings, computeSettings)); err != nil {
		return cfg, err
	}
	if c.IsSet("seed") {
		cfg.Score.Seed, cfg.Search.Seed, cfg.Seed = cfg.Seed, cfg.Seed, own.Seed
		cfg.Supernet.Seed, cfg.Train.Seed = own.Supernet.Seed, own.Train.Seed // resolve replaces a seed of 0
		for _, part := range []struct {
			flag string
			seed *uint64
		}{{"image-seed", &cfg.Score.ImageSeed}, {"direction-seed", &cfg.Score.DirectionSeed}} {
			if !c.IsSet(part.flag) {
				*part.seed = 0 // --seed is of all scoring
			}
		}
	}
	return cfg, nil
}
