package cuda

import (
	"math"
	"unsafe"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// updateBuffers are what Update needs on the device.
type updateBuffers struct {
	list    memory // []gpu.Parameter, gpu.Norm, counters
	partial memory // one double a slice and what goes with it
}

// updatePartial is what gradient_norm keeps a slice, in bytes.
const updatePartial = 16

// Update applies one optimizer step and waits for the norm.
func (s *store) Update(rule kernels.Update, ids []kernels.ParamID) (float64, error) {
	return s.QueueUpdate(rule, ids).Wait()
}

// QueueUpdate queues one optimizer step. It is two launches, whatever the number of parameters.
func (s *store) QueueUpdate(rule kernels.Update, ids []kernels.ParamID) *kernels.Pending[float64] {
	if len(ids) == 0 {
		return kernels.Done(0.0, nil)
	}
	a, err := s.queueUpdate(rule, ids)
	if err != nil {
		return kernels.Done(0.0, err)
	}
	return kernels.Later(func() (norm float64, err error) {
		var found [1]gpu.Norm
		if err := a.read(func(b []byte) { copy(bytesOf(found[:]), b) }); err != nil {
			return 0, err
		}
		if found[0].Parameter < 0 {
			return math.Sqrt(found[0].Squares), nil
		}
		return 0, s.notFinite(ids[int(found[0].Parameter)], int(found[0].Element))
	})
}

// queueUpdate queues the launches, and the copy of what gradient_norm finds. Where memory is short it has queued nothing: it can be
// called again.
func (s *store) queueUpdate(rule kernels.Update, ids []kernels.ParamID) (arrival, error) {
	none := arrival{}
	list, err := s.slices(rule, ids)
	if err != nil {
		return none, err
	}
	size := align(int64(len(bytesOf(list))))
	if err := s.update.list.reserve(s.driver, size+512); err != nil {
		return none, err
	}
	if err := s.update.partial.reserve(s.driver, updatePartial*int64(len(list))); err != nil {
		return none, err
	}
	if err := s.landings.reserve(int64(unsafe.Sizeof(gpu.Norm{}))); err != nil {
		return none, err
	}
	at := s.update.list.base
	result, arrived := at+driver.Ptr(size), at+driver.Ptr(size)+256
	if err := s.upload(at, bytesOf(list)); err != nil {
		return none, err
	}
	if err := s.driver.Fill(driver.Compute, arrived, 0, 8); err != nil {
		return none, err
	}
	n := len(list)
	step := stepOf(rule, at, n, result)
	norm := blocks("gradient_norm", n, 1, result, s.update.partial.base, arrived, at, n)
	for _, v := range list {
		bytes := 4 * v.Length
		norm.Read += bytes + updatePartial
		norm.Write += updatePartial
		step.Read += bytes
		for _, p := range []driver.Ptr{v.Data, v.Moment1, v.Moment2} {
			if p != 0 {
				step.Read += bytes
				step.Write += bytes
			}
		}
	}
	if s.options.Trace != nil {
		norm.Shape, norm.Parts = lengthsShape(list), 1
		step.Shape, step.Parts = norm.Shape, 1
	}
	if err := s.queue(norm, step); err != nil {
		return none, err
	}
	return s.landings.fetch(part{result, int64(unsafe.Sizeof(gpu.Norm{}))})
}

// stepOf is the launch of a rule on the n parameters listed at a place.
func stepOf(rule kernels.Update, at driver.Ptr, n int, norm driver.Ptr) Work {
	switch rule.Kind {
	case kernels.AdamW:
		return blocks("update_adamw", n, 1, at, n, norm, rule.LR, rule.Beta1, rule.Beta2, rule.Eps, rule.ClipNorm, rule.ClipValue)
	case kernels.RMSProp:
		return blocks("update_rmsprop", n, 1, at, n, norm, rule.LR, rule.Momentum, rule.Beta2, rule.Eps, rule.ClipNorm, rule.ClipValue)
	default:
		return blocks("update_sgd", n, 1, at, n, norm, rule.LR, rule.Momentum, nesterov(rule), rule.ClipNorm, rule.ClipValue)
	}
}

func nesterov(rule kernels.Update) float64 {
	if rule.Nesterov {
		return 1
	}
	return 0
}

// slices lists where the parameters lie, and what of the rule is theirs.
func (s *store) slices(rule kernels.Update, ids []kernels.ParamID) ([]gpu.Parameter, error) {
	list := make([]gpu.Parameter, len(ids))
	used := append([]kernels.Slot{kernels.Data, kernels.Grad}, rule.Moments()...)
	for i, id := range ids {
		v := &list[i]
		v.Length = int64(s.params[id].Len())
		v.Decay, v.Bias1, v.Bias2 = rule.WeightDecayWeights, 1, 1
		if k := s.params[id].Kind; k == kernels.Gamma || k == kernels.Beta {
			v.Decay = rule.WeightDecay
		}
		if rule.Kind != kernels.SGD {
			v.Bias1 = 1 - math.Pow(rule.Beta1, float64(rule.Steps[i]))
			v.Bias2 = 1 - math.Pow(rule.Beta2, float64(rule.Steps[i]))
		}
		places := []*driver.Ptr{&v.Data, &v.Grad, &v.Moment1, &v.Moment2}
		for _, slot := range used {
			at, err := s.address(id, slot)
			if err != nil {
				return nil, err
			}
			*places[slot] = at
		}
		s.version[id]++
	}
	return list, nil
}

// notFinite is the error for an element of a gradient that is not finite. Its value is read now: if it is finite, another gradient
// is there since.
func (s *store) notFinite(id kernels.ParamID, element int) error {
	grad := make([]float32, s.params[id].Len())
	if err := s.Read(kernels.Grad, grad, id); err != nil {
		return err
	}
	value := grad[element]
	if v := float64(value); !math.IsNaN(v) && !math.IsInf(v, 0) {
		value = float32(math.NaN())
	}
	return &kernels.GradientError{Param: id, Name: s.params[id].Name, Element: element, Value: value}
}
