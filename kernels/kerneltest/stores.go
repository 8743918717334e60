package kerneltest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
	"bnas.example/philox"
)

var slots = []kernels.Slot{kernels.Data, kernels.Grad, kernels.Moment1, kernels.Moment2}

// storeParams is a table with one parameter of every kind, of odd sizes.
func storeParams() []kernels.Param {
	return []kernels.Param{
		{Name: "gamma", Kind: kernels.Gamma, Shape: []int{17}},
		{Name: "beta", Kind: kernels.Beta, Shape: []int{17}},
		{Name: "idle", Kind: kernels.Gamma, Shape: []int{5}},
		{Name: "conv", Kind: kernels.ConvWeight, Shape: []int{3, 5, 3, 3}},
		{Name: "weight", Kind: kernels.LinearWeight, Shape: []int{10, 7}},
		{Name: "bias", Kind: kernels.LinearBias, Shape: []int{10}},
	}
}

// store: every slot starts as zeros, a Write changes one slot only, and a Read stays within its output.
func store(f Factory, _ Options) error {
	d, err := f(1)
	if err != nil {
		return err
	}
	s, err := d.NewStore(storeParams())
	if err != nil {
		return err
	}
	each := func(do func(id kernels.ParamID, slot kernels.Slot, want []float32) error) error {
		for id, p := range s.Params() {
			for _, slot := range slots {
				want := make([]float32, p.Len())
				philox.New(uint64(id), "kerneltest store", uint64(slot)).Normal(want, 1)
				if err := do(kernels.ParamID(id), slot, want); err != nil {
					return fmt.Errorf("store: parameter %d, slot %d: %w", id, slot, err)
				}
			}
		}
		return nil
	}
	read := func(id kernels.ParamID, slot kernels.Slot, want []float32) error {
		got := outputFloat32(len(want))
		if err := s.Read(slot, got.slice(), id); err != nil {
			return err
		}
		if _, err := got.take(); err != nil {
			return err
		}
		if !slices.Equal(got.slice(), want) {
			return fmt.Errorf("reads %v, must be %v", got.slice()[0], want[0])
		}
		return nil
	}
	zeros := func(id kernels.ParamID, slot kernels.Slot, want []float32) error {
		return read(id, slot, make([]float32, len(want)))
	}
	write := func(id kernels.ParamID, slot kernels.Slot, values []float32) error { return s.Write(slot, values, id) }
	return errors.Join(each(zeros), each(write), each(read), many(s), d.Close())
}

// many: a Read or Write of several parameters, in any order, is the Reads or Writes of each, and changes no other.
func many(s kernels.Store) error {
	want := hoststore.New(s.Params())
	for _, slot := range slots {
		if err := write(slot, 7, s, want); err != nil {
			return err
		}
	}
	for _, ids := range [][]kernels.ParamID{{}, {4, 0}, {5, 1, 3}, {1, 5}, {5, 4, 3, 2, 1, 0}} {
		n := kernels.Elements(s.Params(), ids)
		values := make([]float32, n)
		philox.New(uint64(n), "kerneltest many", 0).Normal(values, 1)
		for _, slot := range slots {
			if err := errors.Join(s.Write(slot, values, ids...), want.Write(slot, values, ids...)); err != nil {
				return err
			}
			got := outputFloat32(n)
			if err := s.Read(slot, got.slice(), ids...); err != nil {
				return err
			}
			if _, err := got.take(); err != nil {
				return err
			}
			if !slices.Equal(got.slice(), values) {
				return fmt.Errorf("slot %d of the parameters %v: reads other values than were written", slot, ids)
			}
		}
	}
	return sameStores(s, want, 0)
}

// update: sequences of steps give the results of hoststore, parameters that are not listed do not change, and an update
// with a gradient that is not finite changes nothing.
func update(f Factory, _ Options) error {
	d, err := f(2)
	if err != nil {
		return err
	}
	for _, rule := range []kernels.Update{
		{Kind: kernels.SGD, LR: 0.1},
		{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9, WeightDecay: 1e-2, WeightDecayWeights: 1e-1, ClipNorm: 3},
		{Kind: kernels.SGD, LR: 0.05, Momentum: 0.9, Nesterov: true, ClipNorm: 1e6},
		{Kind: kernels.SGD, LR: 0.1, WeightDecay: 1e-2, ClipValue: 0.3},
		{Kind: kernels.AdamW, LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecayWeights: 0.1, ClipNorm: 5},
		{Kind: kernels.AdamW, LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, ClipNorm: 5, ClipValue: 0.1},
		{Kind: kernels.RMSProp, LR: 0.2, Momentum: 0.9, Beta2: 0.9, Eps: 1, WeightDecay: 1e-2, WeightDecayWeights: 1e-1},
		{Kind: kernels.RMSProp, LR: 1e-2, Beta2: 0.9, Eps: 1e-3, WeightDecayWeights: 0.1, ClipNorm: 5},
	} {
		if err := sameUpdates(d, rule); err != nil {
			return fmt.Errorf("update %+v: %w", rule, err)
		}
	}
	return d.Close()
}

func sameUpdates(d kernels.Device, rule kernels.Update) error {
	got, err := d.NewStore(storeParams())
	if err != nil {
		return err
	}
	want := hoststore.New(storeParams())
	if err := write(kernels.Data, 0, got, want); err != nil {
		return err
	}
	ids := []kernels.ParamID{0, 1, 3, 4, 5}
	for step := 1; step <= 5; step++ {
		if err := write(kernels.Grad, step, got, want); err != nil {
			return err
		}
		rule.Steps = []int{step, step, step, step, step}
		a, err := got.Update(rule, ids)
		if err != nil {
			return err
		}
		b, err := want.Update(rule, ids)
		if err != nil {
			return err
		}
		if !(math.Abs(a-b) <= 1e-5*b) {
			return fmt.Errorf("step %d: norm %v, must be %v", step, a, b)
		}
		if err := sameStores(got, want, 1e-5); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
	}
	return refusesInfinity(got, rule, ids)
}

// write writes random numbers to a slot of every parameter.
func write(slot kernels.Slot, step int, stores ...kernels.Store) error {
	for id, p := range storeParams() {
		x := make([]float32, p.Len())
		philox.New(uint64(id), "kerneltest update", uint64(step)).Normal(x, 1)
		for _, s := range stores {
			if err := s.Write(slot, x, kernels.ParamID(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameStores compares all slots.
func sameStores(got, want kernels.Store, tolerance float64) error {
	for id, p := range want.Params() {
		for _, slot := range slots {
			a, b := make([]float32, p.Len()), make([]float32, p.Len())
			if err := errors.Join(got.Read(slot, a, kernels.ParamID(id)), want.Read(slot, b, kernels.ParamID(id))); err != nil {
				return err
			}
			for i := range a {
				if !(math.Abs(float64(a[i]-b[i])) <= tolerance*max(1, math.Abs(float64(b[i])))) {
					return fmt.Errorf("%s, slot %d: element %d is %v, must be %v", p.Name, slot, i, a[i], b[i])
				}
			}
		}
	}
	return nil
}

func refusesInfinity(s kernels.Store, rule kernels.Update, ids []kernels.ParamID) error {
	before := hoststore.New(s.Params())
	bad := make([]float32, 10)
	bad[7] = float32(math.Inf(1))
	if err := s.Write(kernels.Grad, bad, 5); err != nil {
		return err
	}
	for id, p := range s.Params() {
		for _, slot := range slots {
			x := make([]float32, p.Len())
			if err := errors.Join(s.Read(slot, x, kernels.ParamID(id)), before.Write(slot, x, kernels.ParamID(id))); err != nil {
				return err
			}
		}
	}
	_, err := s.Update(rule, ids)
	if err == nil || !strings.Contains(err.Error(), "bias") {
		return fmt.Errorf("infinite gradient of bias: error %v, must name it", err)
	}
	bad[7] = 0 // infinities cannot be subtracted
	if err := errors.Join(s.Write(kernels.Grad, bad, 5), before.Write(kernels.Grad, bad, 5)); err != nil {
		return err
	}
	return sameStores(s, before, 0)
}
