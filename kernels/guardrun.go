package kernels

import (
	"errors"
	"fmt"
)

func (e *guardedExec) Forward(images []float32, statRows int) error {
	return e.forward("Forward", len(images), statRows, func() error { return e.exec.Forward(images, statRows) })
}

// forward checks a forward pass of images with so many elements, and runs it.
func (e *guardedExec) forward(call string, elements, statRows int, run func() error) error {
	err := e.gone()
	n := 0
	if err == nil {
		n, err = e.p.checkForward(elements, e.most, statRows, e.known)
	}
	if err == nil {
		err = e.checkFactored(n)
	}
	if err != nil {
		return e.wrap(call, err)
	}
	e.n, e.scored, e.seeded, e.guard.owner = 0, false, false, nil
	if err := run(); err != nil {
		e.known = e.known && statRows == 0 // new statistics may be half written
		return e.wrap(call, err)
	}
	e.n, e.statRows, e.known, e.guard.owner = n, statRows, true, e
	return nil
}

func (e *guardedExec) Restrict(n int) error {
	err := e.ready()
	if err == nil && (n < 1 || n > e.n) {
		err = fmt.Errorf("%d images of %d", n, e.n)
	}
	if err == nil {
		err = e.exec.Restrict(n)
	}
	if err != nil {
		return e.wrap("Restrict", err)
	}
	e.n, e.statRows, e.scored, e.seeded = n, 0, false, false
	return nil
}

func (e *guardedExec) Logits(dst []float32) error {
	err := e.checkLogits("logits", len(dst))
	if err == nil {
		err = e.exec.Logits(dst)
	}
	return e.wrap("Logits", err)
}

// checkLogits returns an error if a slice does not have n×Classes elements.
func (e *guardedExec) checkLogits(which string, length int) error {
	if err := e.ready(); err != nil {
		return err
	}
	return checkLength(which, length, e.n*e.p.Classes())
}

func (e *guardedExec) CrossEntropy(labels []int, smoothing float64) error {
	err := e.checkLabels(labels, smoothing)
	if err == nil {
		err = e.exec.CrossEntropy(labels, smoothing)
	}
	if err != nil {
		return e.wrap("CrossEntropy", err)
	}
	e.scored, e.seeded = true, true
	return nil
}

func (e *guardedExec) checkLabels(labels []int, smoothing float64) error {
	if err := e.ready(); err != nil {
		return err
	}
	if err := checkLength("labels", len(labels), e.n); err != nil {
		return err
	}
	return checkLabels(labels, smoothing, e.p.Classes())
}

func (e *guardedExec) Loss() (loss float64, correct int, err error) {
	if err = e.hasLoss(); err == nil {
		loss, correct, err = e.exec.Loss()
	}
	return loss, correct, e.wrap("Loss", err)
}

func (e *guardedExec) QueueLoss() *Pending[Loss] {
	wrap := func(err error) error { return e.wrap("QueueLoss", err) }
	if err := e.hasLoss(); err != nil {
		return Done(Loss{}, wrap(err))
	}
	return pending(e.guard, e.exec.QueueLoss(), wrap)
}

// hasLoss returns an error if there is no loss of the last Forward.
func (e *guardedExec) hasLoss() error {
	if err := e.ready(); err != nil {
		return err
	}
	if !e.scored {
		return errors.New("needs a CrossEntropy since the last Forward")
	}
	return nil
}

func (e *guardedExec) SetLogitGradient(d []float32) error {
	err := e.checkLogits("gradient", len(d))
	if err == nil {
		err = e.exec.SetLogitGradient(d)
	}
	if err != nil {
		return e.wrap("SetLogitGradient", err)
	}
	e.seeded = true
	return nil
}

func (e *guardedExec) Backward(s StatGrad, weights bool) error {
	err := e.ready()
	if err == nil {
		err = s.check(e.n, e.statRows)
	}
	if err == nil {
		err = e.needsGradient()
	}
	if err == nil {
		err = e.exec.Backward(s, weights)
	}
	return e.wrap("Backward", err)
}

// needsGradient returns an error if a backward pass has no gradient of the logits to start from.
func (e *guardedExec) needsGradient() error {
	if !e.seeded {
		return errors.New("needs a CrossEntropy or SetLogitGradient since the last Forward")
	}
	return nil
}

func (e *guardedExec) Statistics(mean, variance []float64) error {
	err := e.hasStatistics(mean, variance)
	if err == nil {
		err = e.exec.Statistics(mean, variance)
	}
	return e.wrap("Statistics", err)
}

func (e *guardedExec) QueueStatistics(mean, variance []float64) *Pending[Nothing] {
	wrap := func(err error) error { return e.wrap("QueueStatistics", err) }
	if err := e.hasStatistics(mean, variance); err != nil {
		return Done(Nothing{}, wrap(err))
	}
	return pending(e.guard, e.exec.QueueStatistics(mean, variance), wrap)
}

// hasStatistics returns an error if there are no statistics, or the slices for them have another length.
func (e *guardedExec) hasStatistics(mean, variance []float64) error {
	if e.gone() == nil && !e.known {
		return errors.New("there are none yet")
	}
	return e.checkMoments(mean, variance)
}

func (e *guardedExec) SetStatistics(mean, variance []float64) error {
	err := e.checkMoments(mean, variance)
	if err == nil {
		err = e.p.checkStatistics(mean, variance)
	}
	if err == nil {
		err = e.exec.SetStatistics(mean, variance)
	}
	if err != nil {
		return e.wrap("SetStatistics", err)
	}
	e.known, e.n = true, 0
	return nil
}

func (e *guardedExec) checkMoments(mean, variance []float64) error {
	if err := e.gone(); err != nil {
		return err
	}
	channels := e.p.BNParams() / 2
	if err := checkLength("means", len(mean), channels); err != nil {
		return err
	}
	return checkLength("variances", len(variance), channels)
}
