package kerneltest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// session is a case compiled on a device.
type session struct {
	*Case
	d kernels.Device
	s kernels.Store
	e kernels.Exec
}

func (c *Case) on(d kernels.Device) (*session, error) {
	s, err := c.NewStore(d)
	if err != nil {
		return nil, err
	}
	e, err := d.Compile(c.Program, s, c.Batch)
	return &session{c, d, s, e}, err
}

// start makes a device of two threads and a session on it.
func (c *Case) start(f Factory) (*session, error) {
	d, err := f(2)
	if err != nil {
		return nil, err
	}
	return c.on(d)
}

// logits runs Forward and reads the logits.
func (s *session) logits(images []float32, statRows int) ([]float32, error) {
	if err := s.e.Forward(images, statRows); err != nil {
		return nil, err
	}
	n := len(images) / s.Program.Values[kernels.Images].Len()
	out := make([]float32, n*s.Program.Classes())
	return out, s.e.Logits(out)
}

// reverseWeights turns every parameter of the case round, and writes it.
func (s *session) reverseWeights() error {
	for id := range s.Data {
		s.Data[id] = slices.Clone(s.Data[id])
		slices.Reverse(s.Data[id])
		if err := s.s.Write(kernels.Data, s.Data[id], kernels.ParamID(id)); err != nil {
			return err
		}
	}
	return nil
}

// close compares the logits of two runs, of which each may have eight roundings: they add up over the layers.
func (o Options) close(got, want []float32) error {
	wide := func(x []float32) []result {
		data := make([]float64, len(x))
		for i, v := range x {
			data[i] = float64(v)
		}
		return []result{{name: "logits", kind: forward, data: data}}
	}
	w := wide(want)
	return compare(wide(got), w, []float64{8 * o.Rounding.Unit() * largest(w[0].data)}, nil)
}

// offset: the statistics of the Offset network are right to 10⁻⁶ of the mean and 2 % of the variance. A device with less
// precision than float32 cannot reach this.
func offset(f Factory, o Options) error {
	if o.Rounding.Unit() > 0 {
		return nil
	}
	s, err := Offset(o.Seed).start(f)
	if err != nil {
		return err
	}
	if err := s.e.Forward(s.Images, s.N); err != nil {
		return err
	}
	n := s.Program.BNParams() / 2
	mean, variance := make([]float64, n), make([]float64, n)
	if err := s.e.Statistics(mean, variance); err != nil {
		return err
	}
	exact, err := s.Case.on(ref.New())
	if err != nil {
		return err
	}
	if err := exact.e.Forward(s.Images, s.N); err != nil {
		return err
	}
	wantMean, wantVariance := make([]float64, n), make([]float64, n)
	if err := exact.e.Statistics(wantMean, wantVariance); err != nil {
		return err
	}
	for i := range mean {
		if !(math.Abs(mean[i]-wantMean[i]) <= 1e-6*wantMean[i]) || !(math.Abs(variance[i]-wantVariance[i]) <= 0.02*wantVariance[i]) {
			return fmt.Errorf("offset: channel %d: mean %.9g and variance %.3g, the reference has %.9g and %.3g", i, mean[i], variance[i], wantMean[i], wantVariance[i])
		}
	}
	return nil
}

// queryRows: further images that repeat images of the statistics get the same logits as in a training forward, and do
// not change the statistics.
func queryRows(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 8, H: 6, W: 5}, 6)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	size := s.Program.Values[kernels.Images].Len()
	train, err := s.logits(c.Images[:4*size], 4)
	if err != nil {
		return err
	}
	images := slices.Clone(c.Images[:6*size])
	copy(images[4*size:], images[size:3*size])
	got, err := s.logits(images, 4)
	if err != nil {
		return err
	}
	k := s.Program.Classes()
	return o.close(got, slices.Concat(train, train[k:3*k]))
}

// onOneDevice starts two cases on one device.
func onOneDevice(f Factory, first, second *Case) (a, b *session, err error) {
	if a, err = first.start(f); err == nil {
		b, err = second.on(a.d)
	}
	return a, b, err
}

// interleaved: an Exec keeps its statistics while another Exec uses the device's arena, and then gives the same bits.
func interleaved(f Factory, o Options) error {
	small, large := Random(o.Seed+1000), Cell(o.Seed, kernels.Shape{C: 12, H: 9, W: 8}, 4)
	a, b, err := onOneDevice(f, small, large)
	if err != nil {
		return err
	}
	before, err := a.logits(small.Images, small.N)
	if err != nil {
		return err
	}
	if _, err := b.logits(large.Images, large.N); err != nil {
		return err
	}
	if err := errors.Join(b.e.CrossEntropy(large.Labels, 0), b.e.Backward(kernels.DifferentiateStatistics, false)); err != nil {
		return err
	}
	left, err := a.logits(small.Images, 0)
	if err != nil {
		return fmt.Errorf("statistics left before another Exec ran: %w", err)
	}
	if err := o.close(left, before); err != nil {
		return fmt.Errorf("statistics left before another Exec ran: %w", err)
	}
	again, err := a.logits(small.Images, small.N)
	if err != nil {
		return err
	}
	if !slices.Equal(again, before) {
		return fmt.Errorf("%s: other logits after another Exec ran", small.Name)
	}
	return nil
}

// repeated: passes that have run several times, which a device may have recorded, give the same bits after the device has needed more
// memory: for gradients of weights, and for another Exec.
func repeated(f Factory, o Options) error {
	small, large := Cell(o.Seed, kernels.Shape{C: 8, H: 5, W: 6}, 2), Cell(o.Seed, kernels.Shape{C: 16, H: 9, W: 8}, 4)
	a, b, err := onOneDevice(f, small, large)
	if err != nil {
		return err
	}
	var first [2][]float32
	for i, run := range []struct {
		*session
		weights int
	}{{a, 0}, {a, 0}, {a, 0}, {a, 1}, {a, 0}, {a, 1}, {a, 1}, {b, 1}, {a, 0}, {a, 1}} {
		got, err := run.pass(run.weights == 1)
		switch {
		case err != nil:
			return fmt.Errorf("%s: pass %d: %w", run.Name, i+1, err)
		case run.session == b:
		case first[run.weights] == nil:
			first[run.weights] = got
		case !slices.Equal(got, first[run.weights]):
			return fmt.Errorf("%s: pass %d has other bits than the first of its kind", run.Name, i+1)
		}
	}
	return nil
}

// pass runs the case forward and back. It returns the logits and the gradients that the pass writes.
func (s *session) pass(weights bool) ([]float32, error) {
	results, err := s.logits(s.Images, s.N)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.e.CrossEntropy(s.Labels, 0.1), s.e.Backward(kernels.DifferentiateStatistics, weights)); err != nil {
		return nil, err
	}
	for id, p := range s.Params {
		if p.Kind == kernels.ConvWeight && !weights {
			continue
		}
		gradient := make([]float32, p.Len())
		if err := s.s.Read(kernels.Grad, gradient, kernels.ParamID(id)); err != nil {
			return nil, err
		}
		results = append(results, gradient...)
	}
	return results, nil
}

// weightsWritten: a Write to a parameter's Data takes effect in the next Forward, even if a packed copy exists.
func weightsWritten(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 16, H: 8, W: 8}, 2)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	if _, err := s.logits(c.Images, c.N); err != nil {
		return err
	}
	if err := s.reverseWeights(); err != nil {
		return err
	}
	got, err := s.logits(c.Images, c.N)
	if err != nil {
		return err
	}
	exact, err := c.on(ref.New())
	if err != nil {
		return err
	}
	want, err := exact.logits(c.Images, c.N)
	if err != nil {
		return err
	}
	return o.close(got, want)
}
