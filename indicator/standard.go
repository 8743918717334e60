package indicator

import (
	"cmp"
	"fmt"
	"sync"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// twin is the supernet in the standard placement, untrained, and its thinnest. They are made when they are first needed.
type twin struct {
	dev   kernels.Device
	lead  *twin       // that of the scorer of which this is a lane; nil: it is none
	turn  *sync.Mutex // held while a lane uses the device of its lead
	mu    sync.Mutex
	net   *supernet.Net
	store kernels.Store
	thin  *supernet.Net
}

// make makes the twin of net, once. It has the weights of its convolutions in common with trained, the store of net, where they are equal.
func (t *twin) make(net *supernet.Net, trained kernels.Store) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.net != nil {
		return nil
	}
	if t.lead != nil {
		return t.copy(net, trained)
	}
	standard, err := supernet.New(untrainedStandard(net.Config))
	if err != nil {
		return err
	}
	store, err := standard.NewStore(t.dev)
	if err == nil {
		err = kernels.Share(t.dev, store, trained)
	}
	if err != nil {
		return ofStandard(err)
	}
	t.net, t.store = standard, store
	return nil
}

// untrainedStandard is the supernet of a configuration in the standard placement, as no training changes it.
func untrainedStandard(c supernet.Config) supernet.Config {
	c.BN, c.Gamma = supernet.Standard, supernet.GammaOne
	return c
}

// copy copies that of the lead, which may not be in use. Leads of one device are copied in turn.
func (t *twin) copy(net *supernet.Net, trained kernels.Store) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if err := t.lead.make(net, trained); err != nil {
		return err
	}
	store, err := kernels.Twin(t.dev, t.lead.store)
	if err != nil {
		return ofStandard(err)
	}
	t.net, t.store = t.lead.net, store
	return nil
}

// ofStandard says of which network an error is.
func ofStandard(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("untrained standard network: %w", err)
}

// standard is the architecture in the standard placement, untrained: what the indicators that need no training look at.
type standard struct {
	program *kernels.Program
	exec    kernels.Exec
	store   kernels.Store
}

// buildStandard compiles the architecture in the standard placement.
func (e *evidence) buildStandard() error {
	if err := e.twin.make(e.net, e.store); err != nil {
		return err
	}
	p, exec, err := e.compile(e.twin.net, e.twin.store, e.arch, e.cfg.Images)
	if err != nil {
		return err
	}
	e.standard = standard{p, exec, e.twin.store}
	return nil
}

// runStandard runs the calibration images through the untrained standard network, with their own statistics.
func (e *evidence) runStandard() error { return e.standard.forward(e.images, e.cfg.Images) }

// forward runs n images with their own statistics.
func (s standard) forward(images []float32, n int) error {
	if err := s.exec.Forward(images, n); err != nil {
		return fmt.Errorf("forward of the untrained standard network: %w", err)
	}
	return nil
}

// backward differentiates the mean cross-entropy of the last Forward by all weights, batch statistics included.
func (s standard) backward(labels []int) error {
	if err := s.exec.CrossEntropy(labels, 0); err != nil {
		return fmt.Errorf("cross-entropy of the untrained standard network: %w", err)
	}
	if err := s.exec.Backward(kernels.DifferentiateStatistics, true); err != nil {
		return fmt.Errorf("backward of the untrained standard network: %w", err)
	}
	return nil
}

// backwardFrom differentiates by all weights, from a gradient of the logits of the last Forward.
func (s standard) backwardFrom(logits []float32, statistics kernels.StatGrad) error {
	if err := s.exec.SetLogitGradient(logits); err != nil {
		return fmt.Errorf("gradient of the logits of the untrained standard network: %w", err)
	}
	if err := s.exec.Backward(statistics, true); err != nil {
		return fmt.Errorf("backward of the untrained standard network: %w", err)
	}
	return nil
}

// gradients reads the gradient of each layer's weight.
func (s standard) gradients() ([][]float32, error) {
	var all [][]float32
	for _, l := range layers(s.program) {
		g, err := l.read(s.store, kernels.Grad)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// scaled calls f while the weight of each of some layers is that of the supernet times factor(weight).
func (s standard) scaled(some []layer, factor func(kernels.Param) float64, f func() error) (err error) {
	for _, l := range some {
		param := s.store.Params()[l.weight]
		was, now := make([]float32, param.Len()), make([]float32, param.Len())
		if err := s.store.Read(kernels.Data, was, l.weight); err != nil {
			return fmt.Errorf("%s: %w", param.Name, err)
		}
		by := factor(param)
		for i, w := range was {
			now[i] = float32(by * float64(w))
		}
		defer func() { err = cmp.Or(err, s.store.Write(kernels.Data, was, l.weight)) }()
		if err := s.store.Write(kernels.Data, now, l.weight); err != nil {
			return fmt.Errorf("%s: %w", param.Name, err)
		}
	}
	return f()
}

// inStandard returns evidence of the untrained standard network, for passes that read its features.
func (e *evidence) inStandard() *evidence {
	return &evidence{Scorer: e.Scorer, arch: e.arch, program: e.standard.program, exec: e.standard.exec}
}

// layer is a convolution or the classifier of a Program: where its weight is, the shape in which it is used, and what it stores.
type layer struct {
	weight kernels.ParamID
	shape  []int
	out    kernels.ValueID
}

// layers lists the convolutions and the classifier of p.
func layers(p *kernels.Program) []layer {
	var all []layer
	for i := range p.Steps {
		s := &p.Steps[i]
		switch s.Op {
		case kernels.OpConv:
			for _, b := range s.Branches {
				all = append(all, layer{b.Weight, p.WeightShape(s, b), b.Out})
			}
		case kernels.OpLinear:
			all = append(all, layer{s.Weight, []int{p.Values[s.Out].C, p.Nodes[s.In[0]].C}, s.Out})
		}
	}
	return all
}

// read reads a slot of the layer's weight, as far as the Program uses it.
func (l layer) read(s kernels.Store, slot kernels.Slot) ([]float32, error) {
	param := s.Params()[l.weight]
	whole := make([]float32, param.Len())
	if err := s.Read(slot, whole, l.weight); err != nil {
		return nil, fmt.Errorf("%s: %w", param.Name, err)
	}
	return kernels.Gather(param.View(l.shape...), whole), nil
}
