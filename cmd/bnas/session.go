package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"bnas.example/data"
	"bnas.example/indicator"
	"bnas.example/internal/wholefile"
	"bnas.example/kernels"
	"bnas.example/philox"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// Files of a run folder; train and search name theirs.
const (
	configFile = "config.yaml"
	resultFile = "result.json"
	reportFile = "report.html"
)

// session is a supernet on a device, trained or not, with the images that it is looked at with.
type session struct {
	cfg   Config
	dir   string // run folder; empty for an untrained network
	at    train.Position
	net   *supernet.Net
	dev   kernels.Device
	store kernels.Store
	set   data.Set
	train []int // indices into set that train
	held  []int // and those that do not
	locks []func()
}

// lock claims a folder for writing until the session is closed.
func (s *session) lock(dir string) error {
	unlock, err := lockFolder(dir)
	if err == nil {
		s.locks = append(s.locks, unlock)
	}
	return err
}

func (s *session) close() {
	for _, unlock := range s.locks {
		unlock()
	}
	if s.dev != nil {
		s.dev.Close()
	}
}

// openNetwork builds the supernet of cfg on its device, every parameter at its initial value.
func openNetwork(c *cli.Context, cfg Config) (*session, error) {
	s := &session{cfg: cfg}
	var err error
	if s.net, err = supernet.New(cfg.Supernet); err != nil {
		return nil, err
	}
	if s.dev, err = openDevice(cfg, c.Bool("quiet")); err != nil {
		return nil, err
	}
	if s.store, err = s.dev.NewStore(s.net.Params()); err == nil {
		err = s.net.Fill(s.store)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// withData opens the training images and sizes the supernet by them, then opens the network.
func openWithData(c *cli.Context, cfg Config) (*session, error) {
	set, err := data.Open(data.Options{
		Name: cfg.Data.Name, Dir: cfg.Data.Dir, Split: "train", Height: cfg.Supernet.Height, Width: cfg.Supernet.Width,
	})
	if err != nil {
		return nil, err
	}
	if n := len(set.Classes()); cfg.Supernet.Classes == 0 {
		cfg.Supernet.Classes = n
	} else if cfg.Supernet.Classes != n {
		return nil, usagef("--classes %d, but %s has %d", cfg.Supernet.Classes, set.Name(), n)
	}
	cfg.Supernet.Height, cfg.Supernet.Width = set.Size()
	if cfg.Data.Holdout >= set.Len() {
		return nil, usagef("--holdout %d leaves none of the %d images of %s to train on", cfg.Data.Holdout, set.Len(), set.Name())
	}
	s, err := openNetwork(c, cfg)
	if err != nil {
		return nil, err
	}
	s.set = set
	s.train, s.held = data.Holdout(set.Len(), cfg.Data.Holdout, cfg.Seed)
	return s, nil
}

// runFlag names a trained run; without it a command looks at the untrained network that its flags describe.
var runFlag = &cli.StringFlag{Name: "run", Usage: "folder of a trained run", DefaultText: "none: the untrained network"}

// openRunOrUntrained opens the trained run of --run, or else the untrained network. Settings of the network cannot be
// given with --run: a trained run has its own.
func openRunOrUntrained(c *cli.Context, withData bool, settings ...setting) (*session, error) {
	open := openNetwork
	if withData {
		open = openWithData
	}
	dir := c.String("run")
	if dir == "" {
		cfg, err := configOf(c, settings...)
		if err != nil {
			return nil, err
		}
		return open(c, cfg)
	}
	cfg, err := resumableConfig(c, dir, settings)
	if err != nil {
		return nil, err
	}
	return openTrained(c, cfg, dir, open)
}

// resumableConfig is a run's configuration with the command line's over it. What the run's network is made of cannot
// be given again; --seed sets the seeds of scoring and search alone.
func resumableConfig(c *cli.Context, dir string, settings []setting) (Config, error) {
	for _, s := range supernetSettings {
		if c.IsSet(s.flag) {
			return Config{}, usagef("--%s cannot be given here: the run in %s has its own", s.flag, dir)
		}
	}
	cfg, err := readRunConfig(dir)
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

// openTrained opens a run's network and restores what it learned.
func openTrained(c *cli.Context, cfg Config, dir string, open func(*cli.Context, Config) (*session, error)) (*session, error) {
	s, err := open(c, cfg)
	if err != nil {
		return nil, err
	}
	s.dir = dir
	if s.at, err = train.Restore(dir, s.net, s.store); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// readRunConfig reads the configuration that a run folder was made with.
func readRunConfig(dir string) (Config, error) {
	cfg := defaultConfig()
	path := filepath.Join(dir, configFile)
	err := readConfig(path, &cfg)
	if errors.Is(err, fs.ErrNotExist) {
		return cfg, fmt.Errorf("%s is not a run folder: it has no %s; `bnas train` or `bnas run` makes one", dir, configFile)
	}
	return cfg, err
}

// newRunFolder makes a run's folder and saves its configuration there. A folder that holds a run is not written over.
func newRunFolder(dir string, cfg Config) error {
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		return usagef("%s holds a run already; go on with --resume %s, or name another folder with --out", dir, dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	return wholefile.Write(filepath.Join(dir, configFile), text)
}

// scorer prepares the indicator's terms on images that did not train, or on those that did where too few were held.
func (s *session) scorer() (*indicator.Scorer, error) {
	need := s.cfg.Score.ImagesNeeded()
	from := s.held
	if len(from) < need {
		from = s.train
	}
	if len(from) < need {
		return nil, fmt.Errorf("scoring needs %d images, %s has %d to give; lower --images or --mc-batches", need, s.set.Name(), len(from))
	}
	order := philox.New(s.cfg.Score.Seed, "score images", 0).Perm(len(from))
	chosen := make([]int, need)
	for i := range chosen {
		chosen[i] = from[order[i]]
	}
	batch, err := data.Gather(s.set, chosen)
	if err != nil {
		return nil, err
	}
	return indicator.NewScorer(s.net, s.dev, s.store, indicator.Inputs{Images: batch.Images, Labels: batch.Labels}, s.cfg.Score)
}

// key names everything that a score depends on. A ledger of scores is continued only under the same key.
func (s *session) key() (search.Key, error) {
	net, err := yaml.Marshal(s.net.Config)
	if err != nil {
		return nil, err
	}
	score, err := yaml.Marshal(s.cfg.Score)
	if err != nil {
		return nil, err
	}
	parameters, err := s.parametersHash()
	if err != nil {
		return nil, err
	}
	return search.Key{
		"supernet": strings.TrimSpace(string(net)), "parameters": parameters, "scoring": strings.TrimSpace(string(score)),
		"data": s.set.Hash(), "holdout": fmt.Sprintf("%d of seed %d", s.cfg.Data.Holdout, s.cfg.Seed), "device": s.dev.Info().Name,
	}, nil
}

// parametersHash is a hash of every parameter's value, so that it says how far the supernet was trained.
func (s *session) parametersHash() (string, error) {
	h := sha256.New()
	for id, p := range s.net.Params() {
		v := make([]float32, p.Len())
		if err := s.store.Read(kernels.ParamID(id), kernels.Data, v); err != nil {
			return "", err
		}
		if err := binary.Write(h, binary.LittleEndian, v); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
