package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// These are the settings of each part, as flags.
var (
	supernetSettings = []setting{
		{"space", "supernet.space", "search space: " + either(spaceNames())},
		{"bn", "supernet.bn", "BatchNorm placement: fair (on every operator) or standard (the authors')"},
		{"channels", "supernet.channels", "channels of the first stage (0: the benchmark's)"},
		{"cells", "supernet.cells", "cells a stage (0: the benchmark's)"},
		{"classes", "supernet.classes", "outputs (0: the data set's or the benchmark's)"},
		{"height", "supernet.height", "image rows (0: the data set's or the benchmark's)"},
		{"width", "supernet.width", "image columns (0: the data set's or the benchmark's)"},
		{"gamma-init", "supernet.gamma_init", "initial γ: one, uniform on (0,1), or small (1, but 0.3 behind an operator's convolutions)"},
	}
	dataSettings = []setting{
		{"data", "data.name", "fashion (built in), cifar10, cifar100, idx or folder"},
		{"data-dir", "data.dir", "folder of the data set"},
		{"holdout", "data.holdout", "training images held out for scoring and validation"},
		{"data-mean", "data.mean", "mean of red, green, blue, in 0…255, separated by commas (none: the set's own)"},
		{"data-std", "data.std", "deviation of red, green, blue, likewise"},
		{"pad-crop", "data.augment.pad_crop", "augmentation: pad by this many pixels and crop back at random"},
		{"flip", "data.augment.flip", "augmentation: mirror half of the images"},
		{"cutout", "data.augment.cutout", "augmentation: side of a square set to zero (0: none)"},
	}
	trainSettings = []setting{
		{"epochs", "train.epochs", "passes over the training set"},
		{"steps", "train.steps", "training steps (0: by --epochs)"},
		{"batch", "train.batch", "images a step"},
		{"shards", "train.shards", "virtual devices that a batch is divided among, each with statistics of its own (0: one)"},
		{"train", "train.train", "trained parameters: last-bn (as BN-NAS), bn, bn+classifier, or all (on a GPU or the reference device)"},
		{"sampling", "train.sampling", "paths: uniform, or strict (FairNAS)"},
		{"optimizer", "train.optimizer", "sgd or adamw"},
		{"lr", "train.lr", "peak learning rate (0.02 suits adamw, 0.2 sgd)"},
		{"min-lr", "train.min_lr", "learning rate at the end of the schedule"},
		{"schedule", "train.schedule", "cosine, linear or constant"},
		{"warmup-steps", "train.warmup_steps", "steps of a linear rise to --lr"},
		{"momentum", "train.momentum", "SGD's momentum"},
		{"nesterov", "train.nesterov", "Nesterov's form of momentum"},
		{"weight-decay", "train.weight_decay", "decay of γ and β"},
		{"clip-norm", "train.clip_norm", "largest gradient norm (0: no clipping)"},
		{"label-smoothing", "train.label_smoothing", "mass moved from the label to all classes"},
		{"checkpoint-every", "train.checkpoint_every", "steps between checkpoints (0: by time alone)"},
		{"metrics-every", "train.metrics_every", "steps a line of metrics.jsonl"},
		{"max-time", "train.max_time", "save and stop after this long (0: no limit)"},
		{"rank-every", "train.rank_every", "steps between snapshots of the ranking (0: none)"},
		{"early-bird", "train.early_bird", "stop when the ranking has settled"},
		{"settled", "train.settled", "Kendall τ from which two snapshots count as settled"},
		{"patience", "train.patience", "successive settled snapshots that end training"},
	}
	scoreSettings = []setting{
		{"images", "score.images", "images that calibrate statistics and give codes and spectra"},
		{"ntk-images", "score.ntk_images", "images of one tangent kernel"},
		{"ntk-directions", "score.ntk_directions", "random directions over the classes (-1: full trace)"},
		{"terms", "score.terms", "terms to compute, separated by commas (none: all)"},
		{"mc-batches", "score.mc_batches", "resampled batches of MC-BatchNorm"},
	}
	compositeSetting = []setting{
		{"composite", "objective.composite", "objective to maximise: a composite, or a term's name"},
	}
	searchSettings = []setting{
		{"strategy", "search.strategy", either(search.Strategies())},
		{"max-macs", "search.max_macs", "only networks of at most this many MACs (0: any)"},
		{"max-params", "search.max_params", "only networks of at most this many parameters (0: any)"},
		{"budget", "search.budget", "stop after this long (0: no limit)"},
		{"generations", "search.generations", "generations of an evolution"},
		{"population", "search.population", "networks in a generation"},
		{"top", "search.top", "best networks to report"},
		{"max-evaluations", "search.max_evaluations", "stop after this many scored networks (0: the strategy's own end)"},
		{"calibration", "objective.calibration", "random architectures whose scores calibrate the composite"},
	}
)

// flags returns the flags of settings and the flags that every command has.
func flags(settings ...setting) []cli.Flag {
	f := flagsOf(settings)
	return append(f, commonFlags()...)
}

// either returns "a, b or c".
func either(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func spaceNames() (names []string) {
	for _, s := range supernet.Spaces() {
		names = append(names, s.Name())
	}
	return names
}

// joined concatenates groups of settings.
func joined(groups ...[]setting) []setting { return slices.Concat(groups...) }

var commonSettings = []setting{
	{"seed", "seed", "seed of everything random"},
	{"threads", "threads", "CPU threads (0: every core)"},
	{"device", "device", either(run.Devices())},
	{"precision", "precision", "of a GPU's convolutions: fp32, tf32, fp16 (gradients in bf16) or bf16"},
	{"half", "half", "store a GPU's values for the backward pass in half precision"},
}

func commonFlags() []cli.Flag {
	return append(flagsOf(commonSettings),
		&cli.StringFlag{Name: "config", Usage: "YAML file of options; flags override it", DefaultText: "none"},
		&cli.BoolFlag{Name: "json", Usage: "one JSON object on stdout and nothing else there"},
		&cli.BoolFlag{Name: "quiet", Usage: "no progress and no logs but errors"},
	)
}

// configOf builds the configuration of a command that does not open a run.
func configOf(c *cli.Context, settings ...setting) (run.Config, error) {
	cfg, err := resolve(c, run.Default(), append(settings, commonSettings...))
	if err == nil && c.IsSet("seed") {
		cfg.SetSeed(cfg.Seed)
	}
	return cfg, err
}

// allSettings lists the settings of all commands.
func allSettings() [][]setting {
	return [][]setting{supernetSettings, dataSettings, trainSettings, scoreSettings, compositeSetting, searchSettings, commonSettings}
}
