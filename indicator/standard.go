package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// twin is the supernet in the standard placement, untrained. It is made when it is first needed.
type twin struct {
	net   *supernet.Net
	store kernels.Store
}

// of fills the twin of net on dev.
func (t *twin) of(net *supernet.Net, dev kernels.Device) error {
	if t.net != nil {
		return nil
	}
	c := net.Config
	c.BN, c.Gamma = supernet.Standard, supernet.GammaOne
	standard, err := supernet.New(c)
	if err != nil {
		return err
	}
	store, err := standard.NewStore(dev)
	if err != nil {
		return fmt.Errorf("untrained standard network: %w", err)
	}
	t.net, t.store = standard, store
	return nil
}

// standard is the architecture in the standard placement, untrained, after a forward of the calibration images with their own
// statistics: what the indicators that need no training look at.
type standard struct {
	program *kernels.Program
	exec    kernels.Exec
	store   kernels.Store
}

// runStandard runs the calibration images through the untrained standard network.
func (e *evidence) runStandard() error {
	if err := e.twin.of(e.net, e.dev); err != nil {
		return err
	}
	p, exec, err := e.compile(e.twin.net, e.twin.store, e.arch, e.cfg.Images)
	if err != nil {
		return err
	}
	if err := exec.Forward(e.images, e.cfg.Images); err != nil {
		return fmt.Errorf("forward of the untrained standard network: %w", err)
	}
	e.standard = standard{p, exec, e.twin.store}
	return nil
}

// inStandard returns evidence of the untrained standard network, for passes that read its features.
func (e *evidence) inStandard() *evidence {
	return &evidence{Scorer: e.Scorer, arch: e.arch, program: e.standard.program, exec: e.standard.exec}
}

// layer is a convolution or the classifier of a Program: where its weight is, and the shape in which it is used.
type layer struct {
	weight kernels.ParamID
	shape  []int
}

// layers lists the convolutions and the classifier of p.
func layers(p *kernels.Program) []layer {
	var all []layer
	for i := range p.Steps {
		s := &p.Steps[i]
		switch s.Op {
		case kernels.OpConv:
			for _, b := range s.Branches {
				all = append(all, layer{b.Weight, p.WeightShape(s, b)})
			}
		case kernels.OpLinear:
			all = append(all, layer{s.Weight, []int{p.Values[s.Out].C, p.Nodes[s.In[0]].C}})
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
