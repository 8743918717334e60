package indicator

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/kernels/ref"
	"bnas.example/supernet"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// onCPU returns the bench on an engine of some threads, untrained.
func (b *bench) onCPU(t *testing.T, threads int) *bench {
	t.Helper()
	if _, ok := cpu.Available(); !ok {
		t.Skip("no cpu engine in this build")
	}
	dev, err := cpu.New(threads, cpu.Fast)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	c := &bench{net: b.net, dev: dev, in: b.in}
	if c.store, err = b.net.NewStore(dev); err != nil {
		t.Fatal(err)
	}
	return c
}

// some are networks of all kinds: with convolutions and without, dead, twice, and as two architectures.
var some = []string{
	mixed,
	"|avg_pool_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|",
	"|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|",
	"|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|",
	mixed,
	"|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
	"|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
}

// inTurn scores some on an evaluator as a search does: it begins as many as width allows before it waits for the first.
func inTurn(t *testing.T, b *bench, l *Lanes, archs []string) []Scores {
	t.Helper()
	var all []Scores
	begun := 0
	for i, text := range archs {
		for ; begun < min(len(archs), i+l.Width()); begun++ {
			if err := l.Begin(b.arch(t, archs[begun])); err != nil {
				t.Fatal(err)
			}
		}
		s, err := l.Score(b.arch(t, text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// besides scores archs from one goroutine each.
func besides(t *testing.T, b *bench, l *Lanes, archs []string) []Scores {
	t.Helper()
	all := make([]Scores, len(archs))
	var going sync.WaitGroup
	for i, text := range archs {
		a := b.arch(t, text)
		going.Go(func() {
			var err error
			if all[i], err = l.Beside(a); err != nil {
				t.Error(err)
			}
		})
	}
	going.Wait()
	return all
}

// The scores of lanes are those of one scorer, to the bit, in all terms: those too that write weights or gradients. Without lanes they are
// the scorer's.
func TestLanes(t *testing.T) {
	fixture := newBench(t, supernet.Fair, false)
	for _, lanes := range []int{0, 1, 3} {
		b := fixture.onCPU(t, 2)
		repeated := func() *Repeated { return NewRepeated(b.scorer(t, small.Repeat(0)), b.scorer(t, small.Repeat(1))) }
		one := repeated()
		var want []Scores
		for _, text := range some {
			s, err := one.Score(b.arch(t, text))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, s)
		}
		l, err := NewLanes(repeated(), lanes)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][2]int{{0, len(some)}, {0, 1}} { // the second time alone, on the scorer itself
			if got := inTurn(t, b, l, some[part[0]:part[1]]); !cmp.Equal(got, want[part[0]:part[1]], cmpopts.EquateNaNs()) {
				t.Errorf("%d lanes: %s", lanes, cmp.Diff(want[part[0]:part[1]], got, cmpopts.EquateNaNs()))
			}
		}
		if got := besides(t, b, l, some); !cmp.Equal(got, want, cmpopts.EquateNaNs()) {
			t.Errorf("%d lanes, several goroutines: %s", lanes, cmp.Diff(want, got, cmpopts.EquateNaNs()))
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Lanes stop with the error of their stop, and go on with another.
func TestLanesStop(t *testing.T) {
	b := newBench(t, supernet.Fair, false).onCPU(t, 1)
	cfg := small
	cfg.Terms = cheap
	l, err := NewLanes(NewRepeated(b.scorer(t, cfg)), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stopped := errors.New("stopped")
	l.StopWith(func() error { return stopped })
	for range 2 {
		for _, text := range some[:2] {
			if err := l.Begin(b.arch(t, text)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Score(b.arch(t, some[0])); !errors.Is(err, stopped) {
			t.Errorf("%v, want %v", err, stopped)
		}
	}
	l.StopWith(nil)
	inTurn(t, b, l, some)
}

// scarce is a CPU engine whose devices beside it have memory for so many Programs.
type scarce struct {
	kernels.Device
	beside   bool
	programs *atomic.Int64
}

func (s scarce) Beside(threads int) (kernels.Backend, error) {
	d, err := kernels.Beside(s.Device, threads)
	return scarce{d, true, s.programs}, err
}

func (s scarce) Twin(store kernels.Store) (kernels.Store, error) {
	return kernels.Twin(s.Device, store)
}

func (s scarce) Share(store, with kernels.Store) error { return kernels.Share(s.Device, store, with) }

func (s scarce) Compile(p *kernels.Program, store kernels.Store, n int) (kernels.Exec, error) {
	if s.beside && s.programs.Add(-1) < 0 {
		return nil, fmt.Errorf("a Program: %w", kernels.ErrOutOfMemory)
	}
	return s.Device.Compile(p, store, n)
}

// Lanes without the memory for an architecture retire. The others, and at last the scorer itself, score all, with the same bits.
func TestLanesRetire(t *testing.T) {
	fixture := newBench(t, supernet.Fair, false)
	cfg := small
	cfg.Terms = cheap
	for _, programs := range []int64{0, 1, 3, 1 << 30} {
		b := fixture.onCPU(t, 2)
		want := inTurn(t, b, must(NewLanes(NewRepeated(b.scorer(t, cfg)), 1)), some)
		left := atomic.Int64{}
		left.Store(programs)
		b.dev = kernels.Guard("scarce", scarce{b.dev, false, &left})
		var err error
		if b.store, err = b.net.NewStore(b.dev); err != nil {
			t.Fatal(err)
		}
		l := must(NewLanes(NewRepeated(b.scorer(t, cfg)), 3))
		for name, score := range map[string]func(*testing.T, *bench, *Lanes, []string) []Scores{"in turn": inTurn, "several goroutines": besides} {
			if got := score(t, b, l, some); !cmp.Equal(got, want, cmpopts.EquateNaNs()) {
				t.Errorf("memory for %d Programs, %s: %s", programs, name, cmp.Diff(want, got, cmpopts.EquateNaNs()))
			}
		}
		if all := programs > int64(len(some)); all != (l.Lanes() == 3) || programs == 0 && l.Lanes() != 0 {
			t.Errorf("memory for %d Programs: %d lanes are left", programs, l.Lanes())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestLanesNeedADeviceBeside(t *testing.T) {
	b := newBench(t, supernet.Fair, false)
	if _, err := NewLanes(NewRepeated(b.scorer(t, small)), 2); !errors.Is(err, kernels.ErrUnsupported) {
		t.Errorf("%v, want that the reference has no device beside it", err)
	}
}

// leadInUse is a reference device that has others beside it. It counts the calls for a twin of its stores while another one is under way:
// a device is used from one goroutine at a time.
type leadInUse struct {
	kernels.Device
	now, together *atomic.Int32
}

func (d leadInUse) Beside(int) (kernels.Backend, error) {
	return leadInUse{ref.New(), d.now, d.together}, nil
}

func (d leadInUse) Twin(s kernels.Store) (kernels.Store, error) {
	if d.now.Add(1) > 1 {
		d.together.Add(1)
	}
	time.Sleep(20 * time.Millisecond)
	d.now.Add(-1)
	return d.NewStore(s.Params())
}

func (leadInUse) Share(kernels.Store, kernels.Store) error { return nil }

// Lanes copy the untrained standard networks of several scorers from the one device of these, one after the other.
func TestLanesCopyInTurn(t *testing.T) {
	b := newBench(t, supernet.Fair, false)
	lead := leadInUse{ref.New(), new(atomic.Int32), new(atomic.Int32)}
	b.dev = kernels.Guard("lead", lead)
	defer b.dev.Close()
	var scorers []*Scorer
	for repeat := range 2 {
		of := b.net.Config
		of.Seed = RepeatSeed(of.Seed, repeat)
		var err error
		if b.net, err = supernet.New(of); err != nil {
			t.Fatal(err)
		}
		if b.store, err = b.net.NewStore(b.dev); err != nil {
			t.Fatal(err)
		}
		scorers = append(scorers, b.scorer(t, small.Repeat(repeat)))
	}
	l, err := NewLanes(NewRepeated(scorers...), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var lanes sync.WaitGroup
	for k, lane := range l.all {
		s := lane.scorers[k] // the lanes are at different repeats
		lanes.Go(func() {
			if err := s.twin.make(s.net, s.store); err != nil {
				t.Error(err)
			}
		})
	}
	lanes.Wait()
	if n := lead.together.Load(); n > 0 {
		t.Errorf("%d copies were made while another one was", n)
	}
}
