package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/fake"
	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/supernet"
)

// late is the reference with a queue: no result is there before somebody waits. It notes the calls.
type late struct {
	kernels.Device
	calls *[]string
}

type lateStore struct {
	kernels.Store
	calls *[]string
}

type lateExec struct {
	kernels.Exec
	calls *[]string
}

func (d late) NewStore(params []kernels.Param) (kernels.Store, error) {
	s, err := d.Device.NewStore(params)
	return lateStore{s, d.calls}, err
}

func (d late) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	e, err := d.Device.Compile(p, s.(lateStore).Store, n)
	return lateExec{e, d.calls}, err
}

// postponed delivers a result when somebody waits.
func postponed[T any](calls *[]string, name string, p *kernels.Pending[T], deliver func()) *kernels.Pending[T] {
	value, err := p.Wait()
	return kernels.Later(func() (T, error) {
		*calls = append(*calls, "wait for "+name)
		deliver()
		return value, err
	})
}

func (s lateStore) QueueRead(slot kernels.Slot, dst []float32, ids ...kernels.ParamID) *kernels.Pending[kernels.Nothing] {
	values := make([]float32, len(dst))
	return postponed(s.calls, "parameters", s.Store.QueueRead(slot, values, ids...), func() { copy(dst, values) })
}

func (s lateStore) QueueUpdate(rule kernels.Update, ids []kernels.ParamID) *kernels.Pending[float64] {
	*s.calls = append(*s.calls, "update")
	return postponed(s.calls, "norm", s.Store.QueueUpdate(rule, ids), func() {})
}

func (e lateExec) Forward(images []float32, rows int) error {
	*e.calls = append(*e.calls, "forward")
	return e.Exec.Forward(images, rows)
}

func (e lateExec) QueueLoss() *kernels.Pending[kernels.Loss] {
	return postponed(e.calls, "loss", e.Exec.QueueLoss(), func() {})
}

func (e lateExec) QueueStatistics(mean, variance []float64) *kernels.Pending[kernels.Nothing] {
	m, v := make([]float64, len(mean)), make([]float64, len(variance))
	return postponed(e.calls, "statistics", e.Exec.QueueStatistics(m, v), func() { copy(mean, m); copy(variance, v) })
}

// queueConfigs are trainings whose steps leave different things in the queue.
func queueConfigs() map[string]Config {
	uniform := quick(7)
	uniform.CheckpointEvery, uniform.RankEvery = 3, 2
	strict := uniform
	strict.Sampling, strict.Optimizer, strict.LR = Strict, AdamW, 0.05
	sharded := uniform
	sharded.Shards = 3
	fixed := uniform
	fixed.Sampling, fixed.Path, fixed.Train = Fixed, mixed, supernet.All
	fixed.BNMomentum, fixed.EMA, fixed.TestEvery, fixed.RankEvery = 0.1, 0.9, 1, 0
	return map[string]Config{"uniform": uniform, "strict": strict, "sharded": sharded, "fixed": fixed}
}

// trained runs a training to its end, in several Runs if it is interrupted, and returns all that it leaves: the steps reported, the
// metrics without times, the checkpoint.
func trained(t *testing.T, dev func() kernels.Device, cfg Config, interrupt bool) string {
	t.Helper()
	dir := t.TempDir()
	var said strings.Builder
	for first := true; ; first = false {
		tr := rigOn(t, dev(), tiny(t), cfg).trainer(t, cfg, dir)
		if cfg.RankEvery > 0 {
			tr.Ranker = func(context.Context) ([]float64, error) { return []float64{1, 2, float64(tr.state.Step)}, nil }
		}
		if !first {
			if err := tr.Resume(); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		err := tr.Run(ctx, func(p Progress) {
			fmt.Fprintf(&said, "%d %d %v %v %v %v %s\n", p.Step, p.Epoch, p.Loss, p.Accuracy, p.LR, p.GradNorm, p.Path)
			if steps++; interrupt && steps == 2 {
				cancel()
			}
		})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
	}
	for _, name := range []string{MetricsName, CheckpointName} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		said.Write(regexp.MustCompile(`"time":\{[^}]*\}`).ReplaceAll(b, nil))
	}
	return said.String()
}

// On a device with a queue a training leaves the bits that it leaves on one without, also when it is interrupted.
func TestLateFigures(t *testing.T) {
	for name, cfg := range queueConfigs() {
		t.Run(name, func(t *testing.T) {
			want := trained(t, func() kernels.Device { return ref.New() }, cfg, false)
			for _, interrupt := range []bool{false, true} {
				var calls []string
				got := trained(t, func() kernels.Device { return late{ref.New(), &calls} }, cfg, interrupt)
				if got != want {
					t.Errorf("interrupted %v: the run leaves\n%.2000s\nwant\n%.2000s", interrupt, got, want)
				}
			}
		})
	}
}

// The forward pass of a step is in the queue before the host waits for the step before.
func TestWaitAfterNextForward(t *testing.T) {
	var calls []string
	cfg := quick(3)
	run(t, rigOn(t, late{ref.New(), &calls}, tiny(t), cfg).trainer(t, cfg, t.TempDir()))
	step := []string{"wait for norm", "wait for loss"}
	want := slices.Concat([]string{"forward", "update", "forward"}, step, []string{"update", "forward"}, step, []string{"update"}, step)
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}

// A training that diverges ends with the step, the path and the layer on a device with a queue too, and its checkpoint and metrics
// are those of the steps before.
func TestLateDivergence(t *testing.T) {
	for _, sampling := range []Sampling{Uniform, Strict} {
		cfg := quick(20)
		cfg.Sampling, cfg.LR, cfg.ClipNorm, cfg.MetricsEvery, cfg.GammaEvery = sampling, 1e30, 0, 1, 0
		var want string
		for _, dev := range []kernels.Device{ref.New(), late{ref.New(), new([]string)}} {
			dir := t.TempDir()
			err := rigOn(t, dev, tiny(t), cfg).trainer(t, cfg, dir).Run(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), "training diverged") || !strings.Contains(err.Error(), ": path ") {
				t.Fatalf("%s: error %v", sampling, err)
			}
			metrics, _ := os.ReadFile(filepath.Join(dir, MetricsName))
			got := err.Error() + string(regexp.MustCompile(`"time":\{[^}]*\}`).ReplaceAll(metrics, nil))
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s: on a device with a queue\n%s\nwithout\n%s", sampling, got, want)
			}
		}
	}
}

// A step of a GPU waits once: for its figures, which are those of the step before, or, where several paths or shards are added on the
// host, for their gradients: once for each lane, when all parts are in the queues. In shards it waits for the images of each shard of a
// lane after the second, too.
func TestWaitsOfStep(t *testing.T) {
	several := map[string]int{"strict": 5, "sharded": 3}
	for name, cfg := range queueConfigs() {
		t.Run(name, func(t *testing.T) { waitsOfStep(t, cfg, 1, 1+max(0, cfg.Shards-2)) })
		if lanes := several[name]; lanes > 0 {
			t.Run(name+" in lanes", func(t *testing.T) { waitsOfStep(t, cfg, lanes, lanes) })
		}
	}
}

// waitsOfStep trains in a number of lanes and compares the largest number of waits of a step.
func waitsOfStep(t *testing.T, cfg Config, lanes, want int) {
	f := fake.New(nil)
	dev, err := cuda.New(f, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Steps, cfg.CheckpointEvery, cfg.RankEvery, cfg.TestEvery, cfg.GammaEvery = 12, 0, 0, 0, 0
	waits, calls, most := 0, 0, 0
	net := tiny(t)
	net.Cells = 5 // the parameters of several paths lie at many places
	tr := rigOn(t, dev, net, cfg).trainer(t, cfg, t.TempDir())
	tr.Lanes = lanes
	if err := tr.Run(t.Context(), func(p Progress) {
		// Where a buffer has grown, the step waits for the launches that use the old one. The last step waits for all.
		if p.Step > 2 && p.Step < cfg.Steps && !slices.Contains(f.Calls[calls:], "Free") {
			most = max(most, f.Waits-waits)
		}
		waits, calls = f.Waits, len(f.Calls)
	}); err != nil {
		t.Fatal(err)
	}
	if most != want {
		t.Errorf("a step waits %d times, want %d", most, want)
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	if len(f.Misuse) > 0 || len(f.Leaks()) > 0 {
		t.Errorf("misuse %v, leaks %v", f.Misuse, f.Leaks())
	}
}
