package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/search"
	"bnas.example/supernet"
)

// timing is a tiny configuration whose search is over the latency.
func timing() Config {
	c := repeating()
	c.Score.Repeats, c.Objective.Composite, c.Score.Terms = 1, "naswot", []string{"naswot"}
	c.Search.Strategy, c.Search.Objectives = search.TwoObjectives, []string{"score", search.Latency}
	c.Search.Population, c.Search.Generations, c.Search.MaxEvaluations = 4, 3, 0
	return c
}

// TestLatencySearchResumes: a search over measured latencies that is interrupted at any place, with several lanes, ends as one that
// reads all figures.
func TestLatencySearchResumes(t *testing.T) {
	cfg := timing()
	cfg.Threads = 2
	first := trained(t, cfg)
	dir := first.Dir
	first.Close()
	searched := func(after int) (*Found, error) {
		r, err := Open(dir, cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		return r.Search(ctx, "", func(Progress) {
			if n++; n == after {
				cancel()
			}
		})
	}
	for _, after := range []int{1, 6} {
		if _, err := searched(after); !errors.Is(err, search.ErrInterrupted) {
			t.Fatal(err)
		}
	}
	want, err := searched(0)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, LatencyName))
	if err != nil {
		t.Fatal(err)
	}
	front, err := os.ReadFile(filepath.Join(dir, ParetoName))
	if err != nil {
		t.Fatal(err)
	}
	again := reopen(t, dir, Open)
	got, err := again.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := timeless(t, want.Result), timeless(t, got.Result); a != b {
		t.Errorf("results\n%s\n%s", a, b)
	}
	if text, err := os.ReadFile(filepath.Join(dir, LatencyName)); err != nil || string(text) != string(kept) {
		t.Errorf("%v: the figures became\n%s", err, text)
	}
	if lines := strings.Split(strings.TrimSpace(string(front)), "\n"); lines[0] != "arch,score,macs,params,latency_ms" || len(lines) != 1+len(want.Pareto) {
		t.Errorf("%s", front)
	}
	page, err := again.Report(got, "command", "v1", 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Score against latency", "as low a latency", "latency, ms", got.LatencySetup} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the report lacks %q", part)
		}
	}
}

// TestLatencyIsOfTheDeployedNetwork: what is timed is the network in the authors' placement with its own parameters alone, and has the
// logits of its path in a supernet of that placement.
func TestLatencyIsOfTheDeployedNetwork(t *testing.T) {
	for _, space := range []string{"nas-bench-201", "nas-bench-101"} { // the second shares weights of several widths
		t.Run(space, func(t *testing.T) { deployed(t, space) })
	}
}

func deployed(t *testing.T, space string) {
	cfg := timing()
	cfg.Supernet.Space, cfg.Supernet.Channels = space, 8
	r := untrained(t, cfg)
	c, err := r.newStopwatch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store, err := c.net.NewStore(c.dev)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range LiveSample(c.net, 3, 1, "test") {
		p, err := c.net.Program(a)
		if err != nil {
			t.Fatal(err)
		}
		path, err := c.dev.Compile(p, store, c.batch)
		if err == nil {
			err = path.Forward(c.images, c.batch)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, p.Classes())
		if err := path.Logits(want); err != nil {
			t.Fatal(err)
		}
		alone, err := c.compile(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.forward(alone); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, p.Classes())
		if err := alone.Logits(got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if d := got[i] - want[i]; !(-1e-4 <= d && d <= 1e-4) {
				t.Errorf("%s: logits %v, on its path %v", c.net.Space.Format(a), got, want)
				break
			}
		}
	}
}

// TestLatencyFollowsWork: a network of 3×3 convolutions takes longer than one of skips, a larger batch longer than one image, and each has
// figures of its own.
func TestLatencyFollowsWork(t *testing.T) {
	cfg := timing()
	cfg.Supernet.Channels, cfg.Supernet.Height, cfg.Supernet.Width = 16, 16, 16
	var setups []string
	var figures [][]float64
	for _, batch := range []int{0, 16} {
		cfg.Search.LatencyBatch = batch
		r := untrained(t, cfg)
		timed, setup, err := r.latencies(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		ms, err := timed.Latency([]supernet.Arch{{1, 1, 1, 1, 1, 1}, {3, 3, 3, 3, 3, 3}, {0, 0, 0, 0, 0, 0}})
		if err != nil {
			t.Fatal(err)
		}
		if ms[0] <= 0 || ms[0] >= ms[1] || ms[2] != 0 {
			t.Errorf("batch %d: skips take %v ms, convolutions %v, a dead network %v", batch, ms[0], ms[1], ms[2])
		}
		setups, figures = append(setups, setup), append(figures, ms)
	}
	if setups[0] == setups[1] || figures[1][1] <= figures[0][1] {
		t.Errorf("%v: %v", setups, figures)
	}
}

// TestLatencyStopsBetweenNetworks: when the context has ended, no network more is compiled, which runs its images once.
func TestLatencyStopsBetweenNetworks(t *testing.T) {
	cfg := timing()
	cfg.Search.LatencyBatch = 64
	r := untrained(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := r.newStopwatch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stores := &countedStores{Device: c.dev}
	c.dev = stores
	cancel()
	if _, err := c.measure(LiveSample(c.net, 4, 1, "test")); !errors.Is(err, context.Canceled) || stores.n > 0 {
		t.Errorf("%v, %d networks were compiled", err, stores.n)
	}
}

// countedStores counts the stores of a device.
type countedStores struct {
	kernels.Device
	n int
}

func (c *countedStores) NewStore(params []kernels.Param) (kernels.Store, error) {
	c.n++
	return c.Device.NewStore(params)
}

// TestLatencyTogether: at most 8 networks take turns, and they keep the values of at most 256 images, or of one network.
func TestLatencyTogether(t *testing.T) {
	for batch, want := range map[int]int{1: 8, 32: 8, 33: 7, 128: 2, 256: 1, 1024: 1} {
		if got := latencyTogether(batch); got != want {
			t.Errorf("batch %d: %d networks, want %d", batch, got, want)
		}
	}
}
