package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"bnas.example/data"
	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/internal/hardware"
	"bnas.example/internal/setting"
	"bnas.example/internal/wholefile"
	"bnas.example/kernels"
	"bnas.example/supernet"
	"bnas.example/train"
)

// These are files of a run folder. The packages train and search name the others.
const (
	ConfigName = "config.yaml"
	ResultName = "result.json"
	ReportName = "report.html"
)

// Run is a supernet on a device, trained or untrained, with its images. Only one goroutine may use it. Close releases it.
type Run struct {
	Config   Config
	Dir      string         // the run folder; empty for an untrained network
	Position train.Position // of the training whose parameters were restored
	Net      *supernet.Net
	Device   kernels.Device
	Store    kernels.Store // the parameters of the supernet
	Images   data.Set      // nil for Network
	Training []int         // indices of the images that train
	HeldOut  []int         // indices of the images that are held out for scoring and validation

	// Ranking, if not nil, is called while Train ranks its sample: before the first architecture and after each.
	Ranking func(done, total int)

	// Start, if not nil, keeps what scorers measure of the untrained network, for those of this and of other runs that come later.
	Start *indicator.Start

	// Stepwise lets the progress function of Train use the device.
	Stepwise bool

	// TensorBoard makes Train write an event file for TensorBoard into the run folder, beside the metrics.
	TensorBoard bool

	// Workers, if not nil, opens the processes that score the architectures of this run. They end with the Run's user.
	Workers func(Share) (Workers, error)

	version  func() string     // of the program; nil: unknown
	together *Together         // nil: one process trains
	sharers  int               // see Options
	locks    map[string]func() // by folder
	trainer  *train.Trainer    // prepared by Create for Train
	imported *supernet.Weights // of one architecture, in place of the initial parameters; nil: none
}

// Close closes the device and unlocks the folders of the run, if there is one.
func (r *Run) Close() {
	if r == nil {
		return
	}
	for _, unlock := range r.locks {
		unlock()
	}
	r.locks = nil
	if r.Device != nil {
		r.Device.Close()
	}
}

// lock locks a folder for writing until the run is closed. If another process has locked it, the error is a *LockedError.
func (r *Run) lock(dir string) error {
	if r.locks[dir] != nil || r.together.follows() {
		return nil
	}
	unlock, err := HoldFolder(dir)
	if err != nil {
		return err
	}
	if r.locks == nil {
		r.locks = map[string]func(){}
	}
	r.locks[dir] = unlock
	markStart(dir)
	return errors.Join(wholefile.Clean(dir), train.Clean(dir))
}

// Network builds the supernet of cfg on its device, with initial parameters and without images. It is enough to show,
// time or export a network.
func Network(cfg Config, o Options) (*Run, error) {
	if err := fresh(&cfg); err != nil {
		return nil, err
	}
	return openNetwork(cfg, o, nil)
}

// Untrained builds the supernet of cfg with initial parameters and opens the images. It can score architectures; there is
// no run folder. Sizes of the supernet and image channels that are 0 in cfg are those of the images.
func Untrained(cfg Config, o Options) (*Run, error) {
	if err := fresh(&cfg); err != nil {
		return nil, err
	}
	return openWithImages(cfg, cfg.Supernet.ImageChannels, o, nil)
}

// fresh prepares the configuration of a network without a run folder.
func fresh(cfg *Config) error {
	cfg.Spread()
	cfg.Numerics = string(cfg.engineNumerics())
	if cfg.Imported != "" {
		return setting.Errorf("imported", "is of another folder: its %s has the network; import it anew", ImportedName)
	}
	return cfg.Validate()
}

// Create makes a run in dir; Train then trains it. It checks that training can start, makes the folder if it is missing, and
// writes the configuration there. If the folder holds a run, the error is an *ExistsError; if another process writes there,
// a *LockedError. After an error no file and no folder is left behind. Of several processes (Options.Together) rank 0 makes the folder.
func Create(dir string, cfg Config, o Options) (*Run, error) {
	r, err := Untrained(cfg, o)
	if err == nil {
		r.Dir = dir
		err = r.check(o)
	}
	if err = o.Together.agree(err); err == nil && !o.Together.follows() {
		_, err = r.begin(nil)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// check returns an error if training, or a search after it, cannot start.
func (r *Run) check(o Options) error {
	if _, err := r.prepare(); err != nil {
		return err
	}
	if err := r.warnOfOneValue(o.Log); err != nil {
		return err
	}
	if !o.Search {
		return nil
	}
	if _, err := r.composite(); err != nil {
		return err
	}
	_, err := r.unseen(r.Config.Score.ImagesNeeded())
	return err
}

// begin makes the folder of a new run, and returns the folders that it made. imported is the content of the file of an imported
// network, or nil.
func (r *Run) begin(imported []byte) (made []string, err error) {
	made, err = makeFolders(r.Dir)
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	if err != nil {
		return made, fmt.Errorf("run folder: %w", err)
	}
	if err := r.lock(r.Dir); err != nil {
		return made, err
	}
	if _, err := os.Lstat(filepath.Join(r.Dir, ConfigName)); err == nil {
		return made, &ExistsError{r.Dir}
	}
	if imported != nil {
		if err := wholefile.Write(filepath.Join(r.Dir, ImportedName), imported); err != nil {
			return made, fmt.Errorf("run folder: %w", err)
		}
	}
	if err := writeConfig(r.Dir, r.Config); err != nil {
		if imported != nil {
			os.Remove(filepath.Join(r.Dir, ImportedName))
		}
		return made, fmt.Errorf("run folder: %w", err)
	}
	return made, nil
}

// Resume opens the run in dir; Train then continues its training. cfg is the folder's own (see ReadConfig). Settings that
// do not change the result may differ; Train returns an error if another one differs. A supernet without image channels has
// three, and grey images are tripled.
func Resume(dir string, cfg Config, o Options) (*Run, error) {
	r, err := resume(dir, cfg, o)
	if err = o.Together.agree(err); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func resume(dir string, cfg Config, o Options) (*Run, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	imported, err := readImported(dir, cfg.Imported)
	if err != nil {
		return nil, err
	}
	o.opened = true
	r, err := openWithImages(cfg, cfg.Supernet.Images().C, o, imported)
	if err != nil {
		return nil, err
	}
	r.Dir = dir
	if o.Search {
		if _, err := r.composite(); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// Open opens the run in dir and restores its trained parameters. cfg is the folder's own (see ReadConfig). Settings of
// device, scoring and search may differ. If the folder has no checkpoint, the error is fs.ErrNotExist.
func Open(dir string, cfg Config, o Options) (*Run, error) {
	r, err := Resume(dir, cfg, o)
	if err != nil {
		return nil, err
	}
	if err := r.restore(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Run) restore() (err error) {
	r.Position, err = train.Restore(r.Dir, r.Net, r.Store)
	return err
}

// openNetwork opens the network with its initial parameters, or those of an imported file.
func openNetwork(cfg Config, o Options, imported *importedFile) (*Run, error) {
	r := &Run{Config: cfg, version: o.Version, together: o.Together, sharers: o.Sharers}
	var err error
	if r.Net, err = newNet(cfg); err != nil {
		return nil, err
	}
	if imported != nil {
		if r.imported, err = imported.weights(r.Net); err != nil {
			return nil, fmt.Errorf("the imported network: %w", err)
		}
	}
	if r.Device, err = OpenDevice(cfg, o); err != nil {
		return nil, err
	}
	n := elements(r.Net)
	if r.Device.Info().Name != "gpu" && !hardware.Holds(n) {
		r.Close()
		return nil, setting.Errorf("supernet.channels", "%d: all paths together have %d million parameters, more than the memory of this machine holds (%d GiB)",
			r.Net.Config.Channels, n/1_000_000, hardware.Memory()>>30)
	}
	if n >= manyWeights && o.Log != nil {
		o.Log.Info("drawing the initial weights", "millions", n/1_000_000)
	}
	if r.Store, err = r.initialStore(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// manyWeights are drawn for seconds, on one core: a line says so.
const manyWeights = 10_000_000

// elements is the number of all parameters of a supernet.
func elements(net *supernet.Net) (n int) {
	for _, p := range net.Params() {
		n += p.Len()
	}
	return n
}

// initialStore makes a Store with all parameters at their initial values: those of the seed, or of the imported network.
func (r *Run) initialStore() (kernels.Store, error) {
	s, err := r.Net.NewStore(r.Device)
	if err == nil && r.imported != nil {
		err = r.imported.Write(s)
	}
	return s, err
}

// openWithImages opens the training images with so many channels (0: their own), sets the sizes of the supernet from them, and
// opens the network.
func openWithImages(cfg Config, channels int, o Options, imported *importedFile) (*Run, error) {
	set, err := openImages(cfg, "train", channels)
	if errors.Is(err, fs.ErrNotExist) && (o.opened || o.images != "") {
		return nil, &MovedImagesError{err}
	}
	if err != nil {
		return nil, err
	}
	if o.images != "" && set.Hash() != o.images {
		return nil, &OtherImagesError{Where: cmp.Or(cfg.Data.Dir, set.Name()), Want: o.images, Have: set.Hash()}
	}
	if n := len(set.Classes()); n < 2 {
		return nil, fmt.Errorf("%s has one class, %q: at least two are needed to tell images apart", cmp.Or(cfg.Data.Dir, set.Name()), strings.Join(set.Classes(), ""))
	} else if cfg.Supernet.Classes == 0 {
		cfg.Supernet.Classes = n
	} else if cfg.Supernet.Classes != n {
		return nil, setting.Errorf("supernet.classes", "%d, but %s has %d", cfg.Supernet.Classes, set.Name(), n)
	}
	cfg.Supernet.Height, cfg.Supernet.Width = set.Size()
	if c := set.Channels(); c != cfg.Supernet.Images().C {
		cfg.Supernet.ImageChannels = c
	}
	fit(&cfg, set, o)
	if cfg.Data.Holdout >= set.Len() {
		return nil, setting.Errorf("data.holdout", "%d leaves none of the %s of %s to train on", cfg.Data.Holdout, amount.Of(set.Len(), "image"), set.Name())
	}
	r, err := openNetwork(cfg, o, imported)
	if err != nil {
		return nil, err
	}
	r.Images = set
	r.Training, r.HeldOut = data.SplitOff(set, cfg.Data.Holdout, cfg.splitSeed())
	return r, nil
}

// writeConfig saves the configuration of a run in its folder.
func writeConfig(dir string, cfg Config) error {
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, ConfigName), text)
}
