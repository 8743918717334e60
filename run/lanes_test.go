package run

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/search"
)

// Several architectures that are scored at a time have the ledger of one after the other, also after an interruption at any place.
func TestLanesHaveOneLedger(t *testing.T) {
	if _, ok := cpu.Available(); !ok {
		t.Skip("no cpu engine in this build")
	}
	ledger := func(threads int, dir string, ctx context.Context) (string, error) {
		cfg := repeating()
		cfg.Device, cfg.Threads, cfg.Score.Repeats = "cpu", threads, 2
		return ledgerOf(t, cfg, 12, dir, ctx)
	}
	want, err := ledger(1, t.TempDir(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := after(t.Context(), 1<<30)
	if got, err := ledger(3, t.TempDir(), all); err != nil || got != want {
		t.Errorf("%v: 3 lanes have\n%s\nwant\n%s", err, got, want)
	}
	for _, part := range []int64{5, 2} {
		dir := t.TempDir()
		cut, err := ledger(3, dir, after(t.Context(), (1<<30-all.left.Load())/part))
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(want, cut) {
			t.Errorf("stopped with %v at\n%s", err, cut)
		}
		if got, err := ledger(3, dir, t.Context()); err != nil || got != want {
			t.Errorf("went on to\n%s%v, want\n%s", got, err, want)
		}
	}
}

// needEmulatedGPU skips a test in a build without the emulated GPU, and says why.
func needEmulatedGPU(t *testing.T) {
	t.Helper()
	if _, err := emulated.New(emulated.Options{}); errors.Is(err, kernels.ErrUnsupported) {
		t.Skip(err)
	}
}

// Lanes on a GPU have one ledger too, in all terms of the default composite: a lane has streams of its own.
func TestLanesOnGPU(t *testing.T) {
	ledger := func(threads int) string {
		cfg := repeating()
		cfg.Device, cfg.Threads, cfg.Score.Repeats = "gpu-emulated", threads, 1
		cfg.Objective.Composite, cfg.Score.Terms = "bnas", append(slices.Clone(Default().Score.Terms), "ntk", "ntk_gauge")
		r := untrained(t, cfg)
		if n, err := r.lanes(cfg.Score); err != nil || n != threads {
			t.Errorf("%d threads: %d lanes, %v", threads, n, err)
		}
		text, err := ledgerOf(t, cfg, 6, t.TempDir(), t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	needEmulatedGPU(t)
	want := ledger(1)
	if got := ledger(3); got != want {
		t.Errorf("3 lanes have\n%s\nwant\n%s", got, want)
	}
}

// A lane for each thread, unless the memory is too small, or other processes have it too.
func TestNumberOfLanes(t *testing.T) {
	for _, c := range []struct{ threads, images, sharers, want int }{{1, 16, 0, 1}, {4, 16, 0, 4}, {4, 1 << 22, 0, 1}, {4, 16, 2, 4}, {4, 16, 1 << 22, 1}} {
		cfg := repeating()
		cfg.Device, cfg.Threads = "auto", c.threads
		r := untrained(t, cfg)
		if r.Device.Info().Name != "cpu" {
			t.Skip("no cpu engine in this build")
		}
		r.sharers = c.sharers
		n, err := r.lanes(indicator.Config{Images: c.images})
		if err != nil || n != c.want {
			t.Errorf("%d threads, %d images, %d sharers: %d lanes, %v; want %d", c.threads, c.images, c.sharers, n, err, c.want)
		}
		e, err := r.Evaluator(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if several := e.Evaluator.(search.Ahead).Width() > 1; several != (c.threads > 1 && c.sharers < 1<<22) {
			t.Errorf("%d threads, %d sharers, several at a time: %v", c.threads, c.sharers, several)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		r.Close()
	}
}

// Lanes on a GPU have parameters of their own, which are more than the maps where a supernet is large and its images are small: they
// and the scorer itself fit in what is free.
func TestNumberOfLanesOnGPU(t *testing.T) {
	needEmulatedGPU(t)
	for _, repeats := range []indicator.Repeats{1, 2} {
		cfg := repeating()
		cfg.Device, cfg.Threads, cfg.Supernet.Space, cfg.Supernet.Cells = "gpu-emulated", 64, "bn-nas", 0
		cfg.Supernet.Channels = 40
		r := untrained(t, cfg)
		n, err := r.lanes(indicator.Config{Images: 2, Repeats: repeats})
		if err != nil {
			t.Fatal(err)
		}
		var parameters int64
		for _, p := range r.Store.Params() {
			parameters += 4 * int64(p.Len())
		}
		free, _ := kernels.FreeMemory(r.Device)
		if need := int64(n+1) * copiesOnGPU * parameters * int64(repeats); n < 2 || need > free {
			t.Errorf("%d repeats: %d lanes of %d MB of parameters take up to %d MB of %d", repeats, n, parameters>>20, need>>20, free>>20)
		}
		r.Close()
	}
}

// Processes that have a GPU together count a part of its memory each, and what is free if that is less.
func TestSharersOfAGPU(t *testing.T) {
	needEmulatedGPU(t)
	free := func(sharers int) int64 {
		dev, err := OpenDevice(Config{Device: "gpu-emulated"}, Options{Sharers: sharers})
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		bytes, own := kernels.FreeMemory(dev)
		if !own {
			t.Fatal("the emulated GPU has no memory of its own")
		}
		return bytes
	}
	alone := free(0)
	if one := free(1); one != alone {
		t.Errorf("one process has %d of %d bytes", one, alone)
	}
	for _, n := range []int64{2, 5} {
		if got := free(int(n)); got < alone/n || got > alone/n+alone/10 {
			t.Errorf("one of %d processes has %d of %d bytes", n, got, alone)
		}
	}
}
