package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"

	"bnas.example/cuda"
	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/internal/gpusim/fake"
	"bnas.example/internal/gpusim/streams"
	"bnas.example/kernels"
)

// laneConfigs are trainings with several parts a step.
func laneConfigs() map[string]Config {
	all := queueConfigs()
	strict, sharded := all["strict"], all["sharded"]
	strict.Steps, strict.RankEvery, sharded.Steps = 6, 4, 3
	whole, both := strict, strict
	whole.Train, whole.Steps, whole.RankEvery = "all", 3, 2
	both.Shards, both.Steps, both.RankEvery = 3, 2, 0
	return map[string]Config{"strict": strict, "sharded": sharded, "strict, all weights": whole, "strict, sharded": both}
}

// laned is what a training leaves, and the largest number of lanes that it had.
type laned struct {
	left  string
	lanes int
}

// trainedInLanes trains on a GPU to the end.
func trainedInLanes(t *testing.T, g driver.Driver, cfg Config, lanes int) laned {
	t.Helper()
	dev, err := cuda.New(g, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tr := rigOn(t, dev, tiny(t), cfg).trainer(t, cfg, dir)
	tr.Lanes = lanes
	tr.Ranker = func(context.Context) ([]float64, error) {
		if tr.lanes != nil {
			t.Error("the ranking has not all of the memory")
		}
		return []float64{1, 2, float64(tr.state.Step)}, nil
	}
	var got laned
	if err := tr.Run(t.Context(), func(Progress) { got.lanes = max(got.lanes, len(tr.lanes)) }); err != nil {
		t.Fatal(err)
	}
	metrics := regexp.MustCompile(`"time":\{[^}]*\}`).ReplaceAll(readFile(t, dir+"/"+MetricsName), nil)
	got.left = string(metrics) + string(readFile(t, checkpointPath(dir)))
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	return got
}

// newEmulated returns an emulated GPU, or skips the test.
func newEmulated(t *testing.T) *emulated.Driver {
	t.Helper()
	g, err := emulated.New(emulated.Options{Memory: 1 << 30})
	if errors.Is(err, kernels.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A step in several lanes has the bits of a step in one, in whatever order the streams of a GPU run.
func TestLanesOfStep(t *testing.T) {
	for name, cfg := range laneConfigs() {
		t.Run(name, func(t *testing.T) {
			want := trainedInLanes(t, newEmulated(t), cfg, 1)
			if want.lanes != 1 {
				t.Errorf("%d lanes, want 1", want.lanes)
			}
			most := 5 // paths
			if cfg.Shards > 1 {
				most = cfg.Shards
			}
			for _, lanes := range []int{0, 1, 2} {
				for i := range orders(1) {
					got := trainedInLanes(t, streams.New(newEmulated(t), uint64(10*lanes+i)), cfg, lanes)
					if n := cmp.Or(lanes, most); got.lanes != n {
						t.Errorf("%d lanes, want %d", got.lanes, n)
					}
					if got.left != want.left {
						t.Errorf("in %d lanes, order %d, the training leaves something else", got.lanes, 10*lanes+i)
					}
				}
			}
		})
	}
}

// orders is the number of orders of the streams in which a test trains: n, or more in the long test.
func orders(n int) int {
	if os.Getenv("BNAS_LONG") != "" {
		return 10
	}
	return n
}

// careless is a GPU whose lanes do not wait for the update: what the test of the lanes must find.
type careless struct{ *streams.Driver }

func (c careless) Beside() (driver.Driver, error) {
	d, err := c.Driver.Beside()
	return careless{d.(*streams.Driver)}, err
}

func (careless) Follow(driver.Driver) error { return nil }

func TestLateStreamsShowAMissingWait(t *testing.T) {
	cfg := laneConfigs()["strict"]
	want := trainedInLanes(t, newEmulated(t), cfg, 1)
	for seed := range uint64(8) {
		if trainedInLanes(t, careless{streams.New(newEmulated(t), seed)}, cfg, 0).left != want.left {
			return
		}
	}
	t.Error("eight orders of the streams show no missing wait")
}

// supply is how many allocations the lanes of a GPU have left: of its memory, and of the pinned memory of the host.
type supply struct{ memory, pinned int }

// scarce is a GPU that has no memory for lanes once they have taken their supply.
type scarce struct {
	driver.Driver
	*supply
}

func (s scarce) Beside() (driver.Driver, error) {
	d, err := s.Driver.(driver.Sider).Beside()
	return scarceLane{d, s.supply}, err
}

func (scarce) Follow(driver.Driver) error { return nil }

// scarceLane is a lane of it. Streams that run at once have nothing to follow.
type scarceLane struct {
	driver.Driver
	*supply
}

func (scarceLane) Beside() (driver.Driver, error) { return nil, kernels.ErrUnsupported }

func (scarceLane) Follow(driver.Driver) error { return nil }

func (s scarceLane) Alloc(bytes int64) (driver.Ptr, error) {
	if s.memory--; s.memory < 0 {
		return 0, driver.ErrOutOfMemory
	}
	return s.Driver.Alloc(bytes)
}

func (s scarceLane) Pinned(bytes int) ([]byte, error) {
	if s.pinned--; s.pinned < 0 {
		return nil, driver.OutOfHostMemory(errors.New("refused by the test"))
	}
	return s.Driver.Pinned(bytes)
}

// A step for whose lanes the memory is too small, that of the GPU or the pinned one of the host, is made in one.
func TestLanesWithoutMemory(t *testing.T) {
	const enough = 1 << 30
	cfg := laneConfigs()["strict"]
	want := trainedInLanes(t, newEmulated(t), cfg, 1)
	for _, left := range []supply{{0, enough}, {3, enough}, {17, enough}, {40, enough}, {enough, 0}, {enough, 2}, {enough, 4}} {
		t.Run(fmt.Sprintf("%+v", left), func(t *testing.T) {
			if got := trainedInLanes(t, scarce{newEmulated(t), &left}, cfg, 0); got.left != want.left {
				t.Error("the training leaves something else")
			}
			if left.memory >= 0 && left.pinned >= 0 {
				t.Errorf("%+v allocations were left", left)
			}
		})
	}
}

// short is a GPU on which an allocation of the first device fails while there are lanes.
type short struct {
	driver.Driver
	*shortage
}

// shortage is which allocation fails, of those of the first device while there are lanes.
type shortage struct{ at, now, lanes int }

func (s short) Beside() (driver.Driver, error) {
	d, err := s.Driver.(driver.Sider).Beside()
	s.lanes++
	return shortLane{d, s.shortage}, err
}

func (short) Follow(driver.Driver) error { return nil }

func (s short) Alloc(bytes int64) (driver.Ptr, error) {
	if s.lanes > 0 {
		if s.now++; s.now == s.at {
			return 0, driver.ErrOutOfMemory
		}
	}
	return s.Driver.Alloc(bytes)
}

type shortLane struct {
	driver.Driver
	*shortage
}

func (shortLane) Beside() (driver.Driver, error) { return nil, kernels.ErrUnsupported }

func (shortLane) Follow(driver.Driver) error { return nil }

func (s shortLane) Close() error {
	s.lanes--
	return s.Driver.Close()
}

// Where the first device has no memory left for something, as for the update, the lanes give back theirs.
func TestLanesGiveBackMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains once for each allocation")
	}
	cfg := laneConfigs()["strict, all weights"]
	cfg.Steps, cfg.RankEvery = 2, 0
	want := trainedInLanes(t, fake.New(nil), cfg, 1)
	var all shortage
	trainedInLanes(t, short{fake.New(nil), &all}, cfg, 2)
	if all.now < 5 {
		t.Errorf("%d allocations, want one for each moment of both kinds of parameters at least", all.now)
	}
	for at := range all.now {
		if got := trainedInLanes(t, short{fake.New(nil), &shortage{at: at + 1}}, cfg, 2); got.left != want.left {
			t.Errorf("allocation %d fails: the training leaves something else", at+1)
		}
	}
}

// known is a GPU that has a number of bytes free.
type known struct {
	*fake.Driver
	free int64
}

func (k *known) Properties() driver.Properties {
	p := k.Driver.Properties()
	p.Free = k.free
	return p
}

// laneRig returns a trainer on a GPU, and a call that opens its lanes for parts of so many bytes that each of them is to take.
func laneRig(t *testing.T, g driver.Driver) (tr *Trainer, open func(parts int) error, each int64) {
	t.Helper()
	dev, err := cuda.New(g, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := laneConfigs()["strict"]
	r := rigOn(t, dev, tiny(t), cfg)
	tr = r.trainer(t, cfg, t.TempDir())
	p, err := r.net.Program(tr.paths(0)[0])
	if err != nil {
		t.Fatal(err)
	}
	exec, err := dev.Compile(p, r.store, cfg.Batch)
	if err != nil {
		t.Fatal(err)
	}
	each = laneShare*exec.SavedBytes(cfg.Batch) + laneCopies*4*int64(kernels.Elements(r.net.Params(), kernels.AllIDs(r.net.Params())))
	return tr, func(parts int) error { return tr.openLanes(exec, cfg.Batch, parts) }, each
}

// A lane takes no memory before it computes: what is free is divided among all.
func TestNumberOfLanes(t *testing.T) {
	g := &known{fake.New(nil), 1 << 30}
	tr, open, each := laneRig(t, g)
	for _, c := range []struct {
		free        int64
		ranks, want int
	}{{0, 1, 1}, {2*each - 1, 1, 1}, {2 * each, 1, 2}, {4*each - 1, 1, 3}, {4 * each, 1, 4}, {100 * each, 1, 5}, {6*each - 1, 2, 2}, {6 * each, 2, 3}} {
		g.free, tr.exchange = c.free, several{ranks: c.ranks}
		if err := open(5); err != nil {
			t.Fatal(err)
		}
		if len(tr.lanes) != c.want {
			t.Errorf("%d ranks, %.3f times a lane's memory is free: %d lanes, want %d", c.ranks, float64(c.free)/float64(each), len(tr.lanes), c.want)
		}
		if err := tr.closeLanes(); err != nil {
			t.Fatal(err)
		}
	}
}

// several is the exchange of one of several ranks.
type several struct {
	alone
	ranks int
}

func (o several) Ranks() int { return o.ranks }

// The error of a lane that cannot be closed is not lost where the cause for closing it is no error.
func TestLaneThatDoesNotClose(t *testing.T) {
	for call, opens := range map[string]bool{"Follow": false, "none": true} {
		g := fake.New(func(_ int, name string) error {
			switch name {
			case call:
				return driver.ErrOutOfMemory
			case "Close beside":
				return fake.ErrInjected
			}
			return nil
		})
		tr, open, _ := laneRig(t, g)
		err := open(2)
		if opens && err == nil {
			err = tr.inOneLane(func() error { return driver.ErrOutOfMemory })
		}
		if !errors.Is(err, fake.ErrInjected) {
			t.Errorf("%s fails: %v", call, err)
		}
	}
}

// A training whose steps have one part each leaves the same bits in whatever order the streams run.
func TestLateStreamsOfSteps(t *testing.T) {
	for _, name := range []string{"uniform", "fixed"} {
		cfg := queueConfigs()[name]
		train := func(g driver.Driver) string {
			return trained(t, func() kernels.Device {
				dev, err := cuda.New(g, cuda.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return dev
			}, cfg, false)
		}
		want := train(newEmulated(t))
		for seed := range uint64(orders(2)) {
			if got := train(streams.New(newEmulated(t), seed)); got != want {
				t.Errorf("%s: in order %d the training leaves something else", name, seed)
			}
		}
	}
}
