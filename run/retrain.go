package run

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bnas.example/internal/wholefile"
	"bnas.example/supernet"
)

// These are files of a folder of networks that are trained on their own. Network i is the run in the folder i, from 1.
const (
	ArchsName          = "archs.txt"      // the architectures, one a line
	RetrainedName      = "retrained.json" // in the folder of a network: a Retrained
	RetrainedTableName = "retrained.csv"  // of the networks that are done
)

// Retraining is a series of networks that are trained on their own with the same settings.
type Retraining struct {
	Dir    string
	Config Config // its path is that of a network
	Archs  []string

	folders []string // of the networks, in Dir; nil: their numbers
}

// Retrained says what was trained, and how well the network does on the test images.
type Retrained struct {
	Arch  string `json:"arch"`
	Space string `json:"space"`
	Data  string `json:"data"`
	// DataHash is that of the training images; older results lack it.
	DataHash string `json:"data_sha256,omitempty"`
	Recipe   string `json:"recipe"`
	Seed     uint64 `json:"seed"`
	Steps    int    `json:"steps"`
	Epochs   int    `json:"epochs"`
	Params   int64  `json:"params"` // of the network, by the closed form of the standard placement
	MACs     int64  `json:"macs"`
	// Test is nil if the network is not tested.
	Test *RetrainedTest `json:"test,omitempty"`
	// Validation is of a finalist of a search, nil for others.
	Validation *Validation `json:"validation,omitempty"`
}

// RetrainedTest holds the results on the test images.
type RetrainedTest struct {
	Accuracy     float64 `json:"accuracy"` // after the last step
	NLL          float64 `json:"nll"`
	Images       int     `json:"images"`
	BestAccuracy float64 `json:"best_accuracy"`
	BestEpoch    int     `json:"best_epoch"`
}

// Alone returns the settings with which networks of a run are trained on their own, but for the recipe: its space, sizes, images and
// seed.
func Alone(from Config) Config {
	c := Default()
	c.Seed, c.Supernet, c.Data, c.Train.Seed = from.Seed, from.Supernet, from.Data, from.Seed
	c.Supernet.ImageChannels = from.Supernet.Images().C
	return c
}

// NoRetrainingError means that a folder holds no retraining.
type NoRetrainingError struct{ Dir string }

func (e *NoRetrainingError) Error() string {
	return fmt.Sprintf("%s is no folder of retrained networks: it has no %s", e.Dir, ArchsName)
}

// CreateRetraining makes the folder dir with its first network, which it returns. The architectures are texts of the space. After
// an error no file and no folder is left behind. Errors are those of Create.
func CreateRetraining(dir string, cfg Config, archs []string, o Options) (_ *Retraining, _ *Run, err error) {
	s := &Retraining{Dir: dir, Config: cfg, Archs: archs}
	for _, name := range []string{ArchsName, ConfigName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return nil, nil, &ExistsError{dir}
		}
	}
	made, err := makeFolders(dir)
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	if err != nil {
		return nil, nil, fmt.Errorf("run folder: %w", err)
	}
	list := filepath.Join(dir, ArchsName)
	if err := wholefile.Write(list, []byte(strings.Join(archs, "\n")+"\n")); err != nil {
		return nil, nil, fmt.Errorf("run folder: %w", err)
	}
	r, err := s.Open(1, o)
	if err != nil {
		os.Remove(list)
		return nil, nil, err
	}
	return s, r, nil
}

// OpenRetraining opens the folder of a retraining, to go on with the settings of the network that was begun last. If it is none, the
// error is a *NoRetrainingError.
func OpenRetraining(dir string) (*Retraining, error) {
	text, err := wholefile.Read(filepath.Join(dir, ArchsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoRetrainingError{dir}
	}
	if err != nil {
		return nil, err
	}
	s := &Retraining{Dir: dir}
	for line := range strings.Lines(string(text)) {
		if arch := strings.TrimSpace(line); arch != "" {
			s.Archs = append(s.Archs, arch)
		}
	}
	if len(s.Archs) == 0 {
		return nil, fmt.Errorf("%s: no architectures", filepath.Join(dir, ArchsName))
	}
	s.Config, err = ReadConfig(s.Folder(s.begun()))
	s.Config.Supernet.ImageChannels = s.Config.Supernet.Images().C // the next network has those of the first
	return s, err
}

// Folder returns the folder of a network, from 1.
func (s *Retraining) Folder(i int) string {
	if s.folders != nil {
		return filepath.Join(s.Dir, s.folders[i-1])
	}
	return filepath.Join(s.Dir, strconv.Itoa(i))
}

// begun returns the last network that has a run folder, from 1; 1 if none has.
func (s *Retraining) begun() int {
	for i := len(s.Archs); i > 1; i-- {
		if s.hasRun(i) {
			return i
		}
	}
	return 1
}

func (s *Retraining) hasRun(i int) bool {
	_, err := os.Lstat(filepath.Join(s.Folder(i), ConfigName))
	return err == nil
}

// Open makes the run of a network, from 1, or resumes it. If its images are not those of the networks that are done, the error is an
// *OtherImagesError.
func (s *Retraining) Open(i int, o Options) (*Run, error) {
	cfg := s.Config
	cfg.Train.Path = s.Archs[i-1]
	var err error
	if o.images, err = s.imagesHash(); err != nil {
		return nil, err
	}
	if s.hasRun(i) {
		return Resume(s.Folder(i), cfg, o)
	}
	return Create(s.Folder(i), cfg, o)
}

// imagesHash returns the hash of the images of the networks that are done; "" if none says it.
func (s *Retraining) imagesHash() (string, error) {
	for i := range s.Archs {
		done, err := s.Result(i + 1)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if done.DataHash != "" {
			return done.DataHash, nil
		}
	}
	return "", nil
}

// Result reads the result of a network, from 1. If the network is not done, the error is fs.ErrNotExist.
func (s *Retraining) Result(i int) (Retrained, error) {
	var out Retrained
	path := filepath.Join(s.Folder(i), RetrainedName)
	text, err := wholefile.Read(path)
	if err != nil {
		return out, err
	}
	if err = json.Unmarshal(text, &out); err == nil {
		err = out.check()
	}
	if err != nil {
		return out, fmt.Errorf("%s: %w; without this file the network is tested again, from its checkpoint", path, err)
	}
	if want := s.Archs[i-1]; out.Arch != want {
		return out, fmt.Errorf("%s: it is of %.120q, and network %d is %.120q now: write the list as it was", path, out.Arch, i, want)
	}
	return out, nil
}

// check returns an error if the result names no architecture, or if an accuracy in it is none.
func (r Retrained) check() error {
	if r.Arch == "" {
		return errors.New("it names no architecture")
	}
	var accuracies []float64
	if r.Test != nil {
		accuracies = append(accuracies, r.Test.Accuracy, r.Test.BestAccuracy)
	}
	if r.Validation != nil {
		accuracies = append(accuracies, r.Validation.Accuracy)
	}
	for _, a := range accuracies {
		if !(a >= 0 && a <= 1) {
			return fmt.Errorf("an accuracy of %v is not in 0…1", a)
		}
	}
	return nil
}

// Finish writes the result of a network, from 1, whose training has ended, and the table of all that are done.
func (s *Retraining) Finish(i int, r *Run) (Retrained, error) {
	out, err := r.retrained()
	if err == nil {
		err = r.writeRetrained(out)
	}
	if err != nil {
		return out, err
	}
	return out, s.writeTable()
}

// writeRetrained writes the result of a network that was trained on its own.
func (r *Run) writeRetrained(result Retrained) error {
	return wholefile.WriteJSON(filepath.Join(r.Dir, RetrainedName), result)
}

// retrained returns the result of a network that was trained on its own.
func (r *Run) retrained() (Retrained, error) {
	a, err := r.Net.Space.Parse(r.Config.Train.Path)
	if err != nil {
		return Retrained{}, err
	}
	cost, p := r.Net.Space.Cost(a, r.Net.Config), r.Position
	out := Retrained{
		Arch: r.Config.Train.Path, Space: r.Net.Space.Name(), Data: r.Images.Name(), DataHash: r.Images.Hash(), Recipe: r.Config.Recipe, Seed: r.Config.Seed,
		Steps: p.Step, Epochs: p.Step / p.StepsPerEpoch, Params: cost.Params, MACs: cost.MACs,
	}
	if t := p.Tests; t.Step > 0 {
		out.Test = &RetrainedTest{
			Accuracy: t.Last.Top1, NLL: t.Last.NLL, Images: t.Last.Images,
			BestAccuracy: t.Best.Top1, BestEpoch: (t.BestStep + p.StepsPerEpoch - 1) / p.StepsPerEpoch,
		}
	}
	return out, nil
}

// writeTable writes the table of the networks that are done.
func (s *Retraining) writeTable() error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"arch", "test_accuracy", "test_nll", "test_images", "best_test_accuracy", "best_epoch", "recipe", "seed", "epochs", "steps", "params", "macs"})
	for i := range s.Archs {
		r, err := s.Result(i + 1)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		test := make([]string, 5)
		if t := r.Test; t != nil {
			test = []string{exact(t.Accuracy), exact(t.NLL), strconv.Itoa(t.Images), exact(t.BestAccuracy), strconv.Itoa(t.BestEpoch)}
		}
		row := append([]string{r.Arch}, test...)
		row = append(row, r.Recipe, strconv.FormatUint(r.Seed, 10), strconv.Itoa(r.Epochs), strconv.Itoa(r.Steps),
			strconv.FormatInt(r.Params, 10), strconv.FormatInt(r.MACs, 10))
		w.Write(row)
	}
	w.Flush()
	return wholefile.Write(filepath.Join(s.Dir, RetrainedTableName), b.Bytes())
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Own returns the architecture of a run that trains one network, or nil.
func (r *Run) Own() (supernet.Arch, error) {
	if r.Config.Train.Path == "" {
		return nil, nil
	}
	return r.Net.Space.Parse(r.Config.Train.Path)
}
