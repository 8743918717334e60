package kerneltest

import (
	"errors"
	"fmt"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// stopped: a pass that is stopped before any step of the Program returns the error of stop, and later passes have the bits that
// they had before. It is nothing to a device whose Execs are no Stoppers.
func stopped(f Factory, o Options) error {
	d, err := f(2)
	if err != nil {
		return err
	}
	c := Cell(o.Seed, kernels.Shape{C: 8, H: 6, W: 5}, 3)
	seen, err := observe(c, d, nil, ref.Rounding{})
	if err != nil {
		return err
	}
	if _, ok := kernels.Unwrap(seen.e).(kernels.Stopper); !ok {
		return d.Close()
	}
	before := seen.results
	for _, pass := range passes(c, seen.e) {
		if err := stopEverywhere(c, seen.e, pass.run); err != nil {
			return fmt.Errorf("%s: %w", pass.name, err)
		}
	}
	if err := noResults(c, seen.e); err != nil {
		return err
	}
	if err := seen.all(); err != nil {
		return err
	}
	return errors.Join(sameBits(seen.results, before), d.Close())
}

// noResults: after a stopped Forward there are neither logits nor statistics.
func noResults(c *Case, e kernels.Exec) error {
	kernels.StopWith(e, func() error { return errors.New("stop") })
	defer kernels.StopWith(e, nil)
	if e.Forward(c.Images, c.N) == nil {
		return errors.New("a stopped Forward goes on")
	}
	channels := c.Program.BNParams() / 2
	if e.Statistics(make([]float64, channels), make([]float64, channels)) == nil || e.Logits(make([]float32, c.N*c.Program.Classes())) == nil {
		return errors.New("a stopped Forward has results")
	}
	return nil
}

// pass is a call that goes through the steps of a Program.
type pass struct {
	name string
	run  func() error
}

func passes(c *Case, e kernels.Exec) []pass {
	p := c.Program
	from, to := p.Steps[len(p.Steps)-1].In[0], p.Steps[1].In[0]
	sample := make([]float32, c.N*p.BNParams())
	seed, back := make([]float32, c.N*p.Nodes[from].Len()), make([]float32, c.N*p.Nodes[to].Len())
	size, err := p.NodeProducts(to, from)
	if err != nil {
		panic(err)
	}
	products := make([]float64, size)
	return []pass{
		{"Forward", func() error { return e.Forward(c.Images, c.N) }},
		{"Backward", func() error { return e.Backward(kernels.DifferentiateStatistics, false) }},
		{"SampleGradients", func() error { return e.SampleGradients(sample) }},
		{"NodeGradient", func() error { return e.NodeGradient(back, to, seed, from) }},
		{"NodeProducts", func() error { return e.NodeProducts(products, to, seed, from) }},
	}
}

// stopEverywhere stops a pass before its first step, its second step and so on, and at last lets it run to its end.
func stopEverywhere(c *Case, e kernels.Exec, run func() error) error {
	defer kernels.StopWith(e, nil)
	errStop := errors.New("stop")
	for steps := 0; ; steps++ {
		kernels.StopWith(e, nil)
		if err := errors.Join(e.Forward(c.Images, c.N), e.CrossEntropy(c.Labels, 0)); err != nil {
			return err
		}
		left := steps
		kernels.StopWith(e, func() error {
			if left--; left < 0 {
				return errStop
			}
			return nil
		})
		switch err := run(); {
		case err == nil && left < 0:
			return errors.New("it goes on after it was stopped")
		case err == nil && steps < 2:
			return fmt.Errorf("it asks %d times whether to stop", steps)
		case err == nil:
			return nil
		case !errors.Is(err, errStop):
			return err
		}
	}
}
