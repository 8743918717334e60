package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// These are the settings of each part, as flags. The word in backquotes is the placeholder of the value in the help.
var (
	supernetSettings = joined(costSettings, []setting{
		{"gamma-init", "supernet.gamma_init", "initial γ: `NAME` is one, uniform (on (0,1)), or small (1, but 0.3 behind an operator's convolutions)", catSupernet},
	})
	// costSettings are those on which the size of a network depends.
	costSettings = joined(spaceSetting, []setting{
		{"bn", "supernet.bn", "BatchNorm placement: `NAME` is fair (on every operator) or standard (the authors')", catSupernet},
		{"channels", "supernet.channels", "`N` channels of the first stage (0: the benchmark's)", catSupernet},
		{"cells", "supernet.cells", "`N` cells a stage (0: the benchmark's)", catSupernet},
		{"stem", "supernet.stem", "first convolutions: `NAME` is cifar or imagenet (darts only; none: the benchmark's)", catSupernet},
		{"classes", "supernet.classes", "`N` outputs (0: the data set's or the benchmark's)", catSupernet},
		{"height", "supernet.height", "`N` image rows (0: the data set's or the benchmark's)", catSupernet},
		{"width", "supernet.width", "`N` image columns (0: the data set's or the benchmark's)", catSupernet},
		{"image-channels", "supernet.image_channels", "channels of the images: `N` is 1 (grey) or 3 (colour, or grey tripled) (0: the data set's; fashion has 3)", catSupernet},
	})
	spaceSetting  = []setting{{"space", "supernet.space", "search space: `NAME` is " + either(append(spaceNames(), "the file of your own, x.yaml")), catSupernet}}
	imageSettings = []setting{
		{"data", "data.name", "data set: `NAME` is fashion (built in), cifar10, cifar100, idx or folder", catImages},
		{"data-dir", "data.dir", "the data set's folder `DIR`", catImages},
		{"holdout", "data.holdout", "`N` training images held out for scoring and validation", catImages},
		{"data-mean", "data.mean", "mean `R,G,B` of the images, in 0…255, or one number for grey ones (none: the set's own)", catImages},
		{"data-std", "data.std", "deviation `R,G,B` of the images, likewise", catImages},
	}
	augmentSettings = []setting{
		{"pad-crop", "data.augment.pad_crop", "augmentation: pad by `N` pixels and crop back at random", catImages},
		{"flip", "data.augment.flip", "augmentation: mirror half of the images", catImages},
		{"cutout", "data.augment.cutout", "augmentation: a square of side `N` is set to zero (0: none)", catImages},
	}
	trainedSetting = []setting{
		{"train", "train.train", "trained parameters: `NAME` is last-bn (as BN-NAS), bn, bn+classifier, or all", catTraining},
	}
	trainSettings = joined(trainedSetting, lengthSettings, optimizerSettings, networkSettings, keptSettings, []setting{
		{"shards", "train.shards", "`N` virtual devices share a batch, each with statistics of its own (0: one)", catTraining},
		{"sampling", "train.sampling", "paths: `NAME` is uniform, strict (FairNAS), or fixed (--path in every step)", catTraining},
		{"path", "train.path", "the architecture `ARCH` of --sampling fixed", catTraining},
		{"rank-every", "train.rank_every", "`N` steps between snapshots of the ranking (0: none)", catTraining},
		{"early-bird", "train.early_bird", "stop when the ranking has settled", catTraining},
		{"settled", "train.settled", "Kendall τ `X` from which two snapshots count as settled", catTraining},
		{"patience", "train.patience", "`N` successive settled snapshots end training", catTraining},
	})
	lengthSettings = []setting{
		{"epochs", "train.epochs", "`N` passes over the training set", catTraining},
		{"steps", "train.steps", "`N` training steps (0: by --epochs)", catTraining},
		{"batch", "train.batch", "`N` images a step", catTraining},
	}
	optimizerSettings = []setting{
		{"optimizer", "train.optimizer", "`NAME` is sgd, adamw or rmsprop (TensorFlow's: its ε is inside the root)", catTraining},
		{"lr", "train.lr", "peak learning rate `X` (0.02 suits adamw, 0.2 sgd, and rmsprop with --eps 1)", catTraining},
		{"min-lr", "train.min_lr", "learning rate `X` at the end of the schedule", catTraining},
		{"schedule", "train.schedule", "`NAME` is cosine, linear or constant", catTraining},
		{"warmup-steps", "train.warmup_steps", "`N` steps of a linear rise to --lr", catTraining},
		{"momentum", "train.momentum", "momentum `X` of SGD and RMSProp", catTraining},
		{"nesterov", "train.nesterov", "Nesterov's form of momentum", catTraining},
		{"beta2", "train.beta2", "decay `X` of the mean of squared gradients, of adamw and rmsprop (0.9 suits rmsprop)", catTraining},
		{"eps", "train.eps", "ε `X` of adamw and rmsprop, above 0 (NAS-Bench-101 has 1)", catTraining},
		{"weight-decay", "train.weight_decay", "decay `X` of γ and β", catTraining},
		{"weight-decay-weights", "train.weight_decay_weights", "decay `X` of the weights of convolutions and classifier", catTraining},
		{"clip-norm", "train.clip_norm", "largest gradient norm `X` (0: no clipping)", catTraining},
		{"clip-value", "train.clip_value", "largest magnitude `X` of an element of the gradient, instead of --clip-norm (0: no clipping)", catTraining},
		{"label-smoothing", "train.label_smoothing", "mass `X` moved from the label to all classes", catTraining},
	}
	// networkSettings are those of a network that is trained on its own.
	networkSettings = []setting{
		{"bn-momentum", "train.bn_momentum", "of one network: momentum `X` of BatchNorm's running statistics (0: none are kept)", catTraining},
		{"ema", "train.ema", "of one network: decay `X` of the average of its parameters, which is tested and exported (0: none)", catTraining},
		{"drop-path", "train.drop_path", "of one network: probability `P` that an operator is dropped for an image, to which it rises from 0 over the epochs (darts; 0: none)", catTraining},
		{"auxiliary-weight", "train.auxiliary_weight", "of one network: weight `X` of the loss of an auxiliary head in training (darts; 0: no head)", catTraining},
		{"test-every", "train.test_every", "of one network: `N` epochs between tests on the test images (0: none)", catTraining},
		{"test-images", "train.test_images", "`N` images of a test (0: all)", catTraining},
	}
	keptSettings = []setting{
		{"checkpoint-every", "train.checkpoint_every", "`N` steps between checkpoints (0: by time alone)", catTraining},
		{"metrics-every", "train.metrics_every", "`N` steps a line of metrics.jsonl", catTraining},
		{"max-time", "train.max_time", "save and stop after the time `T` (90s, 10m, 2h; 0: no limit)", catTraining},
	}
	recipeSetting = []setting{
		{"recipe", "recipe", "the settings of training are those of `NAME`, " + either(run.Recipes()) + " (none: that of the space)", catTraining},
	}
	scoreSettings = joined(measureSettings, []setting{
		{"repeats", "score.repeats", "average each term over `N` repeats with other images and directions, and other weights if untrained", catScoring},
	})
	// measureSettings are those of one repeat.
	measureSettings = []setting{
		{"images", "score.images", "`N` images calibrate statistics and give codes and spectra", catScoring},
		{"ntk-images", "score.ntk_images", "`N` images of one tangent kernel", catScoring},
		{"ntk-directions", "score.ntk_directions", "`N` random directions over the classes (-1: full trace)", catScoring},
		{"terms", "score.terms", "terms to compute, `A,B,…`, all, ours or baselines (none: those of the composite, and those that cost nothing beside them)", catScoring},
		{"mc-batches", "score.mc_batches", "`N` resampled batches of MC-BatchNorm", catScoring},
	}
	compositeSetting = []setting{
		{"composite", "objective.composite", "objective to maximise: `NAME` of a composite, " + composites() + ", or of a term", catSearch},
	}
	searchSettings = []setting{
		{"strategy", "search.strategy", "`NAME` is " + either(search.Strategies()), catSearch},
		{"objectives", "search.objectives", "search a Pareto front by NSGA-II: `A,B` is score,macs, score,params or score,latency (none: the score alone)", catSearch},
		{"max-macs", "search.max_macs", "only networks of at most `N` MACs (100M, 1.5G; 0: any)", catSearch},
		{"max-params", "search.max_params", "only networks of at most `N` parameters (500k, 2M; 0: any)", catSearch},
		{"max-latency", "search.max_latency", "only networks whose forward pass takes at most `MS` milliseconds on this device, measured (0: any)", catSearch},
		{"latency-batch", "search.latency_batch", "`N` images of the forward pass whose latency is measured (0: 1)", catSearch},
		{"budget", "search.budget", "stop after the time `T` of searching, without the calibration (90s, 10m, 2h; 0: no limit)", catSearch},
		{"prune", "search.prune", "of the strategy pruning: each place loses `N` operators in a round (0: 1)", catSearch},
		{"generations", "search.generations", "`N` generations of an evolution", catSearch},
		{"population", "search.population", "`N` networks in a generation", catSearch},
		{"top", "search.top", "`N` best networks to report", catSearch},
		{"max-evaluations", "search.max_evaluations", "stop after `N` scored networks (0: the strategy's own end)", catSearch},
		{"calibration", "objective.calibration", "`N` random architectures whose scores calibrate the composite", catSearch},
	}
	// finalistSettings are those of the second stage of a search.
	finalistSettings = []setting{
		{"finalists", "finalists.number", "train the best `N` networks on their own, all weights, and take the one with the best accuracy on held-out images (0: the best by score)", catSearch},
		{"finalist-epochs", "finalists.epochs", "`N` epochs of each finalist's training, by the recipe of the space", catSearch},
	}
	// networkSeeds are the seeds of a network and its images, measureSeeds those of its scores.
	networkSeeds = []setting{
		{"weight-seed", "supernet.seed", "seed `N` of the initial weights alone (0: that of --seed)", catMachine},
		{"split-seed", "data.split_seed", "seed `N` of the choice of held-out images alone (0: that of --seed)", catMachine},
	}
	measureSeeds = []setting{
		{"image-seed", "score.image_seed", "seed `N` of the images for scoring alone (0: that of --seed)", catMachine},
		{"direction-seed", "score.direction_seed", "seed `N` of the random directions and probes of scoring alone (0: that of --seed)", catMachine},
	}
	seedSetting    = []setting{{"seed", "seed", "seed `N` of everything random", catMachine}}
	deviceSettings = []setting{
		{"threads", "threads", "`N` CPU threads (0: every core); on a GPU, the most paths or architectures at a time", catMachine},
		{"numerics", "numerics", "of the CPU engine: `NAME` is strict, fast (half of the memory, faster, less exact), or auto (fast, but strict with --train all or without AVX2)", catMachine},
		{"gpu", "gpu", "the GPU `N` of several, counted from 0", catMachine},
		{"device", "device", "`NAME` is " + either(run.Devices()), catMachine},
		{"precision", "precision", "of a GPU's convolutions: `NAME` is fp32, tf32, fp16 (gradients in bf16) or bf16", catMachine},
		{"half", "half", "store a GPU's values for the backward pass in half precision", catMachine},
	}
	planSettings    = deviceSettings[3:]                  // what a GPU computes
	computeSettings = joined(seedSetting, deviceSettings) // of a command that computes
)

// flags returns the flags of settings, --config for a file of them, and the flags that every command has.
func flags(groups ...[]setting) []cli.Flag {
	f := append(flagsOf(joined(groups...)),
		&cli.StringFlag{Name: "config", Usage: "YAML `FILE` of settings; flags override it", DefaultText: "none", Category: catMachine})
	return append(f, outputFlags()...)
}

// presetFlag selects a built-in configuration, which --config and flags override.
var presetFlag = &cli.StringFlag{Name: "preset", Usage: "settings of a published recipe: `NAME` is " + strings.Join(run.Presets(), " or ") + "; --config and flags override it", DefaultText: "none", Category: catMachine}

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

// configOf builds the configuration of a command that does not open a run.
func configOf(c *cli.Context, settings ...setting) (run.Config, error) {
	cfg, err := resolve(c, run.Default(), joined(settings, computeSettings))
	return reseeded(c, cfg), err
}

// reseeded sets the seeds of all parts to that of --seed, if it is given. A part whose own flag is given keeps its seed.
func reseeded(c *cli.Context, cfg run.Config) run.Config {
	if !c.IsSet("seed") {
		return cfg
	}
	own := cfg
	cfg.SetSeed(cfg.Seed)
	for _, s := range joined(networkSeeds, measureSeeds) {
		from, _, err := fieldAt(reflect.ValueOf(own), s.path)
		if err == nil && c.IsSet(s.flag) {
			to, _, _ := fieldAt(reflect.ValueOf(&cfg).Elem(), s.path)
			to.Set(from)
		}
	}
	return cfg
}

// allSettings lists the settings of all commands.
func allSettings() []setting {
	return joined(supernetSettings, imageSettings, augmentSettings, trainSettings, recipeSetting, scoreSettings, compositeSetting, searchSettings, finalistSettings, networkSeeds, measureSeeds, computeSettings)
}
