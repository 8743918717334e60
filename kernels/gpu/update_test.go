//go:build cgo && linux && gpusim

package gpu_test

import (
	"fmt"
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/hoststore"
)

var updateLengths = []int{1, 3, 256, 1000}

// twin is a parameter table on the host and the same numbers on the device.
type twin struct {
	host *hoststore.Store
	ids  []kernels.ParamID
	list []gpu.Parameter
}

func (k *kit) twin(rule kernels.Update) twin {
	k.t.Helper()
	var table []kernels.Param
	for i, n := range updateLengths {
		kind := kernels.Gamma
		if i%2 == 1 {
			kind = kernels.LinearWeight
		}
		table = append(table, kernels.Param{Name: fmt.Sprint(i), Kind: kind, Shape: []int{n}})
	}
	w := twin{host: hoststore.New(table)}
	for i, n := range updateLengths {
		p := gpu.Parameter{Length: int64(n), Decay: rule.WeightDecay, Bias1: 1, Bias2: 1}
		if i%2 == 1 {
			p.Decay = rule.WeightDecayWeights
		}
		if rule.Kind != kernels.SGD {
			p.Bias1, p.Bias2 = 1-math.Pow(rule.Beta1, float64(rule.Steps[i])), 1-math.Pow(rule.Beta2, float64(rule.Steps[i]))
		}
		for slot, to := range []*gpu.Ptr{&p.Data, &p.Grad, &p.Moment1, &p.Moment2} {
			v := floats(k.random(n))
			if kernels.Slot(slot) == kernels.Moment2 {
				for j := range v {
					v[j] *= v[j]
				}
			}
			*to = put(k, v...)
			if err := w.host.Write(kernels.Slot(slot), v, kernels.ParamID(i)); err != nil {
				k.t.Fatal(err)
			}
		}
		w.ids, w.list = append(w.ids, kernels.ParamID(i)), append(w.list, p)
	}
	return w
}

// norm runs gradient_norm.
func (k *kit) norm(list []gpu.Parameter) (at gpu.Ptr, result []float64) {
	at = k.alloc(24)
	arrived := put(k, uint32(0), uint32(0))
	k.launch("gradient_norm", len(list), 1, 256, 0, at, k.alloc(16*len(list)), arrived, put(k, list...), len(list))
	return at, get[float64](k, at, 3)
}

// The device's optimizer gives the host's bits.
func TestUpdate(t *testing.T) {
	steps := []int{1, 2, 30, 4}
	for seed, rule := range []kernels.Update{
		{Kind: kernels.SGD, LR: 0.1},
		{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4, WeightDecayWeights: 5e-4},
		{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9, Nesterov: true, WeightDecayWeights: 5e-4, ClipNorm: 1},
		{Kind: kernels.AdamW, LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 1e-2, Steps: steps},
		{Kind: kernels.AdamW, LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecayWeights: 1e-2, ClipNorm: 5, Steps: steps},
		{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9, WeightDecayWeights: 5e-4, ClipValue: 0.3},
		{Kind: kernels.AdamW, LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, ClipNorm: 5, ClipValue: 0.1, Steps: steps},
		{Kind: kernels.RMSProp, LR: 0.2, Momentum: 0.9, Beta2: 0.9, Eps: 1, WeightDecay: 1e-4, WeightDecayWeights: 5e-4, Steps: steps},
		{Kind: kernels.RMSProp, LR: 1e-2, Beta2: 0.99, Eps: 1e-8, WeightDecayWeights: 5e-4, ClipNorm: 1, Steps: steps},
		{Kind: kernels.RMSProp, LR: 1e-2, Momentum: 0.5, Beta2: 0.99, Eps: 1e-3, ClipValue: 0.3, Steps: steps},
	} {
		t.Log(describe(uint64(seed), rule))
		k := newKit(t, uint64(seed))
		w := k.twin(rule)
		at, result := k.norm(w.list)
		want, err := w.host.Update(rule, w.ids)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "norm", []float64{math.Sqrt(result[0]), result[1]}, []float64{want, -1}, 1e-14)
		list, n := put(k, w.list...), len(w.list)
		switch rule.Kind {
		case kernels.SGD:
			k.launch("update_sgd", n, 1, 256, 0, list, n, at, rule.LR, rule.Momentum, rule.Nesterov, rule.ClipNorm, rule.ClipValue)
		case kernels.RMSProp:
			k.launch("update_rmsprop", n, 1, 256, 0, list, n, at, rule.LR, rule.Momentum, rule.Beta2, rule.Eps, rule.ClipNorm, rule.ClipValue)
		default:
			k.launch("update_adamw", n, 1, 256, 0, list, n, at, rule.LR, rule.Beta1, rule.Beta2, rule.Eps, rule.ClipNorm, rule.ClipValue)
		}
		k.compare(w)
	}
}

// compare demands the same bits of every slot on the device as on the host.
func (k *kit) compare(w twin) {
	k.t.Helper()
	for i, p := range w.list {
		for slot, at := range []gpu.Ptr{p.Data, p.Grad, p.Moment1, p.Moment2} {
			want := make([]float32, p.Length)
			if err := w.host.Read(kernels.Slot(slot), want, w.ids[i]); err != nil {
				k.t.Fatal(err)
			}
			for e, got := range get[float32](k, at, len(want)) {
				if got != want[e] {
					k.t.Fatalf("parameter %d, slot %d, element %d is %v, want %v", i, slot, e, got, want[e])
				}
			}
		}
	}
}

// A gradient that is not finite is found, the first of several, and nothing is updated.
func TestUpdateNotFinite(t *testing.T) {
	k := newKit(t, 9)
	rule := kernels.Update{Kind: kernels.SGD, LR: 1}
	w := k.twin(rule)
	for i, v := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		for _, e := range []int{700, 255 - i} {
			if p := w.list[3-i]; int64(e) < p.Length {
				if err := k.m.CopyIn(uint64(p.Grad)+uint64(4*e), bytesOf([]float32{v})); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	at, result := k.norm(w.list)
	if result[1] != 2 || result[2] != 254 {
		t.Fatalf("found element %v of parameter %v, want 254 of 2", result[2], result[1])
	}
	list, n := put(k, w.list...), len(w.list)
	k.launch("update_sgd", n, 1, 256, 0, list, n, at, 1.0, 0.0, false, 0.0, 0.0)
	k.launch("update_adamw", n, 1, 256, 0, list, n, at, 1.0, 0.9, 0.9, 1e-8, 0.0, 0.0)
	k.launch("update_rmsprop", n, 1, 256, 0, list, n, at, 1.0, 0.9, 0.9, 1e-8, 0.0, 0.0)
	for i := range w.list {
		w.list[i].Grad = put(k, w.host.Slice(kernels.ParamID(i), kernels.Grad)...)
	}
	k.compare(w)
}
