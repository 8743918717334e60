package run

import (
	"slices"

	"bnas.example/data"
	"bnas.example/internal/setting"
	"bnas.example/supernet"
	"bnas.example/train"
)

// Recipe is the published training of the networks of a space, as settings of a run with one network.
type Recipe struct {
	Name   string
	Source string
	// LeftOut says what of the recipe bnas does not have; empty: nothing.
	LeftOut string

	spaces []string // whose recipe it is; the first recipe is that of all other spaces
	set    func(*Config)
}

// recipes are the recipes of the benchmarks, as far as their code and papers say them.
var recipes = []Recipe{
	{
		Name: "nas-bench-macro", Source: "Su et al. 2021: 50 epochs", spaces: []string{"nas-bench-macro", "mobilenet-cifar"},
		set: func(c *Config) { sgd(c, 50, 256, 0.1, train.Cosine, 5e-4, 5e-4) },
	}, {
		Name: "nas-bench-201", Source: "Dong and Yang 2020: 200 epochs", spaces: []string{"nas-bench-201"},
		set: func(c *Config) { nasBench201(c, 200) },
	}, {
		Name: "nas-bench-201-12", Source: "the same in 12 epochs",
		set: func(c *Config) { nasBench201(c, 12) },
	}, {
		Name: "nas-bench-101", Source: "Ying et al. 2019: 108 epochs", spaces: []string{"nas-bench-101"},
		LeftOut: "10,000 of CIFAR-10's images are not trained on (--holdout 10000 has that); a first step at a rate of 0; each half of a batch normalised by its own statistics; TensorFlow's initial weights",
		set: func(c *Config) {
			sgd(c, 108, 256, 0.2, train.Cosine, 1e-4, 1e-4)
			c.Train.Optimizer, c.Train.Beta2, c.Train.Eps = train.RMSProp, 0.9, 1
			c.Train.BNMomentum = 0.003
		},
	}, {
		Name: "darts", Source: "Liu et al. 2019: 600 epochs", spaces: []string{"darts"},
		set: func(c *Config) {
			sgd(c, 600, 96, 0.025, train.Cosine, 3e-4, 3e-4)
			c.Train.ClipNorm, c.Train.DropPath, c.Train.AuxWeight = 5, 0.2, 0.4
			c.Data.Augment.Cutout = 16
		},
	}, {
		Name: "bn-nas", Source: "Chen et al. 2021: 300,000 steps of 1024 ImageNet images, 240 epochs", spaces: []string{"bn-nas", "proxylessnas", "fairnas"},
		LeftOut: "dropout of 0.2, crops of a random size, random lighting; the classifier decays too",
		set: func(c *Config) {
			sgd(c, 240, 1024, 0.5, train.Linear, 0, 4e-5)
			c.Train.LabelSmoothing, c.Train.ClipNorm = 0.1, 5
			c.Data.Augment.PadCrop = 0
		},
	},
}

func nasBench201(c *Config, epochs int) {
	sgd(c, epochs, 256, 0.1, train.Cosine, 5e-4, 5e-4)
	c.Train.Nesterov = true
}

// sgd sets SGD with a momentum of 0.9 and a rate that ends at 0, crops of images padded by 4 pixels, and flips.
func sgd(c *Config, epochs, batch int, lr float64, schedule train.Schedule, decayBN, decayWeights float64) {
	t := &c.Train
	t.Epochs, t.Steps, t.Batch, t.Shards, t.Warmup = epochs, 0, batch, 0, 0
	t.Optimizer, t.Momentum, t.Nesterov, t.LR, t.MinLR, t.Schedule = train.SGD, 0.9, false, lr, 0, schedule
	t.WeightDecay, t.WeightDecayWeights, t.ClipNorm, t.LabelSmoothing = decayBN, decayWeights, 0, 0
	t.BNMomentum, t.DropPath, t.AuxWeight = 0.1, 0, 0
	c.Data.Augment = data.Augment{PadCrop: 4, Flip: true}
}

// Recipes lists the names of the recipes.
func Recipes() (names []string) {
	for _, r := range recipes {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

// RecipeOf returns the recipe of the benchmark of a space; other spaces have that of NAS-Bench-Macro.
func RecipeOf(space string) Recipe {
	for _, r := range recipes {
		if slices.Contains(r.spaces, space) {
			return r
		}
	}
	return recipes[0]
}

// LookupRecipe finds a recipe by its name.
func LookupRecipe(name string) (Recipe, error) {
	for _, r := range recipes {
		if r.Name == name {
			return r, nil
		}
	}
	return Recipe{}, setting.Errorf("recipe", "%q: there is %s", name, listed(Recipes()))
}

// Apply sets c to train a network on its own by the recipe: all weights, with the authors' BatchNorm placement, on all training
// images, tested after each epoch. The path is empty.
func (r Recipe) Apply(c *Config) {
	r.set(c)
	c.Recipe = r.Name
	c.Supernet.BN = supernet.Standard
	c.Data.Holdout = 0
	t := &c.Train
	t.Train, t.Sampling, t.Path, t.EMA, t.TestEvery, t.TestImages = supernet.All, train.Fixed, "", 0, 1, 0
	t.RankEvery, t.EarlyBird, t.GammaEvery = 0, false, 0
}
