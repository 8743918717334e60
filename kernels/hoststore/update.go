package hoststore

import (
	"math"
	"sync"
	"sync/atomic"

	"bnas.example/kernels"
)

// Update applies one optimizer step to ids, as torch.optim.SGD and torch.optim.AdamW do, and TensorFlow's
// RMSPropOptimizer. Before, it clips as
// torch.nn.utils.clip_grad_norm_ does: gradients times min(1, ClipNorm/(norm + 10⁻⁶)); then as clip_grad_value_ does: to
// ±ClipValue. Elements are computed in float64 and stored in float32. The classifier's bias decays as its weight does. Update
// does not change the Grad slots.
func (s *Store) Update(rule kernels.Update, ids []kernels.ParamID) (float64, error) {
	norm, err := s.gradNorm(ids)
	if err != nil {
		return 0, err
	}
	clip := 1.0
	if rule.ClipNorm > 0 {
		clip = min(1, rule.ClipNorm/(norm+1e-6))
	}
	all := 0
	for i, id := range ids {
		s.apply(rule, i, id, clip, 0, 0) // allocates the slots
		all += s.params[id].Len()
		s.version[id] = s.changes.Add(1)
	}
	if s.Threads > 1 && all > 2*piece {
		s.divide(rule, ids, clip)
		return norm, nil
	}
	for i, id := range ids {
		s.apply(rule, i, id, clip, 0, s.params[id].Len())
	}
	return norm, nil
}

// piece is the number of elements that a thread takes at a time.
const piece = 1 << 14

// divide updates ids on several threads. An element does not depend on others: the bits are the same.
func (s *Store) divide(rule kernels.Update, ids []kernels.ParamID, clip float64) {
	var next atomic.Int64
	var done sync.WaitGroup
	for range s.Threads {
		done.Go(func() {
			mine, at := next.Add(1)-1, int64(0) // numbers of pieces: that to update, and the first of the parameter
			for i, id := range ids {
				n := s.params[id].Len()
				end := at + int64((n+piece-1)/piece)
				for ; mine < end; mine = next.Add(1) - 1 {
					from := int(mine-at) * piece
					s.apply(rule, i, id, clip, from, min(from+piece, n))
				}
				at = end
			}
		})
	}
	done.Wait()
}

// apply updates the elements from … to−1 of the i-th parameter of a call.
func (s *Store) apply(rule kernels.Update, i int, id kernels.ParamID, clip float64, from, to int) {
	decay := rule.WeightDecayWeights
	if k := s.params[id].Kind; k == kernels.Gamma || k == kernels.Beta {
		decay = rule.WeightDecay
	}
	switch rule.Kind {
	case kernels.SGD:
		s.sgd(rule, id, decay, clip, from, to)
	case kernels.AdamW:
		s.adamW(rule, id, decay, clip, rule.Steps[i], from, to)
	case kernels.RMSProp:
		s.rmsProp(rule, id, decay, clip, rule.Steps[i], from, to)
	}
}

// QueueUpdate updates at once.
func (s *Store) QueueUpdate(rule kernels.Update, ids []kernels.ParamID) *kernels.Pending[float64] {
	return kernels.Done(s.Update(rule, ids))
}

// gradNorm returns the global ℓ2 norm of the gradients of ids.
func (s *Store) gradNorm(ids []kernels.ParamID) (float64, error) {
	sum := 0.0
	for _, id := range ids {
		for i, g := range s.Slice(id, kernels.Grad) {
			if g64 := float64(g); math.IsNaN(g64) || math.IsInf(g64, 0) {
				return 0, &kernels.GradientError{Param: id, Name: s.params[id].Name, Element: i, Value: g}
			}
			sum += float64(g) * float64(g)
		}
	}
	return math.Sqrt(sum), nil
}

// clipped returns g within ±bound, or g if bound is 0.
func clipped(g, bound float64) float64 {
	if bound == 0 {
		return g
	}
	return max(-bound, min(bound, g))
}

// sgd: g += wd·θ; v = μ·v + g; θ −= lr·(g + μ·v if Nesterov, else v).
func (s *Store) sgd(rule kernels.Update, id kernels.ParamID, decay, clip float64, from, to int) {
	data, grad := s.Slice(id, kernels.Data), s.Slice(id, kernels.Grad)
	var velocity []float32
	if rule.Momentum != 0 {
		velocity = s.Slice(id, kernels.Moment1)
	}
	for i := from; i < to; i++ {
		g := clipped(clip*float64(grad[i]), rule.ClipValue) + decay*float64(data[i])
		if velocity != nil {
			v := rule.Momentum*float64(velocity[i]) + g
			velocity[i] = float32(v)
			if rule.Nesterov {
				g += rule.Momentum * v
			} else {
				g = v
			}
		}
		data[i] = float32(float64(data[i]) - rule.LR*g)
	}
}

// adamW: θ −= lr·wd·θ; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; θ −= lr·m̂/(√v̂ + ε) with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
func (s *Store) adamW(rule kernels.Update, id kernels.ParamID, decay, clip float64, step, from, to int) {
	data, grad := s.Slice(id, kernels.Data), s.Slice(id, kernels.Grad)
	first, second := s.Slice(id, kernels.Moment1), s.Slice(id, kernels.Moment2)
	bias1 := 1 - math.Pow(rule.Beta1, float64(step))
	bias2 := 1 - math.Pow(rule.Beta2, float64(step))
	for i := from; i < to; i++ {
		g := clipped(clip*float64(grad[i]), rule.ClipValue)
		m := rule.Beta1*float64(first[i]) + (1-rule.Beta1)*g
		v := rule.Beta2*float64(second[i]) + (1-rule.Beta2)*g*g
		first[i], second[i] = float32(m), float32(v)
		x := float64(data[i]) * (1 - rule.LR*decay)
		data[i] = float32(x - rule.LR*(m/bias1)/(math.Sqrt(v/bias2)+rule.Eps))
	}
}

// rmsProp: g += wd·θ; s = βs + (1−β)g²; d = μ·d + lr·g/√(s + βᵗ + ε); θ −= d. The mean square starts at one: s has all of it but
// the share βᵗ of that start, so that a slot of zeros begins it.
func (s *Store) rmsProp(rule kernels.Update, id kernels.ParamID, decay, clip float64, step, from, to int) {
	data, grad, square := s.Slice(id, kernels.Data), s.Slice(id, kernels.Grad), s.Slice(id, kernels.Moment2)
	var velocity []float32
	if rule.Momentum != 0 {
		velocity = s.Slice(id, kernels.Moment1)
	}
	bias := 1 - math.Pow(rule.Beta2, float64(step))
	start := 1 - bias
	for i := from; i < to; i++ {
		g := clipped(clip*float64(grad[i]), rule.ClipValue) + decay*float64(data[i])
		v := rule.Beta2*float64(square[i]) + (1-rule.Beta2)*g*g
		square[i] = float32(v)
		d := rule.LR * g / math.Sqrt(v+start+rule.Eps)
		if velocity != nil {
			d += rule.Momentum * float64(velocity[i])
			velocity[i] = float32(d)
		}
		data[i] = float32(float64(data[i]) - d)
	}
}
