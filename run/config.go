package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"bnas.example/cuda"
	"bnas.example/data"
	"bnas.example/indicator"
	"bnas.example/internal/setting"
	"bnas.example/kernels/cpu"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// Config holds all settings of a run. It is saved in the run folder.
type Config struct {
	Seed      uint64           `yaml:"seed"`
	Device    string           `yaml:"device"`                         // one of Devices
	Numerics  string           `yaml:"numerics"`                       // of the CPU engine: one of Numerics
	Precision string           `yaml:"precision"`                      // of the GPU's convolutions
	Half      bool             `yaml:"half"`                           // the GPU stores values for its backward pass in half precision
	GPU       int              `yaml:"gpu,omitempty" range:"[0,1023]"` // its number, counted from 0
	Threads   int              `yaml:"threads"`                        // of the CPU; 0: every core
	Supernet  supernet.Config  `yaml:"supernet"`
	Data      DataConfig       `yaml:"data"`
	Train     train.Config     `yaml:"train"`
	Score     indicator.Config `yaml:"score"`
	Objective Objective        `yaml:"objective"`
	Search    search.Config    `yaml:"search"`
	Finalists Finalists        `yaml:"finalists,omitempty"`
	Recipe    string           `yaml:"recipe,omitempty"`   // of Recipes: the training of a network on its own that the settings began with
	Imported  string           `yaml:"imported,omitempty"` // SHA-256 of ImportedName: the network from which the run started
}

// Objective is the objective that a search maximises: a composite, calibrated on the scores of a sample of random
// architectures.
type Objective struct {
	Composite   string `yaml:"composite"`                       // the name of a composite, or of a term
	Calibration int    `yaml:"calibration" range:"[2,1000000]"` // architectures in the sample
}

// DataConfig selects the images, their division and their augmentation.
type DataConfig struct {
	Name      string       `yaml:"name"` // one of data.Names
	Dir       string       `yaml:"dir"`
	Holdout   int          `yaml:"holdout" range:"[0,1000000000]"` // training images that are held out for scoring and validation
	SplitSeed uint64       `yaml:"split_seed,omitempty"`           // of the choice of the images that are held out; 0: that of the run
	Mean      []float64    `yaml:"mean"`                           // of red, green, blue or of grey in 0…255; empty: the set's own
	Std       []float64    `yaml:"std"`                            // deviation, likewise
	Augment   data.Augment `yaml:"augment"`
}

// Normal returns the normalisation of the images.
func (c DataConfig) Normal() data.Normal { return data.Normal{Mean: c.Mean, Std: c.Std} }

// Default returns the default configuration: the built-in images and the first search space of the registry. Its run
// takes about a minute on two cores.
func Default() Config {
	c := Config{
		Device:    "auto",
		Numerics:  AutoNumerics,
		Precision: string(cuda.FP32),
		Supernet:  supernet.Config{Space: supernet.Spaces()[0].Name(), BN: supernet.Fair},
		Data:      DataConfig{Name: "fashion", Holdout: 1000, Augment: data.Augment{PadCrop: 4, Flip: true}},
		Train:     train.Default(),
		Score:     indicator.Config{}.WithDefaults(),
		Objective: Objective{Composite: "bnas", Calibration: 100},
		Search:    search.Config{}.WithDefaults(),
		Finalists: Finalists{Epochs: 3},
	}
	c.Train.Epochs = 2
	c.Train.RankEvery = 200
	c.Search.Generations = 5
	return c
}

// Storage returns the number formats in which a GPU stores and multiplies.
func (c *Config) Storage() cuda.Storage {
	return cuda.Storage{Precision: cuda.Precision(c.Precision), Half: c.Half}
}

// Spread copies Seed to every part without a seed of its own.
func (c *Config) Spread() {
	for _, seed := range c.seeds() {
		if *seed == 0 {
			*seed = c.Seed
		}
	}
}

// SetSeed sets Seed and the seeds of all parts.
func (c *Config) SetSeed(seed uint64) {
	c.Seed = seed
	c.Data.SplitSeed, c.Score.ImageSeed, c.Score.DirectionSeed = 0, 0, 0 // as the parts
	for _, s := range c.seeds() {
		*s = seed
	}
}

func (c *Config) seeds() []*uint64 {
	return []*uint64{&c.Supernet.Seed, &c.Train.Seed, &c.Score.Seed, &c.Search.Seed}
}

// splitSeed is the seed of the choice of the images that are held out.
func (c *Config) splitSeed() uint64 { return cmp.Or(c.Data.SplitSeed, c.Seed) }

// seedText is the seed of a run, and those of its parts that are others.
func (c *Config) seedText() string {
	text := fmt.Sprint(c.Seed)
	for _, part := range []struct {
		name string
		seed uint64
	}{
		{"weights", c.Supernet.Seed}, {"division of the images", c.splitSeed()}, {"paths and batches", c.Train.Seed},
		{"scoring images", c.Score.SeedOfImages()}, {"directions", c.Score.SeedOfDirections()}, {"search", c.Search.Seed},
	} {
		if part.seed != c.Seed {
			text += fmt.Sprintf("; %s %d", part.name, part.seed)
		}
	}
	return text
}

// Validate returns an error that lists every invalid setting: SettingErrors.
func (c *Config) Validate() error {
	errs := setting.OwnRanges("", *c)
	errs = append(errs, setting.Ranges("data", c.Data)...)
	errs = append(errs, setting.Ranges("objective", c.Objective)...)
	errs = append(errs, c.checkFinalists()...)
	errs.Check(c.Threads >= 0 && c.Threads <= maxThreads, "threads", "%d: must be 0…%d; 0 takes every core", c.Threads, maxThreads)
	errs.Check(slices.Contains(Devices(), c.Device), "device", "%q: there is %s", c.Device, listed(Devices()))
	errs.Check(slices.Contains(Numerics(), c.Numerics), "numerics", "%q: there is %s", c.Numerics, listed(Numerics()))
	errs.Check(slices.Contains(cuda.Precisions, cuda.Precision(c.Precision)), "precision", "%q: there is %s", c.Precision, listed(cuda.Precisions))
	errs.Check(slices.Contains(data.Names(), c.Data.Name), "data.name", "%q: there is %s", c.Data.Name, listed(data.Names()))
	errs.Check(c.Device != "gpu-emulated" || !c.Search.NeedsLatency(), "device", "%s: it has no latency of its own; search on a real device", c.Device)
	if err := c.Data.Normal().Validate(); err != nil {
		errs.Check(false, "data.mean", "and data.std: %v", err)
	}
	if c.Recipe != "" {
		_, err := LookupRecipe(c.Recipe)
		errs = append(errs, WrongSettings(err)...)
	}
	filled, err := c.Supernet.WithDefaults()
	if err == nil {
		err = filled.Validate()
	}
	_, composite := indicator.LookupComposite(c.Objective.Composite)
	for _, err := range []error{err, composite, c.Train.Validate(), c.Score.Validate(), c.Search.Validate()} {
		wrong := WrongSettings(err)
		if err != nil && wrong == nil {
			return err
		}
		errs = append(errs, wrong...)
	}
	return errs.Or()
}

// maxThreads is larger than the number of cores of any machine.
const maxThreads = 1024

// ReadConfig reads the configuration in a run folder. If there is none, the error is a *NoRunError.
func ReadConfig(dir string) (Config, error) {
	c := Default()
	c.Numerics = string(cpu.Strict) // of a folder that does not say it
	f, err := openOwn(filepath.Join(dir, ConfigName))
	if errors.Is(err, fs.ErrNotExist) {
		none := &NoRunError{Dir: dir}
		if result, err := ReadResult(dir); err == nil {
			none.Runs = result.Runs
		}
		return c, none
	}
	if err == nil && f.empty() {
		err = &FileError{f.path, errors.New("the file is empty")}
	}
	if err == nil {
		err = f.Apply(&c)
	}
	return c, err
}
