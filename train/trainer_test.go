package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// run trains to the end and returns the bytes of the checkpoint.
func run(t testing.TB, tr *Trainer) []byte {
	t.Helper()
	if err := tr.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	return readFile(t, checkpointPath(tr.dir))
}

// runUntil interrupts the run after a number of updates.
func runUntil(t testing.TB, tr *Trainer, step int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := tr.Run(ctx, func(p Progress) {
		if p.Step == step {
			cancel()
		}
	})
	if !errors.Is(err, ErrInterrupted) {
		t.Fatalf("interrupted at step %d: Run gave %v", step, err)
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// metricLines returns the lines of a run's metrics without their times.
func metricLines(t testing.TB, dir string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for _, text := range bytes.Split(bytes.TrimSpace(readFile(t, filepath.Join(dir, MetricsName))), []byte("\n")) {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		delete(line, "time")
		lines = append(lines, line)
	}
	return lines
}

func kinds(lines []map[string]any, kind string) []map[string]any {
	return slices.DeleteFunc(slices.Clone(lines), func(l map[string]any) bool { return l["kind"] != kind })
}

// variants lists configurations. Each must give the same result if it is interrupted at any step.
func variants(steps int) map[string]Config {
	uniform := quick(steps)
	strict := quick(steps)
	strict.Sampling, strict.Nesterov = Strict, true
	adam := quick(steps)
	adam.Optimizer, adam.LR, adam.Train, adam.Schedule, adam.Warmup = AdamW, 0.01, supernet.AllBNAndClassifier, Linear, 2
	rms := quick(steps)
	rms.Optimizer, rms.LR, rms.Beta2, rms.Eps, rms.WeightDecay = RMSProp, 0.1, 0.9, 1, 1e-4
	still := rms
	still.Momentum = 0
	plain := quick(steps)
	plain.Momentum, plain.Train = 0, supernet.LastBN
	all := quick(steps)
	all.Train = supernet.All
	fixed := all
	fixed.Sampling, fixed.Path, fixed.Nesterov, fixed.WeightDecay, fixed.WeightDecayWeights = Fixed, fixedPath, true, 5e-4, 5e-4
	own := fixed
	own.BNMomentum, own.EMA, own.TestEvery, own.LabelSmoothing = 0.1, 0.9, 1, 0.1
	return map[string]Config{"all": all, "fixed": fixed, "on its own": own, "uniform sgd": uniform, "strict nesterov": strict, "adamw and classifier": adam, "rmsprop": rms, "rmsprop, no momentum": still, "last bn, no momentum": plain}
}

func TestBNOnlyTrainingLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs: 450 steps, which the race detector slows down")
	}
	for optimizer, lr := range map[OptimizerName]float64{SGD: 0.2, AdamW: 0.05, RMSProp: 0.2} {
		cfg := quick(150)
		cfg.Optimizer, cfg.LR, cfg.GammaEvery, cfg.MetricsEvery = optimizer, lr, 0, 30
		tr := fresh(t, cfg, t.TempDir())
		run(t, tr)
		lines := kinds(metricLines(t, tr.dir), "step")
		first, last := lines[0], lines[len(lines)-1]
		if from, to := first["loss"].(float64), last["loss"].(float64); !(to <= 0.93*from) {
			t.Errorf("%s: loss went from %.3f to %.3f, want a fall of 7 %%", optimizer, from, to)
		}
		if acc := last["accuracy"].(float64); acc < 0.5 {
			t.Errorf("%s: accuracy %.3f at the end, chance is 0.33", optimizer, acc)
		}
	}
}

func TestOnlyTheTrainableSetChanges(t *testing.T) {
	for _, set := range supernet.TrainSets() {
		cfg := quick(6)
		cfg.Train, cfg.LR = set, 0.05
		r := newRig(t, tiny(t), cfg)
		before := values(t, r.store)
		run(t, r.trainer(t, cfg, t.TempDir()))
		after := values(t, r.store)
		changed := map[kernels.ParamKind]int{}
		trained := r.net.Trainable(set, nil)
		for id, p := range r.store.Params() {
			if slices.Equal(before[id], after[id]) {
				continue
			}
			changed[p.Kind]++
			if !slices.Contains(trained, kernels.ParamID(id)) {
				t.Errorf("%s: frozen %s changed", set, p.Name)
			}
		}
		for kind := range kernels.LinearBias + 1 {
			wants := slices.ContainsFunc(trained, func(id kernels.ParamID) bool { return r.store.Params()[id].Kind == kind })
			if wants && changed[kind] == 0 {
				t.Errorf("%s: no parameter of kind %d changed", set, kind)
			}
		}
	}
}

func values(t testing.TB, s kernels.Store) [][]float32 {
	t.Helper()
	all := make([][]float32, len(s.Params()))
	for id, p := range s.Params() {
		all[id] = make([]float32, p.Len())
		if err := s.Read(kernels.Data, all[id], kernels.ParamID(id)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The count of a parameter is the number of updates that contained it. Other parameters do not change.
func TestCounts(t *testing.T) {
	cfg := variants(7)["adamw and classifier"]
	tr := fresh(t, cfg, t.TempDir())
	run(t, tr)
	want := make([]int, len(tr.trained))
	for step := range cfg.Steps {
		p, err := tr.net.Program(cfg.Paths(tr.net.Space, step)[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range tr.net.Trainable(cfg.Train, p) {
			i, found := slices.BinarySearch(tr.trained, id)
			if !found {
				t.Fatalf("parameter %d is not among the trained ones", id)
			}
			want[i]++
		}
	}
	if !slices.Equal(tr.state.Counts, want) {
		t.Errorf("counts are %v, want %v", tr.state.Counts, want)
	}
	if slices.Max(want) != cfg.Steps || slices.Min(want) == cfg.Steps {
		t.Errorf("counts %v: want some parameter in every step, and some not", want)
	}
}

// A strict step must be the update by the sum of its paths' gradients.
func TestStrictStepSumsGradients(t *testing.T) {
	cfg := quick(1)
	cfg.Sampling, cfg.Momentum, cfg.ClipNorm, cfg.LR, cfg.Schedule = Strict, 0, 0, 0.5, Constant
	r := newRig(t, tiny(t), cfg)
	tr := r.trainer(t, cfg, t.TempDir())
	batch, err := r.loader.At(0)
	if err != nil {
		t.Fatal(err)
	}
	before := values(t, r.store)
	sum := map[kernels.ParamID][]float64{}
	for _, a := range cfg.Paths(r.net.Space, 0) {
		p, err := r.net.Program(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.gradient(tr.lane(0), 0, p, 0, showing(batch)); err != nil {
			t.Fatal(err)
		}
		for _, id := range r.net.Trainable(cfg.Train, p) {
			g := make([]float32, len(before[id]))
			if err := r.store.Read(kernels.Grad, g, id); err != nil {
				t.Fatal(err)
			}
			if sum[id] == nil {
				sum[id] = make([]float64, len(g))
			}
			for i, v := range g {
				sum[id][i] += float64(v)
			}
		}
	}
	run(t, tr)
	for id, after := range values(t, r.store) {
		for i, v := range after {
			want := float64(before[id][i])
			if g := sum[kernels.ParamID(id)]; g != nil {
				want -= 0.5 * g[i]
			}
			if !(math.Abs(float64(v)-want) <= 1e-5) {
				t.Fatalf("%s[%d] is %v, want %v", r.store.Params()[id].Name, i, v, want)
			}
		}
	}
}

func TestResumeAtEveryStep(t *testing.T) {
	const steps = 10
	for name, cfg := range variants(steps) {
		whole := fresh(t, cfg, t.TempDir())
		want, wantLines := run(t, whole), metricLines(t, whole.dir)
		for at := 1; at < steps; at++ {
			if name != "uniform sgd" && at%4 != 1 || testing.Short() && at != 5 {
				continue // every step of one variant, some steps of the others; under the race detector one of each
			}
			dir := t.TempDir()
			runUntil(t, fresh(t, cfg, dir), at)
			tr := fresh(t, cfg, dir)
			if err := tr.Resume(); err != nil {
				t.Fatal(err)
			}
			if tr.Step() != at {
				t.Fatalf("%s: resumed at step %d, want %d", name, tr.Step(), at)
			}
			if !bytes.Equal(run(t, tr), want) {
				t.Errorf("%s: interrupted at step %d: the final checkpoint differs", name, at)
			}
			sameLines(t, metricLines(t, dir), wantLines)
		}
	}
}

func sameLines(t testing.TB, got, want []map[string]any) {
	t.Helper()
	g, _ := json.MarshalIndent(got, "", " ")
	w, _ := json.MarshalIndent(want, "", " ")
	if !bytes.Equal(g, w) {
		t.Errorf("metrics are\n%s\nwant\n%s", g, w)
	}
}

func TestMetrics(t *testing.T) {
	cfg := quick(9) // five steps an epoch
	tr := fresh(t, cfg, t.TempDir())
	run(t, tr)
	lines := metricLines(t, tr.dir)
	var got []string
	for _, l := range lines {
		got = append(got, l["kind"].(string)+" "+strings.TrimSuffix(jsonText(t, l["step"]), ".0"))
	}
	want := []string{"step 2", "step 4", "gamma 4", "epoch 5", "step 6", "step 8", "gamma 8", "step 9", "epoch 9", "gamma 9"}
	if !slices.Equal(got, want) {
		t.Errorf("lines are %q, want %q", got, want)
	}
	gamma := kinds(lines, "gamma")[0]["mean_abs_gamma"].(map[string]any)
	for _, g := range tr.net.Space.Genes() {
		options := gamma[g.Name].(map[string]any)
		if len(options) != 4 {
			t.Errorf("gene %s: mean |γ| of %v, want four options (all but none)", g.Name, options)
		}
		for o, v := range options {
			if m := v.(float64); m < 0.3 || m > 3 {
				t.Errorf("gene %s: %s: mean |γ| %v, want it near its start of 1", g.Name, o, m)
			}
		}
	}
}

func jsonText(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRunRefusesAUsedFolder(t *testing.T) {
	cfg := quick(2)
	dir := t.TempDir()
	want := run(t, fresh(t, cfg, dir))
	err := fresh(t, cfg, dir).Run(context.Background(), nil)
	if err == nil || !strings.Contains(err.Error(), "already holds a checkpoint") {
		t.Errorf("Run gave %v", err)
	}
	if !bytes.Equal(readFile(t, checkpointPath(dir)), want) {
		t.Error("the checkpoint changed")
	}
}

func TestBudget(t *testing.T) {
	cfg := quick(100000)
	cfg.MaxTime = 1
	tr := fresh(t, cfg, t.TempDir())
	if err := tr.Run(context.Background(), nil); !errors.Is(err, ErrBudget) {
		t.Fatalf("Run gave %v, want ErrBudget", err)
	}
	again := fresh(t, cfg, tr.dir)
	if err := again.Resume(); err != nil {
		t.Fatal(err)
	}
	if again.Step() != tr.Step() {
		t.Errorf("the checkpoint is of step %d, the run stopped at %d", again.Step(), tr.Step())
	}
}

func TestDivergenceNamesStepPathAndLayer(t *testing.T) {
	cfg := quick(20)
	cfg.CheckpointEvery = 2
	r := newRig(t, tiny(t), cfg)
	tr := r.trainer(t, cfg, t.TempDir())
	stem := r.net.BNs()[0]
	var good []byte
	err := tr.Run(context.Background(), func(p Progress) {
		if p.Step != 5 {
			return
		}
		good = readFile(t, checkpointPath(tr.dir))
		bad := make([]float32, r.net.Params()[stem.Gamma].Len())
		for i := range bad {
			bad[i] = float32(math.NaN())
		}
		if err := r.store.Write(kernels.Data, bad, stem.Gamma); err != nil {
			t.Error(err)
		}
	})
	if err == nil {
		t.Fatal("training went on with γ = NaN")
	}
	path := r.net.Space.Format(cfg.Paths(r.net.Space, 5)[0])
	var diverged *NonFiniteError
	if !errors.As(err, &diverged) || !strings.Contains(err.Error(), "step 5") || !strings.Contains(err.Error(), path) || diverged.Layer == "" {
		t.Errorf("error %q, want step 5, path %s and a layer", err, path)
	}
	if !bytes.Equal(readFile(t, checkpointPath(tr.dir)), good) {
		t.Error("the last good checkpoint was replaced")
	}
}

// TestDivergedIsNoRanking: training that made a parameter boundless in its last step ends with one line that names the step, the
// path, the parameter and a remedy, before any ranking. So does a gradient that is not finite.
func TestDivergedIsNoRanking(t *testing.T) {
	for name, every := range map[string]int{"ranked": 1, "unranked": 0} {
		cfg := quick(1)
		cfg.RankEvery, cfg.LR, cfg.ClipNorm, cfg.Schedule, cfg.MinLR = every, 1e30, 0, Constant, 0
		tr := fresh(t, cfg, t.TempDir())
		tr.Ranker = func(context.Context) ([]float64, error) {
			if tr.Step() > 0 {
				t.Errorf("%s: it is ranked at step %d", name, tr.Step())
			}
			return []float64{1, 2}, nil
		}
		err := tr.Run(context.Background(), nil)
		var diverged *NonFiniteError
		if !errors.As(err, &diverged) || diverged.Layer == "" {
			t.Fatalf("%s: %v", name, err)
		}
		for _, want := range []string{"step 1", "path " + tr.path, "training diverged; take a lower lr"} {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %q, want %q", name, err, want)
			}
		}
	}
	gradient := &kernels.GradientError{Param: 1, Name: "stem.1.weight", Value: float32(math.Inf(1))}
	if err := remedied(fmt.Errorf("cpu: update: %w", gradient)); !strings.Contains(err.Error(), "stem.1.weight") || !strings.Contains(err.Error(), "lower lr") {
		t.Error(err)
	}
}

// An update that overflows must not reach the checkpoint.
func TestOverflowIsNotSaved(t *testing.T) {
	cfg := quick(20)
	cfg.CheckpointEvery, cfg.LR, cfg.ClipNorm, cfg.Schedule, cfg.MinLR = 1, 1e60, 0, Constant, 0
	tr := fresh(t, cfg, t.TempDir())
	err := tr.Run(context.Background(), nil)
	var diverged *NonFiniteError
	if !errors.As(err, &diverged) || !strings.Contains(err.Error(), "step 1") ||
		!strings.Contains(err.Error(), tr.net.Space.Format(cfg.Paths(tr.net.Space, 0)[0])) {
		t.Fatalf("Run gave %v, want step 1, the path and the parameter", err)
	}
	if c, err := loadFile(checkpointPath(tr.dir)); err != nil || c.State.Step != 0 {
		t.Errorf("the checkpoint is %v, %v; want that of step 0", c, err)
	}
}

// TestOverflowInMetrics: an update that overflows is an error of the metrics too, where they show γ and the norms of nodes.
func TestOverflowInMetrics(t *testing.T) {
	for _, optimizer := range []OptimizerName{SGD, AdamW} {
		cfg := quick(1)
		cfg.Optimizer, cfg.GammaEvery, cfg.LR, cfg.ClipNorm, cfg.Schedule, cfg.MinLR = optimizer, 1, 1e60, 0, Constant, 0
		tr := fresh(t, cfg, t.TempDir())
		err := tr.Run(context.Background(), nil)
		var diverged *NonFiniteError
		if !errors.As(err, &diverged) || diverged.Layer == "" {
			t.Fatalf("%s: %v", optimizer, err)
		}
		for _, want := range []string{"step 1", "path " + tr.path, "training diverged; take a lower lr"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, want %q", optimizer, err, want)
			}
		}
	}
}

// TestNormOverflow: β alone can overflow, and does not reach the metrics.
func TestNormOverflow(t *testing.T) {
	tr := fresh(t, quick(1), t.TempDir())
	p, err := tr.net.Program(tr.paths(0)[0])
	if err != nil {
		t.Fatal(err)
	}
	beta := p.BNs[0].Beta
	bad := make([]float32, tr.net.Params()[beta].Len())
	bad[0] = float32(math.Inf(1))
	if err := tr.store.Write(kernels.Data, bad, beta); err != nil {
		t.Fatal(err)
	}
	_, err = tr.gammaLine(0.1, p)
	var diverged *NonFiniteError
	if !errors.As(err, &diverged) || diverged.Layer != "stem" {
		t.Errorf("%v, want a NonFiniteError of stem", err)
	}
}
