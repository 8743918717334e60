package kerneltest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
)

// queued: the results of the calls that do not wait are those of the calls that do, whatever is called before Wait; a gradient that
// is not finite is reported by Wait; and after Close there is no result, unless it was Ready.
func queued(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 8, H: 6, W: 5}, 3)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	want, err := s.figures(false)
	if err != nil {
		return err
	}
	got, err := s.figures(true)
	if err != nil {
		return err
	}
	if err := got.same(want); err != nil {
		return err
	}
	if err := s.queuedRefusal(); err != nil {
		return err
	}
	return s.unfinished()
}

// figures are the results of a step. The parameters are those of the case again afterwards.
type figures struct {
	loss           kernels.Loss
	norm           float64
	mean, variance []float64
	gradient, next []float32 // of all parameters; the parameters after the update
}

func (f figures) same(want figures) error {
	switch {
	case f.loss != want.loss:
		return fmt.Errorf("a queued loss is %v, must be %v", f.loss, want.loss)
	case f.norm != want.norm:
		return fmt.Errorf("a queued norm is %v, must be %v", f.norm, want.norm)
	case !slices.Equal(f.mean, want.mean) || !slices.Equal(f.variance, want.variance):
		return errors.New("queued statistics are not those of the step")
	case !slices.Equal(f.gradient, want.gradient):
		return errors.New("a queued read of gradients has not those of the step")
	case !slices.Equal(f.next, want.next):
		return errors.New("a queued update has other parameters")
	}
	return nil
}

// figures makes a step. If it is queued, it waits for the results, in another order, after a step of another Exec.
func (s *session) figures(queued bool) (f figures, err error) {
	ids, channels := kernels.AllIDs(s.Params), s.Program.BNParams()/2
	n := kernels.Elements(s.Params, ids)
	f.mean, f.variance = make([]float64, channels), make([]float64, channels)
	f.gradient, f.next = make([]float32, n), make([]float32, n)
	rule := kernels.Update{Kind: kernels.SGD, LR: 0.1}
	if err := errors.Join(s.e.Forward(s.Images, s.N), s.e.CrossEntropy(s.Labels, 0.1)); err != nil {
		return f, err
	}
	loss := s.e.QueueLoss()
	if !queued {
		if f.loss.Mean, f.loss.Correct, err = s.e.Loss(); err != nil {
			return f, err
		}
		if err := errors.Join(s.e.Statistics(f.mean, f.variance), s.e.Backward(kernels.DifferentiateStatistics, true), s.s.Read(kernels.Grad, f.gradient, ids...)); err != nil {
			return f, err
		}
		if f.norm, err = s.s.Update(rule, ids); err != nil {
			return f, err
		}
		return f, errors.Join(s.s.Read(kernels.Data, f.next, ids...), s.fill(s.s))
	}
	statistics := s.e.QueueStatistics(f.mean, f.variance)
	if err := s.e.Backward(kernels.DifferentiateStatistics, true); err != nil {
		return f, err
	}
	gradient := s.s.QueueRead(kernels.Grad, f.gradient, ids...)
	norm := s.s.QueueUpdate(rule, ids)
	next := s.s.QueueRead(kernels.Data, f.next, ids...)
	if err := s.otherStep(rule, ids); err != nil {
		return f, err
	}
	_, errNext := next.Wait()
	_, errGradient := gradient.Wait()
	_, errStatistics := statistics.Wait()
	var errLoss, errNorm error
	f.loss, errLoss = loss.Wait()
	f.norm, errNorm = norm.Wait()
	again, _ := loss.Wait()
	if again != f.loss || !loss.Ready() {
		return f, errors.New("a second Wait has another result")
	}
	return f, errors.Join(errNext, errGradient, errStatistics, errLoss, errNorm, s.fill(s.s))
}

// otherStep makes a step of another Exec and other labels, and changes the statistics of the first.
func (s *session) otherStep(rule kernels.Update, ids []kernels.ParamID) error {
	e, err := s.d.Compile(s.Program, s.s, s.Batch)
	if err != nil {
		return err
	}
	images, labels := slices.Clone(s.Images), slices.Clone(s.Labels)
	slices.Reverse(images)
	for i := range labels {
		labels[i] = (labels[i] + 1) % s.Program.Classes()
	}
	channels := s.Program.BNParams() / 2
	ones := slices.Repeat([]float64{1}, channels)
	if err := errors.Join(e.Forward(images, s.N), e.CrossEntropy(labels, 0), e.Backward(kernels.DifferentiateStatistics, true), s.e.SetStatistics(ones, ones)); err != nil {
		return err
	}
	_, err = s.s.QueueUpdate(rule, ids).Wait()
	return err
}

// queuedRefusal: an update with a gradient that is not finite changes nothing, and Wait names the parameter, also when another
// gradient is there since.
func (s *session) queuedRefusal() error {
	ids := kernels.AllIDs(s.Params)
	last := ids[len(ids)-1]
	finite := make([]float32, s.Params[last].Len())
	bad := slices.Clone(finite)
	bad[len(bad)-1] = float32(math.Inf(1))
	n := kernels.Elements(s.Params, ids)
	before, after := make([]float32, n), make([]float32, n)
	if err := errors.Join(s.s.Write(kernels.Grad, make([]float32, n), ids...), s.s.Write(kernels.Grad, bad, last), s.s.Read(kernels.Data, before, ids...)); err != nil {
		return err
	}
	refused := s.s.QueueUpdate(kernels.Update{Kind: kernels.SGD, LR: 0.1, WeightDecay: 0.1, WeightDecayWeights: 0.1}, ids)
	if err := s.s.Write(kernels.Grad, finite, last); err != nil {
		return err
	}
	_, err := refused.Wait()
	var gradient *kernels.GradientError
	if !errors.As(err, &gradient) || gradient.Param != last || gradient.Element != len(bad)-1 {
		return fmt.Errorf("a queued update with an infinite gradient: error %v, must name parameter %d and its element %d", err, last, len(bad)-1)
	}
	if v := float64(gradient.Value); !math.IsInf(v, 1) && !math.IsNaN(v) {
		return fmt.Errorf("the infinite gradient is said to be %v", v)
	}
	if err := s.s.Read(kernels.Data, after, ids...); err != nil {
		return err
	}
	if !slices.Equal(after, before) {
		return errors.New("a queued update with an infinite gradient changes parameters")
	}
	return nil
}

// unfinished: a result that nobody has waited for does no harm, and is gone after Close.
func (s *session) unfinished() error {
	if err := errors.Join(s.e.Forward(s.Images, s.N), s.e.CrossEntropy(s.Labels, 0)); err != nil {
		return err
	}
	want := s.e.QueueLoss()
	ready := want.Ready()
	if err := s.d.Close(); err != nil {
		return err
	}
	if _, err := want.Wait(); ready != (err == nil) {
		return fmt.Errorf("a loss that is ready (%v) and asked for after Close: error %v", ready, err)
	}
	return nil
}
