package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Sampling is the rule by which the path of a step is drawn.
type Sampling string

const (
	// Uniform draws one live architecture a step, each equally likely (Guo et al., "Single path one-shot", ECCV 2020).
	Uniform Sampling = "uniform"
	// Strict is strict fairness (Chu, Zhang, Xu: "FairNAS", ICCV 2021, algorithm 1): a step takes K paths on the same
	// batch, K the largest number of options of a gene, drawn as permutations so that each option of a gene is used
	// once before any is used again. The K gradients are summed, as FairNAS does, and applied in one update.
	Strict Sampling = "strict"
)

// OptimizerName selects the update rule.
type OptimizerName string

const (
	SGD   OptimizerName = "sgd"
	AdamW OptimizerName = "adamw"
)

// Config holds the settings of a training run. A resumed run must have the values of the run that it continues, except
// those of checkpoints and MaxTime, which do not change the result.
type Config struct {
	Epochs int    `yaml:"epochs"` // passes over the training set; unused if Steps > 0
	Steps  int    `yaml:"steps"`  // updates in all; 0: Epochs × steps an epoch
	Batch  int    `yaml:"batch"`  // images a step; the loader must deliver as many
	Shards int    `yaml:"shards"` // virtual devices that a batch is divided among; 0 and 1: the whole batch is one
	Seed   uint64 `yaml:"seed"`   // of the sampled paths

	Train    supernet.TrainSet `yaml:"train"`    // last-bn, bn, bn+classifier or all
	Sampling Sampling          `yaml:"sampling"` // uniform or strict

	Optimizer          OptimizerName `yaml:"optimizer"`            // sgd or adamw
	Momentum           float64       `yaml:"momentum"`             // SGD: μ
	Nesterov           bool          `yaml:"nesterov"`             // SGD: Nesterov's form
	Beta1              float64       `yaml:"beta1"`                // AdamW: decay of the first moment
	Beta2              float64       `yaml:"beta2"`                // AdamW: decay of the second moment
	Eps                float64       `yaml:"eps"`                  // AdamW: ε in m̂/(√v̂+ε)
	WeightDecay        float64       `yaml:"weight_decay"`         // of γ and β
	WeightDecayWeights float64       `yaml:"weight_decay_weights"` // of convolution and classifier weights
	ClipNorm           float64       `yaml:"clip_norm"`            // largest global ℓ2 norm of the gradient; 0: no clipping
	LabelSmoothing     float64       `yaml:"label_smoothing"`      // q = (1−s)·onehot + s/K

	LR       float64  `yaml:"lr"`           // peak learning rate
	MinLR    float64  `yaml:"min_lr"`       // where cosine and linear end
	Schedule Schedule `yaml:"schedule"`     // cosine, linear or constant
	Warmup   int      `yaml:"warmup_steps"` // steps of linear rise to LR

	CheckpointEvery    int           `yaml:"checkpoint_every"`    // steps between checkpoints; 0: by time only
	CheckpointInterval time.Duration `yaml:"checkpoint_interval"` // time between checkpoints; 0: by steps only
	MaxTime            time.Duration `yaml:"max_time"`            // stop with ErrBudget after this long; 0: no limit

	MetricsEvery int `yaml:"metrics_every"` // steps averaged in a line of metrics.jsonl
	GammaEvery   int `yaml:"gamma_every"`   // steps between lines of mean |γ| per option and node norms; 0: none

	RankEvery int     `yaml:"rank_every"` // steps between snapshots of the ranking; 0: none
	EarlyBird bool    `yaml:"early_bird"` // stop when the ranking has settled
	Settled   float64 `yaml:"settled"`    // agreement (Kendall τ) from which two snapshots count as the same ranking
	Patience  int     `yaml:"patience"`   // successive agreements that end the run
}

// Default returns the recipe of a BN-only supernet: AdamW, lr 0.02 cosine, no decay, gradient norm clipped at 5. With a
// frozen classifier gradients are small, and differ in scale from layer to layer: AdamW learns faster in the same steps
// than the SGD of BN-NAS (momentum 0.9, lr 0.2), and ranks no worse (docs/results.md).
func Default() Config {
	return Config{
		Epochs: 10, Batch: 64,
		Train: supernet.AllBN, Sampling: Uniform,
		Optimizer: AdamW, Momentum: 0.9, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, ClipNorm: 5, LabelSmoothing: 0.1,
		LR: 0.02, Schedule: Cosine,
		CheckpointEvery: 500, CheckpointInterval: time.Minute,
		MetricsEvery: 10, GammaEvery: 200,
		Settled: 0.95, Patience: 3,
	}
}

// Validate returns an error that lists every invalid setting by its name in the configuration file.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("train: "+format, args...))
		}
	}
	within := func(name string, v, low, high float64) {
		check(v >= low && v < high, "%s: %v is not in [%v, %v)", name, v, low, high)
	}
	atLeast := func(name string, v float64) {
		check(v >= 0 && !math.IsInf(v, 0), "%s: %v is not a number ≥ 0", name, v)
	}

	check(c.Steps >= 0, "steps: %d is negative", c.Steps)
	check(c.Steps > 0 || c.Epochs > 0, "epochs: %d; there must be at least one (or steps > 0)", c.Epochs)
	check(c.Batch > 0, "batch: %d is not positive", c.Batch)
	check(c.Shards >= 0, "shards: %d is negative", c.Shards)
	check(c.Shards < 2 || c.Batch%c.Shards == 0, "shards: a batch of %d is not %d equal parts", c.Batch, c.Shards)
	check(oneOf(c.Train, supernet.TrainSets()...), "train: %q is none of %s", c.Train, list(supernet.TrainSets()...))
	check(oneOf(c.Sampling, Uniform, Strict), "sampling: %q is none of %s", c.Sampling, list(Uniform, Strict))

	check(oneOf(c.Optimizer, SGD, AdamW), "optimizer: %q is none of %s", c.Optimizer, list(SGD, AdamW))
	within("momentum", c.Momentum, 0, 1)
	check(!c.Nesterov || c.Momentum > 0, "nesterov: needs momentum > 0")
	within("beta1", c.Beta1, 0, 1)
	within("beta2", c.Beta2, 0, 1)
	check(c.Optimizer != AdamW || c.Eps > 0, "eps: %v is not positive", c.Eps)
	atLeast("weight_decay", c.WeightDecay)
	atLeast("weight_decay_weights", c.WeightDecayWeights)
	atLeast("clip_norm", c.ClipNorm)
	within("label_smoothing", c.LabelSmoothing, 0, 1)

	check(c.LR > 0 && !math.IsInf(c.LR, 0), "lr: %v is not a positive number", c.LR)
	check(c.MinLR >= 0 && c.MinLR <= c.LR, "min_lr: %v is not in [0, lr]", c.MinLR)
	check(oneOf(c.Schedule, Cosine, Linear, Constant), "schedule: %q is none of %s", c.Schedule, list(Cosine, Linear, Constant))
	check(c.Warmup >= 0, "warmup_steps: %d is negative", c.Warmup)
	check(c.Steps <= 0 || c.Warmup < c.Steps, "warmup_steps: %d is not less than steps: %d", c.Warmup, c.Steps)

	check(c.CheckpointEvery >= 0, "checkpoint_every: %d is negative", c.CheckpointEvery)
	check(c.CheckpointInterval >= 0, "checkpoint_interval: %v is negative", c.CheckpointInterval)
	check(c.MaxTime >= 0, "max_time: %v is negative", c.MaxTime)
	check(c.MetricsEvery > 0, "metrics_every: %d is not positive", c.MetricsEvery)
	check(c.GammaEvery >= 0, "gamma_every: %d is negative", c.GammaEvery)
	check(c.RankEvery >= 0, "rank_every: %d is negative", c.RankEvery)
	check(!c.EarlyBird || c.RankEvery > 0, "early_bird: needs rank_every > 0")
	check(c.Settled > -1 && c.Settled <= 1, "settled: %v is not in (-1, 1]", c.Settled)
	check(!c.EarlyBird || c.Patience > 0, "patience: %d is not positive", c.Patience)
	return errors.Join(errs...)
}

// update is the optimizer's rule at a learning rate.
func (c Config) update(lr float64, steps []int) kernels.Update {
	u := kernels.Update{
		Kind: kernels.SGD, LR: lr, Momentum: c.Momentum, Nesterov: c.Nesterov,
		Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps,
		WeightDecay: c.WeightDecay, WeightDecayWeights: c.WeightDecayWeights,
		ClipNorm: c.ClipNorm, Steps: steps,
	}
	if c.Optimizer == AdamW {
		u.Kind = kernels.AdamW
	}
	return u
}

func oneOf[T comparable](v T, of ...T) bool { return slices.Contains(of, v) }

func list[T ~string](of ...T) string {
	names := make([]string, len(of))
	for i, o := range of {
		names[i] = string(o)
	}
	return strings.Join(names, ", ")
}
