package study

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"bnas.example/internal/setting"
	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/ntk"
	"bnas.example/run"
	"bnas.example/supernet"
)

var tangent = Study{
	Name:      "ntk",
	Claim:     "Networks trained in BatchNorm only reach the regime of the neural tangent kernel, with the dynamics of training all weights.",
	QuickTime: "3 minutes", FullTime: "3 hours",
	Base: tangentBase, Cells: tangentCells, Sample: tangentSample, Show: showTangent,
}

// The networks, and the statistics of their BatchNorms.
const (
	cellSpace         = "nas-bench-201"
	bottleneckSpace   = "nas-bench-macro"
	tangentCell       = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
	tangentBottleneck = "12121211" // its blocks end in a linear bottleneck

	batchStatistics  = "batch"  // of the images in each step
	frozenStatistics = "frozen" // of the images at initialisation
)

// matchedRate is η·λ_max(Θ_0)/n: the linear network is stable below 2.
const matchedRate = 0.5

// tangentWith are the settings of a cell beside those of its run.
type tangentWith struct {
	Arch       string            `yaml:"arch"`
	Images     int               `yaml:"images"`
	Statistics string            `yaml:"statistics"`
	Train      supernet.TrainSet `yaml:"train,omitempty"` // of a course
	Steps      []int             `yaml:"steps,omitempty"`
	Kernels    []int             `yaml:"kernels,omitempty"` // the steps with a kernel
	Rate       float64           `yaml:"rate,omitempty"`    // matchedRate
}

func tangentBase(quick bool) Settings {
	s := Settings{Run: run.Default(), Quick: quick, Seeds: 5, Networks: 64}
	s.Run.Numerics = string(cpu.Strict) // small differences of a network from itself are measured
	net, score := &s.Run.Supernet, &s.Run.Score
	net.Cells, net.Channels = 1, 8
	s.Run.Train.Steps, score.NTKImages = 1024, 16
	if quick {
		s.Networks, net.Channels = 24, 4
		s.Run.Train.Steps, score.NTKImages = 64, 12
	}
	return s
}

// checkTangent returns an error if a setting is not that of the base and has no effect.
func checkTangent(s Settings) error {
	if s.Run.Supernet.Space != cellSpace {
		return setting.Errorf("supernet.space", "%s: the networks of the study ntk are of %s and %s", s.Run.Supernet.Space, cellSpace, bottleneckSpace)
	}
	if s.Run.Train.Steps == 0 {
		return setting.Errorf("train.steps", "0: the study ntk has all images in one batch; give the steps")
	}
	base := tangentBase(s.Quick).Run
	base.SetSeed(s.Run.Seed)
	base.Train.Steps, base.Score.NTKImages = s.Run.Train.Steps, s.Run.Score.NTKImages
	for _, part := range []struct {
		name      string
		base, now any
	}{
		{"train", base.Train, s.Run.Train}, {"score", base.Score, s.Run.Score}, {"objective", base.Objective, s.Run.Objective}, {"data.augment", base.Data.Augment, s.Run.Data.Augment},
	} {
		before, err := leaves(part.base)
		if err != nil {
			return err
		}
		after, err := leaves(part.now)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(after)) {
			if before[key] != after[key] {
				return setting.Errorf(part.name+"."+key, "%s: has no effect on the study ntk, which trains by plain descent at a rate of its own; leave it out", after[key])
			}
		}
	}
	return nil
}

// leaves lists settings by their dotted keys.
func leaves(settings any) (map[string]string, error) {
	text, err := yaml.Marshal(settings)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	all := map[string]string{}
	flatten("", tree, all)
	return all, nil
}

// tangentWidths are the multiples of the channels.
func (s Settings) tangentWidths() []int {
	if s.Quick {
		return []int{1, 2, 4}
	}
	return []int{1, 2, 4, 8}
}

// tangentSteps lists the steps after which the outputs and the kernels are looked at: powers of two and of four, and the last.
func (s Settings) tangentSteps() (outputs, kernels []int) {
	last := s.Run.Train.Steps
	for step := 1; step < last; step *= 2 {
		outputs = append(outputs, step)
	}
	for step := 4; step < last; step *= 4 {
		kernels = append(kernels, step)
	}
	return append(outputs, last), append(kernels, last)
}

func (s Settings) tangentImages() int { return s.Run.Score.NTKImages }

// courseCell names the cell of a course.
type courseCell struct {
	statistics string
	width      int
	seed       uint64
	train      supernet.TrainSet
}

func (c courseCell) name() string {
	return fmt.Sprintf("%s-x%d-seed%d-%s", c.statistics, c.width, c.seed, c.train)
}

// pairCell names a cell that compares the kernels of γ and of the weights before it.
type pairCell struct {
	space string
	width int
	seed  uint64
}

func (c pairCell) name() string { return fmt.Sprintf("pairs-%s-x%d-seed%d", c.space, c.width, c.seed) }

func networkCell(i int) string { return fmt.Sprintf("network%03d", i) }

var tangentTrained = []supernet.TrainSet{supernet.AllBN, supernet.All}

// courses lists the cells of the courses in width.
func (s Settings) courses() (all []courseCell) {
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		for _, width := range s.tangentWidths() {
			for _, seed := range s.seeds() {
				for _, train := range tangentTrained {
					all = append(all, courseCell{statistics, width, seed, train})
				}
			}
		}
	}
	return all
}

// pairs lists the cells of the pairs.
func (s Settings) pairs() (all []pairCell) {
	for _, space := range []string{cellSpace, bottleneckSpace} {
		for _, width := range s.tangentWidths() {
			for _, seed := range s.seeds() {
				all = append(all, pairCell{space, width, seed})
			}
		}
	}
	return all
}

func tangentCells(s Settings) ([]Cell, error) {
	if err := checkTangent(s); err != nil {
		return nil, err
	}
	steps, kernelSteps := s.tangentSteps()
	var cells []Cell
	for _, c := range s.courses() {
		with := tangentWith{tangentCell, s.tangentImages(), c.statistics, c.train, steps, kernelSteps, matchedRate}
		cells = append(cells, with.course(c.name(), s.widened(c.width, c.seed)))
	}
	for _, c := range s.pairs() {
		with := tangentWith{Arch: tangentCell, Images: s.tangentImages(), Statistics: batchStatistics}
		cfg := s.widened(c.width, c.seed)
		if c.space == bottleneckSpace {
			with.Arch = tangentBottleneck
			cfg.Supernet.Space, cfg.Supernet.Cells = bottleneckSpace, 0
		}
		cells = append(cells, with.pairs(c.name(), cfg))
	}
	cfg := s.widened(2, s.Run.Seed)
	net, err := supernet.New(cfg.Supernet)
	if err != nil {
		return nil, err
	}
	sample, err := tangentSample(s, net, nil)
	if err != nil {
		return nil, err
	}
	for i, a := range sample {
		with := tangentWith{net.Space.Format(a), s.tangentImages(), batchStatistics, supernet.AllBN, steps, kernelSteps[len(kernelSteps)-1:], matchedRate}
		cells = append(cells, with.course(networkCell(i), cfg))
	}
	return cells, nil
}

func tangentSample(s Settings, net *supernet.Net, _ *Truth) ([]supernet.Arch, error) {
	return run.LiveSample(net, s.Networks, s.Run.Seed, "study ntk networks"), nil
}

// widened returns the configuration of a cell.
func (s Settings) widened(width int, seed uint64) run.Config {
	cfg := s.Run
	cfg.Supernet.Channels *= width
	cfg.SetSeed(seed)
	return cfg
}

func (w tangentWith) course(name string, cfg run.Config) Cell {
	return Cell{Name: name, Run: cfg, With: w, Compute: func(ctx context.Context, s *Site) (any, error) {
		r, t, err := w.open(ctx, s)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		t.report = func(phase string, done, total int) { s.Report(phase, done, total, "") }
		return t.run(ctx, w.Train, w.Steps, w.Kernels)
	}}
}

// pairFigures are those of a pair.
type pairFigures struct {
	Name string   `json:"name"`
	Case ntk.Case `json:"case"`
	ntk.Identity
}

func (w tangentWith) pairs(name string, cfg run.Config) Cell {
	return Cell{Name: name, Run: cfg, With: w, Compute: func(ctx context.Context, s *Site) (any, error) {
		r, t, err := w.open(ctx, s)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		pairs := ntk.Pairs(t.program, t.net.Params())
		ids, err := ntk.Identities(t.exec, t.store, t.images, t.how, pairs)
		if err != nil {
			return nil, err
		}
		all := make([]pairFigures, len(pairs))
		for i, p := range pairs {
			all[i] = pairFigures{p.Name, p.Case, ids[i]}
		}
		return all, nil
	}}
}

// open prepares the network of a cell, with the statistics of its images. The kernels of a wide one take a minute: a pass ends with the
// context.
func (w tangentWith) open(ctx context.Context, s *Site) (_ *run.Run, _ *tangentTask, err error) {
	r, err := s.Untrained()
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	batch, err := r.UnseenImages(w.Images, s.Run.Seed, "study ntk images")
	if err != nil {
		return nil, nil, err
	}
	a, err := r.Net.Space.Parse(w.Arch)
	if err != nil {
		return nil, nil, err
	}
	p, err := r.Net.Program(a)
	if err != nil {
		return nil, nil, err
	}
	e, err := r.Device.Compile(p, r.Store, w.Images)
	if err != nil {
		return nil, nil, err
	}
	kernels.StopWith(e, ctx.Err)
	t := &tangentTask{net: r.Net, program: p, exec: e, store: r.Store, images: batch.Images, labels: batch.Labels}
	if w.Statistics == frozenStatistics {
		t.how = kernels.FreezeStatistics
	}
	return r, t, e.Forward(t.images, w.Images)
}
