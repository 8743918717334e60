package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"bnas.example/data"
	"bnas.example/internal/amount"
	"bnas.example/internal/setting"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Run returns ErrInterrupted if its context has ended and ErrBudget if Config.MaxTime is used up. In both cases it has
// written a checkpoint; Resume and Run continue from it.
var (
	ErrInterrupted = errors.New("train: interrupted; the checkpoint is written")
	ErrBudget      = errors.New("train: the time budget is used up; the checkpoint is written")
)

// Trainer trains a supernet in a run folder. Use it from one goroutine.
type Trainer struct {
	// Ranker scores a fixed sample of architectures with the supernet's current parameters and must not change them.
	// Run calls it at step 0, every Config.RankEvery steps and after the last step; nil disables the ranking.
	// Kendall's τ-b between successive results measures how far the ranking has settled. It should return the context's
	// error soon after the context has ended.
	Ranker func(context.Context) ([]float64, error)

	// Test gives the images on which a network that is trained on its own is tested, in batches, the first of them the largest. It
	// is needed if Config.TestEvery is not 0.
	Test iter.Seq2[data.Batch, error]

	// Lanes is the largest number of parts of a step, its paths and shards, that a GPU computes at a time; 0: all of them. The memory
	// may hold fewer.
	Lanes int

	// Stepwise ends each step before the next one begins, so that the report of Run may use the device. The bits stay the same.
	Stepwise bool

	net    *supernet.Net
	dev    kernels.Device
	store  kernels.Store
	loader *data.Loader
	cfg    Config
	dir    string

	exchange  Exchange  // the processes that train together
	departure departure // of all ranks; 0: none wants to leave

	fixed    supernet.Arch     // the path of every step; nil: each step draws its own
	network  *kernels.Program  // of fixed
	training *kernels.Program  // of fixed in training: with the factors of drop-path and the auxiliary head
	running  *running          // nil: no running statistics
	average  *average          // nil: no average of the parameters
	total    int               // steps of the whole run
	trained  []kernels.ParamID // everything that this run can update
	identity []Field           // what a checkpoint must agree with
	state    state             // where the run is
	stop     func() error      // the error of Run's context; nil: it does not end
	resumed  bool
	path     string // the last one taken, for messages
	metrics  *metrics
	folder   *os.File // the run folder, open as long as the metrics are: see stays

	began    time.Time // of Run
	saved    time.Time // when the last checkpoint was written, and after how many updates
	savedAt  int
	lanes    []lane          // nil: none was opened, or all are closed
	oneLane  bool            // for good
	execs    [2]kernels.Exec // of the fixed path in training, the last used one first
	underway *underway       // nil: all updates are counted
	finished time.Time       // when the last update was counted
	report   func(Progress)  // nil: nobody wants to know
}

// state is what a checkpoint keeps beside the parameters.
type state struct {
	Step    int     // updates made
	Counts  []int   // updates of each of Trainer.trained
	Lines   int     // lines in metrics.jsonl
	Line    tally   // since the last line of the step metrics
	Epoch   tally   // since the last epoch's end
	Ranking ranking // the early bird
	Tests   Tests   `json:",omitzero"`
	Running []byte  `json:",omitempty"` // only in a checkpoint: Trainer.running
}

// Progress is the state of a run after a step.
type Progress struct {
	Step, Total     int
	Epoch           int // epochs completed
	Loss, Accuracy  float64
	LR, GradNorm    float64
	ImagesPerSecond float64
	Path            string // the last path of the step, in the space's text form
}

// New prepares a run in the folder dir. The store holds the supernet's initial parameters (see supernet.Net.Fill). New
// writes nothing; Run makes the folder if it is missing.
func New(net *supernet.Net, dev kernels.Device, store kernels.Store, loader *data.Loader, cfg Config, dir string) (*Trainer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	t := &Trainer{net: net, dev: dev, store: store, loader: loader, cfg: cfg, dir: dir, exchange: alone{}}
	t.total = cfg.Total(loader.StepsPerEpoch())
	if cfg.Warmup >= t.total {
		return nil, setting.Errorf("train.warmup_steps", "%d: is not less than the %s of the run", cfg.Warmup, amount.Of(t.total, "step"))
	}
	first, err := loader.At(0)
	if err != nil {
		return nil, fmt.Errorf("train: first batch: %w", err)
	}
	if len(first.Labels) != cfg.Batch {
		return nil, fmt.Errorf("train: batch: the loader delivers %d images, want %d", len(first.Labels), cfg.Batch)
	}
	if err := t.selectTrained(); err != nil {
		return nil, err
	}
	t.identity = append(netIdentity(net), runIdentity(cfg, t.total, loader, first)...)
	t.state = state{Counts: make([]int, len(t.trained)), Ranking: ranking{At: -1}}
	return t, nil
}

// selectTrained sets what the run can update: the parameters of the whole supernet, or those of its fixed path.
func (t *Trainer) selectTrained() (err error) {
	if t.cfg.Sampling != Fixed {
		t.trained = t.net.Trainable(t.cfg.Train, nil)
		return nil
	}
	if t.fixed, err = supernet.Read(t.net.Space, t.cfg.Path); err != nil {
		return setting.Errorf("train.path", "%.120q: %v", t.cfg.Path, err)
	}
	if !t.net.Space.Alive(t.fixed) {
		return setting.Errorf("train.path", "%.120q: no path leads from its input to its output; there is nothing to train", t.cfg.Path)
	}
	if err := t.lowerFixed(); err != nil {
		return err
	}
	t.trained = t.net.Trainable(t.cfg.Train, t.training)
	slices.Sort(t.trained)
	if t.cfg.BNMomentum > 0 {
		t.running = newRunning(t.network, t.training)
	}
	if t.cfg.EMA > 0 {
		if t.average, err = newAverage(t.store, t.trained); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return nil
}

// paths returns the architectures of a step.
func (t *Trainer) paths(step int) []supernet.Arch {
	if t.fixed != nil {
		return []supernet.Arch{t.fixed}
	}
	return t.cfg.Paths(t.net.Space, step)
}

// Step returns the number of updates made so far, Total that of the whole run.
func (t *Trainer) Step() int  { return t.state.Step }
func (t *Trainer) Total() int { return t.total }

// Settled reports whether the run ended early because its ranking had settled.
func (t *Trainer) Settled() bool { return t.state.Ranking.Settled }

// Resume continues the run in the folder from its checkpoint. If that is missing or damaged, it takes the checkpoint before
// it and logs a warning. It is an error if the checkpoint has another network, configuration or data set; the error names
// the difference. A run may have more steps than its checkpoint: then it goes on under the schedule of all its steps, and a
// warning says so. Without any checkpoint the error is fs.ErrNotExist.
func (t *Trainer) Resume() error {
	c, damage, err := load(t.dir)
	if err != nil {
		return err
	}
	longer := t.total > c.Total
	if longer {
		c.extend(t.total)
	}
	if err := c.matches(t.identity); err != nil {
		return fmt.Errorf("train: %s: %w", t.dir, err)
	}
	if longer {
		before := t.cfg.Rate(c.State.Step, c.was)
		slog.Warn("the run has more steps than before; its schedule is stretched over all of them", "step", c.State.Step, "steps before", c.was,
			"steps now", t.total, "learning rate before", before, "learning rate now", t.cfg.Rate(c.State.Step, t.total))
	}
	if damage != nil {
		slog.Warn("the newest checkpoint cannot be read; going on from the one before it",
			"step", c.State.Step, "reason", damage)
		if t.leads() {
			if err := setAside(t.dir); err != nil {
				return err
			}
		}
	}
	now := deviceOf(t.dev)
	if made, has := numericsOf(c.Device), numericsOf(now); made != has && made != "" && has != "" {
		return fmt.Errorf("train: %s: the checkpoint was made with --numerics %s and this run has %s: give it the same", t.dir, made, has)
	}
	if c.Device != now && c.Device != t.dev.Info().Name {
		slog.Warn("the checkpoint was made on another device; the bits of the result will differ", "made on", c.Device, "now", now)
	}
	if err := t.restore(c); err != nil {
		return fmt.Errorf("train: %s: %w", t.dir, err)
	}
	t.resumed = true
	return nil
}

// deviceOf names a device and its arithmetic. Checkpoints of older programs have the name alone.
func deviceOf(d kernels.Device) string {
	info := d.Info()
	return info.Name + ", " + info.Arithmetic
}

// numericsOf returns the numerics of the CPU engine that a name of deviceOf stands for, and "" for another device.
func numericsOf(device string) string {
	switch kind, arithmetic, _ := strings.Cut(device, ", "); {
	case kind != "cpu":
		return ""
	case strings.HasSuffix(arithmetic, ", fast"):
		return "fast"
	}
	return "strict"
}

// Run trains until the last step or until the ranking has settled. If ctx or the time budget ends before, the error is
// ErrInterrupted or ErrBudget. A step in progress is dropped when ctx ends, and finished when the budget does. Run writes a
// checkpoint in all these cases. After any other error the folder holds the last good checkpoint. Run calls report, if not nil,
// after each step.
//
// It is an error if the folder already holds a checkpoint and Resume was not called.
func (t *Trainer) Run(ctx context.Context, report func(Progress)) (err error) {
	if t.cfg.EarlyBird && t.Ranker == nil && t.leads() {
		return errors.New("train: early_bird needs a Ranker")
	}
	if t.cfg.TestEvery > 0 && t.Test == nil {
		return errors.New("train: test_every needs test images")
	}
	if err := t.meet(); err != nil {
		return err
	}
	if err := t.open(); err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, t.closeLanes(), t.close()) }()

	t.stop, t.report = ctx.Err, report
	begin := t.loader.Stream
	if kernels.TakesPixels(t.dev) {
		begin = t.loader.StreamPixels
	}
	stream := begin(context.WithoutCancel(ctx), t.state.Step)
	defer stream.Close()

	t.began, t.saved, t.savedAt = time.Now(), time.Now(), t.state.Step
	for {
		if t.mustFinish(ctx) {
			if err := t.finish(); err != nil {
				return err
			}
		}
		if t.underway == nil {
			if end, err := t.between(ctx); end || err != nil {
				return err
			}
		}
		if err := t.next(stream); err != nil {
			return err
		}
	}
}

// spent reports whether the time budget is used up.
func (t *Trainer) spent() bool { return t.cfg.MaxTime > 0 && time.Since(t.began) >= t.cfg.MaxTime }

// between does what is due between two steps, and saves the run. It reports whether the run ends here.
func (t *Trainer) between(ctx context.Context) (end bool, err error) {
	if t.rankDue(t.state.Step) || t.testDue(t.state.Step) { // they have the memory
		if err := t.closeLanes(); err != nil {
			return true, err
		}
	}
	if err := t.rankIfDue(ctx); err != nil {
		return true, err
	}
	if err := t.testIfDue(ctx); err != nil {
		return true, err
	}
	leave := t.departs() // asked once: what is returned as interrupted is saved
	done := (t.state.Step >= t.total || leave.has(settlement)) && !t.testDue(t.state.Step)
	spent, ended := leave.has(exhaustion), leave.has(interruption)
	if done {
		if err := t.sound(); err != nil {
			return true, err
		}
	}
	if done || spent || ended || t.checkpointDue(t.state.Step) {
		if err := t.save(); err != nil {
			return true, err
		}
		t.saved, t.savedAt = time.Now(), t.state.Step
	}
	switch {
	case done:
		return true, nil
	case ended:
		return true, ErrInterrupted
	case spent:
		return true, ErrBudget
	}
	return false, nil
}

// next makes a step with the next batch. Before an error of it comes that of the update under way.
func (t *Trainer) next(stream *data.Stream) error {
	batch, err := stream.Next()
	if err != nil {
		err = fmt.Errorf("train: step %d: %w", t.queued(), err)
	} else {
		err = t.step(batch)
	}
	if errors.Is(err, errStopped) {
		return nil // nothing has changed: the resumed run makes the step
	}
	if err != nil {
		return cmp.Or(t.finish(), err)
	}
	return nil
}

// open prepares the folder for Run. The metrics end at the state's step. A new run gets a first checkpoint; if the folder is
// not writable, it thus fails before any work.
func (t *Trainer) open() error {
	if !t.leads() {
		t.metrics = newMetrics(nil)
		return nil
	}
	if err := os.MkdirAll(t.dir, 0o777); err != nil {
		return fmt.Errorf("train: run folder: %w", err)
	}
	if !t.resumed && exists(t.dir) {
		return fmt.Errorf("train: %s already holds a checkpoint: resume it or choose another folder", t.dir)
	}
	if !t.resumed && hasMetrics(t.dir) {
		return fmt.Errorf("train: %s holds the metrics of a run, but neither %s nor %s: put one of them back, or start in another folder",
			t.dir, CheckpointName, PredecessorName)
	}
	var err error
	if t.metrics, err = openMetrics(t.dir, t.state.Lines); err != nil {
		return err
	}
	if t.folder, err = os.Open(t.dir); err != nil {
		return cmp.Or(fmt.Errorf("train: run folder: %w", err), t.close())
	}
	if !t.resumed {
		if err := t.save(); err != nil {
			return cmp.Or(err, t.close())
		}
	}
	t.resumed = true
	return nil
}

// Start writes the first checkpoint of a new run, at step 0. Run does so too.
func (t *Trainer) Start() error {
	if err := t.open(); err != nil {
		return err
	}
	return t.close()
}

// close closes what open has opened.
func (t *Trainer) close() error {
	if t.folder != nil {
		t.folder.Close()
		t.folder = nil
	}
	return t.metrics.close()
}

// checkpointDue reports whether a checkpoint is due after a number of updates.
func (t *Trainer) checkpointDue(step int) bool {
	steps, since := step-t.savedAt, time.Since(t.saved)
	return steps > 0 && (t.cfg.CheckpointEvery > 0 && steps >= t.cfg.CheckpointEvery ||
		t.cfg.CheckpointInterval > 0 && since >= t.cfg.CheckpointInterval)
}
