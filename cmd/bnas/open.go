package main

import (
	"log/slog"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
)

// runFlag names a trained run; without it a command looks at the untrained network that its flags describe.
var runFlag = &cli.StringFlag{Name: "run", Usage: "folder of a trained run", DefaultText: "none: the untrained network"}

// options are those with which a command opens a run.
func options(c *cli.Context) run.Options {
	o := run.Options{HandOver: handOver}
	if !c.Bool("quiet") {
		o.Log = slog.Default()
	}
	return o
}

// openRunOr opens the trained run of --run, or else the untrained network by untrained. Settings of the network cannot
// be given with --run: a trained run has its own.
func openRunOr(untrained func(run.Config, run.Options) (*run.Run, error), c *cli.Context, settings ...setting) (*run.Run, error) {
	dir := c.String("run")
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

// runConfig is a run's configuration with the command line's over it. Settings of the network cannot be given again;
// --seed sets the seeds of scoring and search alone.
func runConfig(c *cli.Context, dir string, settings []setting) (run.Config, error) {
	for _, s := range supernetSettings {
		if c.IsSet(s.flag) {
			return run.Config{}, usagef("--%s cannot be given here: the run in %s has its own", s.flag, dir)
		}
	}
	cfg, err := run.ReadConfig(dir)
	if err != nil {
		return cfg, err
	}
	seed := cfg.Seed
	if cfg, err = resolve(c, cfg, append(settings, commonSettings...)); err != nil {
		return cfg, err
	}
	if c.IsSet("seed") {
		cfg.Score.Seed, cfg.Search.Seed, cfg.Seed = cfg.Seed, cfg.Seed, seed
	}
	return cfg, nil
}
