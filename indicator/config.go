package indicator

import (
	"cmp"
	"slices"

	"bnas.example/internal/setting"
)

// Config sets the numbers of images, directions and batches. Zero fields take the defaults (in brackets), with which a
// NAS-Bench-201 architecture is scored within a quarter of a second on two cores. Every architecture is scored with the same
// images and directions.
type Config struct {
	// Images that calibrate the BatchNorm statistics and give codes, spectra and noise (64).
	Images int `yaml:"images" range:"[2,65536]"`
	// NTKImages in one kernel (16), of which NTKBatches (2) are averaged; their product is at most Images.
	NTKImages  int `yaml:"ntk_images" range:"[2,4096]"`
	NTKBatches int `yaml:"ntk_batches" range:"[1,1024]"`
	// Directions is the number of Rademacher vectors over the classes that contract the outputs (2); −1, and a number of at least the
	// classes, takes the full trace, one backward pass a class.
	Directions int `yaml:"ntk_directions" range:"[-1,65536]"`
	// MCBatches statistics are resampled for MC-BatchNorm (4), each from MCBatch images (24), and applied to MCQueries
	// images (16). Teye et al. use the training batch size for MCBatch; a smaller one scales the noise of every
	// architecture by the same factor.
	MCBatches int `yaml:"mc_batches" range:"[2,1024]"`
	MCBatch   int `yaml:"mc_batch" range:"[2,65536]"`
	MCQueries int `yaml:"mc_queries" range:"[2,65536]"`
	// Seed of all draws that have no seed of their own.
	Seed uint64 `yaml:"seed"`
	// ImageSeed is that of the images that are drawn from a data set, DirectionSeed that of the random directions and probes. 0: Seed.
	ImageSeed     uint64 `yaml:"image_seed,omitempty"`
	DirectionSeed uint64 `yaml:"direction_seed,omitempty"`
	// Repeats of the scoring with other draws (1), over which terms are averaged. A Scorer is one repeat: see [Config.Repeat] and
	// [NewRepeated].
	Repeats Repeats `yaml:"repeats,omitempty" range:"[1,64]"`
	// Terms to compute, words of GroupNames among them; empty for all. A pass that only other terms need is not run.
	Terms []string `yaml:"terms"`
}

// WithDefaults returns c with its zero fields filled, except Seed and Terms.
func (c Config) WithDefaults() Config {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&c.Images, 64}, {&c.NTKImages, 16}, {&c.NTKBatches, 2}, {&c.Directions, 2},
		{&c.MCBatches, 4}, {&c.MCBatch, 24}, {&c.MCQueries, 16},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if c.Repeats == 0 {
		c.Repeats = 1
	}
	return c
}

// SeedOfImages returns the seed of the images of the scoring.
func (c Config) SeedOfImages() uint64 { return cmp.Or(c.ImageSeed, c.Seed) }

// SeedOfDirections returns the seed of the random directions and probes.
func (c Config) SeedOfDirections() uint64 { return cmp.Or(c.DirectionSeed, c.Seed) }

// Validate returns an error that lists every invalid setting (setting.Errors). It expects a Config whose defaults are filled
// in.
func (c Config) Validate() error {
	errs := setting.Ranges("score", c)
	errs.Check(c.Directions != 0, "score.ntk_directions", "0: must be -1 or at least 1")
	if len(errs) == 0 {
		n := c.NTKImages * c.NTKBatches
		errs.Check(n <= c.Images, "score.ntk_images", "%d in %d kernels: %d in all, more than score.images, %d", c.NTKImages, c.NTKBatches, n, c.Images)
	}
	for _, name := range c.Terms {
		if _, err := termIndex(name); err != nil && !slices.Contains(GroupNames(), name) {
			errs.Check(false, "score.terms", "%v", err)
		}
	}
	return errs.Or()
}

// ImagesNeeded returns the number of images that Inputs must hold: Images + MCQueries + MCBatches·MCBatch.
func (c Config) ImagesNeeded() int {
	c = c.WithDefaults()
	return c.Images + c.MCQueries + c.MCBatches*c.MCBatch
}

// Inputs are the images for scoring, normalised, not augmented, in random order. The first Config.Images of them calibrate
// the statistics, the next Config.MCQueries are the queries of MC-BatchNorm, the others its resampled batches. No two
// batches share an image.
type Inputs struct {
	Images []float32 // M×C×H×W, M ≥ Config.ImagesNeeded(), of the supernet's size
	Labels []int     // M
	Start  *Start    // nil: what scorers before this one have measured is not known
}
