package train

import (
	"slices"
	"strings"
	"time"

	"bnas.example/internal/amount"
	"bnas.example/internal/setting"
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
	// Fixed takes Config.Path in every step: a network is trained on its own.
	Fixed Sampling = "fixed"
)

// OptimizerName selects the update rule.
type OptimizerName string

const (
	SGD     OptimizerName = "sgd"
	AdamW   OptimizerName = "adamw"
	RMSProp OptimizerName = "rmsprop"
)

// Config holds the settings of a training run. A resumed run must have the values of the run that it continues, except
// those of checkpoints and MaxTime, which do not change the result.
type Config struct {
	Epochs int    `yaml:"epochs" range:"[0,1000000]"`   // passes over the training set; unused if Steps > 0
	Steps  int    `yaml:"steps" range:"[0,1000000000]"` // updates in all; 0: Epochs × steps an epoch
	Batch  int    `yaml:"batch" range:"[1,65536]"`      // images a step; the loader must deliver as many
	Shards int    `yaml:"shards" range:"[0,1024]"`      // virtual devices that a batch is divided among; 0 and 1: the whole batch is one
	Seed   uint64 `yaml:"seed"`                         // of the sampled paths

	Train    supernet.TrainSet `yaml:"train"`          // last-bn, bn, bn+classifier or all
	Sampling Sampling          `yaml:"sampling"`       // uniform, strict or fixed
	Path     string            `yaml:"path,omitempty"` // the architecture of fixed, in the text of the space

	Optimizer          OptimizerName `yaml:"optimizer"`                            // sgd, adamw or rmsprop
	Momentum           float64       `yaml:"momentum" range:"[0,1)"`               // SGD, RMSProp: μ
	Nesterov           bool          `yaml:"nesterov"`                             // SGD: Nesterov's form
	Beta1              float64       `yaml:"beta1" range:"[0,1)"`                  // AdamW: decay of the first moment
	Beta2              float64       `yaml:"beta2" range:"[0,1)"`                  // AdamW, RMSProp: decay of the mean of squared gradients
	Eps                float64       `yaml:"eps" range:"[0,inf)"`                  // AdamW: ε in m̂/(√v̂+ε); RMSProp: in g/√(ms+ε)
	WeightDecay        float64       `yaml:"weight_decay" range:"[0,inf)"`         // of γ and β
	WeightDecayWeights float64       `yaml:"weight_decay_weights" range:"[0,inf)"` // of convolution and classifier weights
	ClipNorm           float64       `yaml:"clip_norm" range:"[0,inf)"`            // largest global ℓ2 norm of the gradient; 0: no clipping
	ClipValue          float64       `yaml:"clip_value,omitempty" range:"[0,inf)"` // largest magnitude of an element of the gradient; 0: no clipping
	LabelSmoothing     float64       `yaml:"label_smoothing" range:"[0,1)"`        // q = (1−s)·onehot + s/K

	BNMomentum float64 `yaml:"bn_momentum,omitempty" range:"[0,1]"`          // fixed: of the running statistics; 0: none are kept
	EMA        float64 `yaml:"ema,omitempty" range:"[0,1)"`                  // fixed: decay of the average of the parameters; 0: none is kept
	DropPath   float64 `yaml:"drop_path,omitempty" range:"[0,1)"`            // fixed: drop-path's probability, to which it rises; 0: none
	AuxWeight  float64 `yaml:"auxiliary_weight,omitempty" range:"[0,inf)"`   // fixed: of the auxiliary head's cross entropy in the loss; 0: no head
	TestEvery  int     `yaml:"test_every,omitempty" range:"[0,1000000]"`     // fixed: epochs between tests, the last step is tested too; 0: none
	TestImages int     `yaml:"test_images,omitempty" range:"[0,1000000000]"` // images of a test; 0: all

	LR       float64  `yaml:"lr" range:"(0,inf)"`                  // peak learning rate
	MinLR    float64  `yaml:"min_lr" range:"[0,inf)"`              // where cosine and linear end
	Schedule Schedule `yaml:"schedule"`                            // cosine, linear or constant
	Warmup   int      `yaml:"warmup_steps" range:"[0,1000000000]"` // steps of linear rise to LR

	CheckpointEvery    int           `yaml:"checkpoint_every" range:"[0,1000000000]"` // steps between checkpoints; 0: by time only
	CheckpointInterval time.Duration `yaml:"checkpoint_interval" range:"[0,inf)"`     // time between checkpoints; 0: by steps only
	MaxTime            time.Duration `yaml:"max_time" range:"[0,inf)"`                // stop with ErrBudget after this long; 0: no limit

	MetricsEvery int `yaml:"metrics_every" range:"[1,1000000000]"` // steps averaged in a line of metrics.jsonl
	GammaEvery   int `yaml:"gamma_every" range:"[0,1000000000]"`   // steps between lines of mean |γ| per option and node norms; 0: none

	RankEvery int     `yaml:"rank_every" range:"[0,1000000000]"` // steps between snapshots of the ranking; 0: none
	EarlyBird bool    `yaml:"early_bird"`                        // stop when the ranking has settled
	Settled   float64 `yaml:"settled" range:"(-1,1]"`            // agreement (Kendall τ) from which two snapshots count as the same ranking
	Patience  int     `yaml:"patience" range:"[0,1000000]"`      // successive agreements that end the run
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

// Validate returns an error that lists every invalid setting (setting.Errors).
func (c Config) Validate() error {
	errs := setting.Ranges("train", c)
	errs.Check(c.Steps != 0 || c.Epochs != 0, "train.epochs", "0: there must be at least one, or steps")
	errs.Check(c.Shards < 2 || c.Batch%c.Shards == 0, "train.shards", "%d: a batch of %d is not %d equal parts", c.Shards, c.Batch, c.Shards)
	errs.Check(oneOf(c.Train, supernet.TrainSets()...), "train.train", "%q: there is %s", c.Train, list(supernet.TrainSets()...))
	errs.Check(oneOf(c.Sampling, Uniform, Strict, Fixed), "train.sampling", "%q: there is %s", c.Sampling, list(Uniform, Strict, Fixed))
	errs.Check(c.Sampling != Fixed || c.Path != "", "train.path", "is missing: train.sampling fixed needs an architecture")
	errs.Check(c.Sampling == Fixed || c.Path == "", "train.path", "%q: train.sampling %s draws its own; only fixed has an architecture", c.Path, c.Sampling)
	errs = append(errs, c.checkNetwork()...)
	errs.Check(oneOf(c.Optimizer, SGD, AdamW, RMSProp), "train.optimizer", "%q: there is %s", c.Optimizer, list(SGD, AdamW, RMSProp))
	errs.Check(!c.Nesterov || c.Momentum > 0, "train.nesterov", "needs a momentum above 0")
	errs.Check(c.Optimizer == SGD || c.Eps > 0, "train.eps", "%v: must be above 0 for %s", c.Eps, c.Optimizer)
	errs.Check(c.MinLR <= c.LR, "train.min_lr", "%v: is above lr, %v", c.MinLR, c.LR)
	errs.Check(c.ClipValue == 0 || c.ClipNorm == 0, "train.clip_value", "%v: with clip_norm %v; one of them must be 0", c.ClipValue, c.ClipNorm)
	errs.Check(oneOf(c.Schedule, Cosine, Linear, Constant), "train.schedule", "%q: there is %s", c.Schedule, list(Cosine, Linear, Constant))
	errs.Check(c.Steps <= 0 || c.Warmup < c.Steps, "train.warmup_steps", "%d: is not less than the %s of the run", c.Warmup, amount.Of(c.Steps, "step"))
	errs.Check(!c.EarlyBird || c.RankEvery > 0, "train.early_bird", "needs a rank_every above 0")
	errs.Check(!c.EarlyBird || c.Patience > 0, "train.patience", "%d: must be above 0 with early_bird", c.Patience)
	return errs.Or()
}

// checkNetwork lists the wrong settings of a network that is trained on its own.
func (c Config) checkNetwork() (errs setting.Errors) {
	fixed := c.Sampling == Fixed
	errs.Check(fixed || c.BNMomentum == 0, "train.bn_momentum", "%v: only a network on its own has running statistics: train.sampling fixed", c.BNMomentum)
	errs.Check(fixed || c.EMA == 0, "train.ema", "%v: only a network on its own has an average: train.sampling fixed", c.EMA)
	errs.Check(fixed || c.DropPath == 0, "train.drop_path", "%v: only a network on its own has drop-path: train.sampling fixed", c.DropPath)
	errs.Check(fixed || c.AuxWeight == 0, "train.auxiliary_weight", "%v: only a network on its own has an auxiliary head: train.sampling fixed", c.AuxWeight)
	errs.Check(c.Shards < 2 || c.BNMomentum == 0, "train.shards", "%d: the statistics of shards have no running value; set train.bn_momentum to 0", c.Shards)
	errs.Check(c.TestEvery == 0 || c.BNMomentum > 0, "train.test_every", "%d: a test needs running statistics, a train.bn_momentum above 0", c.TestEvery)
	errs.Check(c.TestImages == 0 || c.TestEvery > 0, "train.test_images", "%d: there is no test; set train.test_every", c.TestImages)
	return errs
}

// Total returns the number of updates of a run.
func (c Config) Total(stepsPerEpoch int) int {
	if c.Steps > 0 {
		return c.Steps
	}
	return c.Epochs * stepsPerEpoch
}

// update is the optimizer's rule at a learning rate.
func (c Config) update(lr float64, steps []int) kernels.Update {
	u := kernels.Update{
		Kind: kernels.SGD, LR: lr, Momentum: c.Momentum, Nesterov: c.Nesterov,
		Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps,
		WeightDecay: c.WeightDecay, WeightDecayWeights: c.WeightDecayWeights,
		ClipNorm: c.ClipNorm, ClipValue: c.ClipValue, Steps: steps,
	}
	switch c.Optimizer {
	case AdamW:
		u.Kind = kernels.AdamW
	case RMSProp:
		u.Kind = kernels.RMSProp
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
