package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/kernels"
	"bnas.example/philox"
	"bnas.example/search"
	"bnas.example/supernet"
)

// LatencyName is the table of measured latencies, beside the ledger: setup, name (the canonical form of a network), ms.
const LatencyName = "latency.csv"

// A latency is the median of latencyRounds forward passes, after latencyWarmup that do not count. Networks that are measured together
// take turns, so that a change of the machine's speed meets all of them.
const (
	latencyWarmup = 3
	latencyRounds = 11
)

// latencyTogether is how many networks take turns at most. Each keeps the values of its images: with many images there are fewer.
func latencyTogether(batch int) int { return max(1, min(8, 256/batch)) }

// longLatency is the time of the measurement of a network from which on the user is told of it.
const longLatency = 5 * time.Second

// latencies opens the latencies of the networks of the run on its device, kept in dir; "": in memory. what says what is timed, and where.
// They are nil if the search needs none.
func (r *Run) latencies(ctx context.Context, dir string) (timed *search.Timed, what string, err error) {
	if !r.Config.Search.NeedsLatency() {
		return nil, "", nil
	}
	stopwatch, err := r.newStopwatch(ctx)
	if err != nil {
		return nil, "", err
	}
	if dir != "" {
		dir = filepath.Join(dir, LatencyName)
	}
	setup, err := stopwatch.setup()
	if err != nil {
		return nil, "", err
	}
	figures, err := search.OpenFigures(dir, setup, search.CheckLatency, "ms")
	if err != nil {
		return nil, "", err
	}
	return &search.Timed{Space: r.Net.Space, Figures: figures, Measure: stopwatch.measure}, stopwatch.describe(), nil
}

// stopwatch times networks on a device. They are those that would be deployed: in the placement of the space's authors, without the
// supernet, with frozen statistics. The time does not depend on the values of the parameters.
type stopwatch struct {
	ctx    context.Context
	net    *supernet.Net
	dev    kernels.Device
	images []float32
	batch  int
	told   bool // how long a measurement takes
}

func (r *Run) newStopwatch(ctx context.Context) (*stopwatch, error) {
	cfg := r.Net.Config
	cfg.BN = supernet.Standard
	net, err := supernet.New(cfg)
	if err != nil {
		return nil, err
	}
	c := &stopwatch{ctx: ctx, net: net, dev: r.Device, batch: max(r.Config.Search.LatencyBatch, 1)}
	c.images = make([]float32, c.batch*cfg.Images().Len())
	philox.New(0, "latency images", 0).Normal(c.images, 1)
	return c, nil
}

// describe says what times, and how many images.
func (c *stopwatch) describe() string {
	i := c.dev.Info()
	return fmt.Sprintf("%s (%s), batch %d", i.Name, i.Detail, c.batch)
}

// setup identifies what the latencies are comparable with: the device, the batch, and the sizes of the networks.
func (c *stopwatch) setup() (string, error) {
	cfg := c.net.Config
	cfg.Seed, cfg.Gamma = 0, ""
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return "", err
	}
	i := c.dev.Info()
	sum := sha256.Sum256(append(text, fmt.Sprintf("%s %d", i.Arithmetic, i.Threads)...))
	return c.describe() + ", " + hex.EncodeToString(sum[:6]), nil
}

// measure returns the milliseconds of a forward pass of each architecture.
func (c *stopwatch) measure(archs []supernet.Arch) ([]float64, error) {
	var all []float64
	for some := range slices.Chunk(archs, latencyTogether(c.batch)) {
		start := time.Now()
		ms, err := c.together(some)
		if err != nil {
			return nil, err
		}
		c.tell(time.Since(start) / time.Duration(len(some)))
		all = append(all, ms...)
	}
	return all, nil
}

// tell says once that a network takes long to measure.
func (c *stopwatch) tell(each time.Duration) {
	if each >= longLatency && !c.told {
		slog.Info("to measure latencies takes long; a smaller --latency-batch takes less", "each network", each.Round(time.Second/10), "passes", 1+latencyWarmup+latencyRounds, "images", c.batch)
		c.told = true
	}
}

// together measures architectures in turns.
func (c *stopwatch) together(archs []supernet.Arch) ([]float64, error) {
	var execs []kernels.Exec
	defer func() {
		for _, e := range execs {
			kernels.Release(e)
		}
	}()
	for _, a := range archs {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		e, err := c.compile(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.net.Space.Format(a), err)
		}
		execs = append(execs, e)
	}
	times := make([][]float64, len(archs))
	for round := range latencyWarmup + latencyRounds {
		for i, e := range execs {
			ms, err := c.forward(e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.net.Space.Format(archs[i]), err)
			}
			if round >= latencyWarmup {
				times[i] = append(times[i], ms)
			}
		}
	}
	medians := make([]float64, len(archs))
	for i, t := range times {
		slices.Sort(t)
		medians[i] = t[len(t)/2]
	}
	return medians, nil
}

// compile plans an architecture, and gives it the statistics of the images: with others its values could overflow.
func (c *stopwatch) compile(a supernet.Arch) (kernels.Exec, error) {
	p, params, data, err := c.net.Alone(a)
	if err != nil {
		return nil, err
	}
	store, err := c.dev.NewStore(params)
	if err != nil {
		return nil, err
	}
	for i, values := range data {
		if err := store.Write(kernels.Data, values, kernels.ParamID(i)); err != nil {
			return nil, err
		}
	}
	e, err := c.dev.Compile(p, store, c.batch)
	if err != nil {
		return nil, err
	}
	return e, e.Forward(c.images, c.batch)
}

// forward returns the milliseconds of one pass, to the logits.
func (c *stopwatch) forward(e kernels.Exec) (float64, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	logits := make([]float32, c.batch*e.Program().Classes())
	start := time.Now()
	if err := e.Forward(c.images, 0); err != nil {
		return 0, err
	}
	err := e.Logits(logits) // a GPU is done only now
	return float64(time.Since(start)) / float64(time.Millisecond), err
}
