package kerneltest

import (
	"errors"
	"fmt"
	"slices"

	"bnas.example/kernels"

	"golang.org/x/sync/errgroup"
)

// beside: a twin on a device beside gives the same bits at the same time. After other weights are written to it, it gives theirs, and
// the first device those of before. A device that has none beside it passes.
func beside(f Factory, o Options) (err error) {
	c, other := Cell(o.Seed, kernels.Shape{C: 16, H: 8, W: 8}, 2), Cell(o.Seed, kernels.Shape{C: 16, H: 8, W: 8}, 2)
	s, d, err := c.startBeside(f)
	if err != nil || d == nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	want, err := s.logits(c.Images, c.N) // the weights are packed
	if err != nil {
		return err
	}
	store, err := kernels.Twin(d, s.s)
	if err != nil {
		return err
	}
	e, err := d.Compile(c.Program, store, c.Batch)
	if err != nil {
		return err
	}
	twin := &session{other, d, store, e}
	if err := together(s, twin, want, want); err != nil {
		return fmt.Errorf("the same weights: %w", err)
	}
	if err := twin.reverseWeights(); err != nil {
		return err
	}
	fresh, err := other.start(f)
	if err != nil {
		return err
	}
	reversed, err := fresh.logits(c.Images, c.N)
	if err != nil {
		return err
	}
	if err := together(s, twin, want, reversed); err != nil {
		return fmt.Errorf("other weights in the twin: %w", err)
	}
	return nil
}

// startBeside starts a session and opens a device beside its own: nil if there is none.
func (c *Case) startBeside(f Factory) (*session, kernels.Device, error) {
	s, err := c.start(f)
	if err != nil {
		return nil, nil, err
	}
	d, err := kernels.Beside(s.d, 1)
	if errors.Is(err, kernels.ErrUnsupported) {
		return s, nil, nil
	}
	return s, d, err
}

// together runs the images of two sessions at the same time, several times, and compares the bits of their logits.
func together(a, b *session, wantA, wantB []float32) error {
	var both errgroup.Group
	for _, one := range []struct {
		name string
		s    *session
		want []float32
	}{{"the first device", a, wantA}, {"the device beside it", b, wantB}} {
		both.Go(func() error {
			for range 4 {
				got, err := one.s.logits(one.s.Images, one.s.N)
				if err != nil {
					return fmt.Errorf("%s: %w", one.name, err)
				}
				if !slices.Equal(got, one.want) {
					return fmt.Errorf("%s: other logits", one.name)
				}
			}
			return nil
		})
	}
	return both.Wait()
}
