package indicator

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"bnas.example/kernels"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// Scorer computes the terms of architectures of one supernet, on the same images and the same random directions. Use it
// from one goroutine at a time, as its device. It caches the scores of the last networks: call Reset after the parameters have
// changed.
type Scorer struct {
	// Stop, if not nil, is called before each pass, between the parts of a long one, and before the steps of a Program on a
	// device that can stop there (kernels.Stopper). Score returns its error.
	Stop func() error

	net   *supernet.Net
	dev   kernels.Device
	store kernels.Store
	cfg   Config
	want  []bool // by term

	imageLen    int
	images      []float32   // calibration
	labels      []int       // of the calibration images
	resampled   [][]float32 // for each MC-BatchNorm batch: the batch, then the queries
	queryLabels []int
	directions  [][]float32 // over the classes
	probes      map[kernels.Shape]*probe
	convolves   [][]bool // by gene and option
	index       *firstIndex
	twin        *twin
	scratch     []float32

	shares *gammaShares
	known  *networks // the terms of training
	start  *networks // the terms of the start
}

// NewScorer checks the inputs against cfg (zero fields take the defaults) and the supernet's image size, and draws the
// directions.
func NewScorer(net *supernet.Net, dev kernels.Device, store kernels.Store, in Inputs, cfg Config) (*Scorer, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Scorer{net: net, dev: dev, store: store, cfg: cfg, want: make([]bool, len(terms)), index: &firstIndex{}, twin: &twin{dev: dev}}
	wanted := Expand(cfg.Terms)
	for i, t := range terms {
		s.want[i] = len(cfg.Terms) == 0 || slices.Contains(wanted, t.Name)
	}
	if err := s.divide(in); err != nil {
		return nil, err
	}
	convs, err := convolves(net)
	if err != nil {
		return nil, err
	}
	s.convolves = convs
	s.probes = map[kernels.Shape]*probe{}
	s.directions = directions(net.Config.Classes, cfg.Directions, cfg.SeedOfDirections())
	s.start = in.Start.of(net.Config, in, cfg, dev.Info())
	s.Reset()
	return s, nil
}

// beside returns a scorer of the same terms on another device, with a copy of the store there. Both know what the other has measured.
// turn is held while it uses the device of s.
func (s *Scorer) beside(dev kernels.Device, store kernels.Store, turn *sync.Mutex) *Scorer {
	lane := *s
	lane.dev, lane.store = dev, store
	lane.probes, lane.scratch, lane.shares, lane.Stop = map[kernels.Shape]*probe{}, nil, nil, nil
	lane.twin = &twin{dev: dev, lead: s.twin, turn: turn}
	return &lane
}

func (s *Scorer) stopped() error {
	if s.Stop == nil {
		return nil
	}
	return s.Stop()
}

// Reset forgets the scores that depend on the parameters of the store. Those of the untrained standard network remain.
func (s *Scorer) Reset() {
	s.known, s.shares = newNetworks(), nil
}

// divide cuts the inputs into calibration images, queries and resampled batches.
func (s *Scorer) divide(in Inputs) error {
	images, image := len(in.Labels), s.net.Config.Images()
	s.imageLen = image.Len()
	if n := s.cfg.ImagesNeeded(); images < n {
		return fmt.Errorf("indicator: %d labelled images; %d are needed", images, n)
	}
	if len(in.Images) != images*s.imageLen {
		return fmt.Errorf("indicator: %d values for %d images; the supernet takes N×%v", len(in.Images), images, image)
	}
	for i, l := range in.Labels {
		if l < 0 || l >= s.net.Config.Classes {
			return fmt.Errorf("indicator: label %d of image %d; the supernet has %d classes", l, i, s.net.Config.Classes)
		}
	}
	at := func(from, n int) []float32 { return in.Images[from*s.imageLen : (from+n)*s.imageLen] }
	c := s.cfg
	s.images, s.labels = at(0, c.Images), in.Labels[:c.Images]
	queries := at(c.Images, c.MCQueries)
	s.queryLabels = in.Labels[c.Images : c.Images+c.MCQueries]
	for t := range c.MCBatches {
		batch := at(c.Images+c.MCQueries+t*c.MCBatch, c.MCBatch)
		s.resampled = append(s.resampled, append(append([]float32(nil), batch...), queries...))
	}
	return nil
}

// directions returns r Rademacher vectors over the classes. It returns the unit vectors for r = −1, and where r vectors are as many: the sum
// of the kernels of the unit vectors is the full trace. Two vectors over two classes would be parallel for every second seed, and for
// every fourth both be the sum of the logits, which softmax ignores.
func directions(classes, r int, seed uint64) [][]float32 {
	if r < 0 || r >= classes {
		unit := make([][]float32, classes)
		for k := range unit {
			unit[k] = make([]float32, classes)
			unit[k][k] = 1
		}
		return unit
	}
	d := make([][]float32, r)
	for i := range d {
		d[i] = make([]float32, classes)
		philox.New(seed, "ntk direction", uint64(i)).Rademacher(d[i])
	}
	return d
}

// Score computes the terms of a. Terms of the network are computed once for all architectures that are the same network,
// on the first of them in the space's order; without an order, on each itself. Terms of the path (the γ baselines and the counts) are
// computed on a itself. The error names the architecture.
func (s *Scorer) Score(a supernet.Arch) (Scores, error) {
	space := s.net.Space
	if err := supernet.Validate(space, a); err != nil {
		return Scores{}, err
	}
	scores := Scores{Arch: space.Format(a), Canonical: space.Canonical(a), Values: make([]float64, len(terms))}
	if !space.Alive(a) {
		scores.Dead = true
		for i := range scores.Values {
			scores.Values[i] = math.Inf(-1)
		}
		return scores, nil
	}
	measured := s.representative(a, scores.Canonical)
	text := space.Format(measured)
	for _, part := range []struct {
		known *networks
		which func(Term) bool
	}{{s.known, ofTraining}, {s.start, ofStart}} {
		values, err := part.known.of(text).terms(func() ([]float64, error) {
			values := make([]float64, len(terms))
			return values, s.measure(measured, values, part.which)
		})
		if err != nil {
			return Scores{}, fmt.Errorf("indicator: %s: %w", scores.Arch, err)
		}
		for i, t := range terms {
			if part.which(t) {
				scores.Values[i] = values[i]
			}
		}
	}
	if err := s.measure(a, scores.Values, ofPath); err != nil {
		return Scores{}, fmt.Errorf("indicator: %s: %w", scores.Arch, err)
	}
	return scores, nil
}

// ofPath, ofTraining and ofStart divide the terms: those that depend on the path; those that depend on the network and the parameters of
// the store; and those of the untrained standard network, which the training of a supernet leaves as they are.
func ofPath(t Term) bool     { return t.needs&^gammas == 0 }
func ofTraining(t Term) bool { return !ofPath(t) && !ofStart(t) }
func ofStart(t Term) bool    { return t.needs&atStart != 0 }

// representative returns the architecture whose path is measured for a. The scores of a thus do not depend on earlier ones. For all
// architectures that are the same network it is the first in the space's order. In a space without an order, or of more than 65,536
// architectures, it is a: each has its own path in the supernet, and the scores of equal networks differ as those of two seeds of the
// weights do.
func (s *Scorer) representative(a supernet.Arch, canonical string) supernet.Arch {
	space, ok := s.net.Space.(supernet.Ordered)
	if !ok || space.Size() > 1<<16 {
		return a
	}
	return s.index.of(space, canonical)
}

// firstIndex finds the first architecture of a space with a canonical form. It is made when it is first needed.
type firstIndex struct {
	mu sync.Mutex
	at map[string]int
}

func (f *firstIndex) of(space supernet.Ordered, canonical string) supernet.Arch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = map[string]int{}
		for i := space.Size() - 1; i >= 0; i-- {
			f.at[space.Canonical(space.At(i))] = i
		}
	}
	return space.At(f.at[canonical])
}

// measure computes the terms of a live architecture that which selects. A term that is not requested is NaN.
func (s *Scorer) measure(a supernet.Arch, values []float64, which func(Term) bool) error {
	e := &evidence{Scorer: s, arch: a, operators: s.net.Space.Chosen(a), cost: s.net.Space.Cost(a, s.net.Config)}
	var needs passes
	for i, t := range terms {
		if s.want[i] && which(t) {
			needs |= t.needs
		}
	}
	var err error
	switch {
	case needs&^gammas == 0:
	case needs&^(gammas|wiring|atStart) == 0:
		e.program, err = s.net.Program(a)
	default:
		e.program, e.exec, err = s.compile(s.net, s.store, a, max(s.cfg.Images, s.cfg.MCBatch+s.cfg.MCQueries))
	}
	if err != nil {
		return err
	}
	if err := e.gather(needs); err != nil {
		return err
	}
	for i, t := range terms {
		if !which(t) {
			continue
		}
		if !s.want[i] {
			values[i] = math.NaN()
			continue
		}
		if values[i] = t.value(e); math.IsNaN(values[i]) || math.IsInf(values[i], 1) {
			return fmt.Errorf("%s is %v", t.Name, values[i])
		}
	}
	return nil
}

// compile lowers an architecture of a supernet and plans it for batches of up to n images. It stops as the scorer does.
func (s *Scorer) compile(net *supernet.Net, store kernels.Store, a supernet.Arch, n int) (*kernels.Program, kernels.Exec, error) {
	p, err := net.Program(a)
	if err != nil {
		return nil, nil, err
	}
	exec, err := s.dev.Compile(p, store, n)
	if err != nil {
		return nil, nil, err
	}
	kernels.StopWith(exec, s.stopped)
	return p, exec, nil
}

// floats returns scratch memory of n elements, valid until the next call.
func (s *Scorer) floats(n int) []float32 {
	if cap(s.scratch) < n {
		s.scratch = make([]float32, n)
	}
	return s.scratch[:n]
}
