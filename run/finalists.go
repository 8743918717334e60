package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strconv"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/internal/setting"
	"bnas.example/internal/wholefile"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// These are in the folder of a search with finalists.
const (
	FinalistsName   = "finalists.csv" // the finalists, one a row
	FinalistsFolder = "finalists"     // the run folder of each
)

// Finalists are the settings of the second stage of a search: the best networks are each trained on their own, and the answer is the
// one with the best accuracy on the images that are held out.
type Finalists struct {
	Number int `yaml:"number" range:"[0,1000]"`    // 0: there is no second stage
	Epochs int `yaml:"epochs" range:"[1,1000000]"` // of each training
}

// IsZero reports whether there is no second stage. YAML then leaves the settings out, as older programs do.
func (f Finalists) IsZero() bool { return f.Number == 0 }

// Validation is the result of a finalist on the images that are held out.
type Validation struct {
	Accuracy float64 `json:"accuracy"`
	NLL      float64 `json:"nll"`
	Images   int     `json:"images"`
}

// validationStatistics is the number of training images on which a finalist's statistics are recomputed, as those of a supernet's
// path are: after few epochs the running ones still contain their start.
const validationStatistics = 1024

// checkFinalists lists the settings that forbid finalists.
func (c *Config) checkFinalists() setting.Errors {
	errs := setting.Ranges("finalists", c.Finalists)
	n := c.Finalists.Number
	errs.Check(n == 0 || c.Data.Holdout > 0, "finalists.number", "%d: they are compared on images that are held out; set data.holdout", n)
	errs.Check(n == 0 || c.Search.MaxEvaluations == 0 || n <= c.Search.MaxEvaluations, "finalists.number",
		"%d: the search scores at most %s (search.max_evaluations)", n, amount.Of(c.Search.MaxEvaluations, "network"))
	return errs
}

// canFinish returns an error if the search, with its result in dir, cannot have finalists.
func (r *Run) canFinish(dir string) error {
	n := r.Config.Finalists.Number
	switch {
	case n == 0:
		return nil
	case dir == "":
		return setting.Errorf("finalists.number", "%d: they need a folder: that of a run, or one for the scores", n)
	case r.Net.Space.Count().Cmp(big.NewInt(int64(n))) < 0:
		return setting.Errorf("finalists.number", "%d: %s has %s", n, r.Net.Space.Name(), amount.Of(r.Net.Space.Count(), "network"))
	case len(r.HeldOut) == 0:
		return setting.Errorf("finalists.number", "%d: %v", n, ErrNoHoldout)
	}
	return nil
}

// finish trains the finalists of a search whose folder is dir, and lets them decide. The folder has the table of the finalists of its
// last search, and no table if that had none.
func (r *Run) finish(ctx context.Context, dir string, result *search.Result, progress func(Progress)) error {
	table := filepath.Join(dir, FinalistsName)
	n := r.Config.Finalists.Number
	if n == 0 {
		if err := os.Remove(table); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	live := 0
	for _, f := range result.Best {
		if !f.Scores.Dead {
			live++
		}
	}
	if n > live {
		return setting.Errorf("finalists.number", "%d: the search found %s; take fewer finalists, or search longer", n, amount.Of(live, "live network"))
	}
	s, err := r.finalists(dir, result.Best[:n])
	if err != nil {
		return err
	}
	var all []search.Finalist
	for i := range s.Archs {
		one, err := s.final(ctx, i+1, progress)
		if errors.Is(err, train.ErrInterrupted) {
			return fmt.Errorf("%w while training finalist %d of %d", search.ErrInterrupted, i+1, n)
		}
		if err != nil {
			return fmt.Errorf("finalist %s: %w", s.Archs[i], err)
		}
		one.Place, one.Score = i, result.Best[i].Score
		all = append(all, one)
	}
	result.Decide(all)
	return wholefile.Write(table, finalistsTable(all))
}

// finalists returns the training of the best networks of a search. They are trained by the recipe of the space in the epochs of the
// configuration, with the seeds, the images and the division of images of the run.
func (r *Run) finalists(dir string, best []search.Found) (*Retraining, error) {
	from := r.Config
	cfg := Alone(from)
	cfg.Device, cfg.Precision, cfg.Half, cfg.GPU, cfg.Threads = from.Device, from.Precision, from.Half, from.GPU, from.Threads // numerics: those of all weights
	cfg.Score.Seed = from.Score.SeedOfImages()                                                                                 // of the images that validate recomputes statistics on
	RecipeOf(r.Net.Space.Name()).Apply(&cfg)
	cfg.Data.Holdout = from.Data.Holdout
	t := &cfg.Train
	t.Epochs, t.TestEvery = from.Finalists.Epochs, 0
	t.Batch = min(t.Batch, len(r.Training))
	if supernet.CheckAuxiliary(r.Net.Config) != nil {
		t.AuxWeight = 0 // the images have not the size that the authors' head is for
	}
	s := &Retraining{Dir: filepath.Join(dir, FinalistsFolder), Config: cfg}
	for _, f := range best {
		name, err := r.finalistFolder(cfg, f.Scores.Arch)
		if err != nil {
			return nil, err
		}
		s.Archs, s.folders = append(s.Archs, f.Scores.Arch), append(s.folders, name)
	}
	return s, nil
}

// finalistFolder names the folder of a finalist by everything that decides its accuracy. A search with other settings thus finds the
// networks that it has in common with an earlier one, and no others.
func (r *Run) finalistFolder(cfg Config, arch string) (string, error) {
	cfg.Train.Path = arch
	cfg.Device, cfg.Threads, cfg.Data.Dir = "", 0, ""
	cfg.Objective, cfg.Search, cfg.Finalists, cfg.Score = Objective{}, search.Config{}, Finalists{}, indicator.Config{Seed: cfg.Score.Seed}
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(text, r.Images.Hash()...))
	return hex.EncodeToString(sum[:6]), nil
}

// final trains a finalist, from 1, to the end, or reads its result if it is done.
func (s *Retraining) final(ctx context.Context, i int, progress func(Progress)) (search.Finalist, error) {
	if _, err := s.Result(i); errors.Is(err, fs.ErrNotExist) {
		if err := s.trainFinalist(ctx, i, progress); err != nil {
			return search.Finalist{}, err
		}
	}
	f, err := s.finalist(i)
	if err != nil {
		return search.Finalist{}, fmt.Errorf("%w; remove the folder %s, and the network is trained anew", err, s.Folder(i))
	}
	return f, nil
}

// finalist reads the result of a finalist, from 1, that is trained.
func (s *Retraining) finalist(i int) (search.Finalist, error) {
	result, err := s.Result(i)
	if err != nil {
		return search.Finalist{}, err
	}
	v := result.Validation
	if v == nil {
		return search.Finalist{}, fmt.Errorf("%s has no validation", filepath.Join(s.Folder(i), RetrainedName))
	}
	seconds, err := trainingSeconds(filepath.Join(s.Folder(i), train.MetricsName), s.Config.Train.Batch)
	return search.Finalist{
		Arch: s.Archs[i-1], Accuracy: v.Accuracy, NLL: v.NLL, Images: v.Images,
		Recipe: result.Recipe, Epochs: result.Epochs, Seconds: seconds, Folder: filepath.Join(FinalistsFolder, s.folders[i-1]),
	}, err
}

// trainFinalist trains a finalist, from 1, and measures it on the images that are held out.
func (s *Retraining) trainFinalist(ctx context.Context, i int, progress func(Progress)) error {
	if ctx.Err() != nil {
		return train.ErrInterrupted
	}
	r, err := s.Open(i, Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	at := Progress{Phase: Finals, Begin: true, Finalist: i, Finalists: len(s.Archs)}
	_, err = r.Train(ctx, func(p train.Progress) {
		at.Done, at.Total = p.Step, p.Total
		progress(at)
		at.Begin, at.Step = false, &p
	})
	if err != nil {
		return err
	}
	result, err := r.retrained()
	if err != nil {
		return err
	}
	if result.Validation, err = r.validate(); err != nil {
		return err
	}
	return r.writeRetrained(result)
}

// validate measures the network of a run on the images that are held out.
func (r *Run) validate() (*Validation, error) {
	own, err := r.Own()
	if err != nil {
		return nil, err
	}
	calibration, err := r.CalibrationImages(validationStatistics)
	if err != nil {
		return nil, err
	}
	heldOut, err := r.HeldOutImages(0)
	if err != nil {
		return nil, err
	}
	got, err := train.OneShot(r.Net, r.Device, r.Store, own, calibration, heldOut)
	return &Validation{Accuracy: got.Top1, NLL: got.NLL, Images: got.Images}, err
}

// finalistsTable returns the rows of FinalistsName.
func finalistsTable(all []search.Finalist) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"rank", "arch", "score", "validation_accuracy", "validation_nll", "validation_images", "recipe", "epochs", "seconds", "folder"})
	for _, f := range all {
		w.Write([]string{strconv.Itoa(f.Place + 1), f.Arch, exact(f.Score), exact(f.Accuracy), exact(f.NLL), strconv.Itoa(f.Images),
			f.Recipe, strconv.Itoa(f.Epochs), exact(f.Seconds), f.Folder})
	}
	w.Flush()
	return b.Bytes()
}
