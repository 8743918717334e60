package kerneltest

import (
	"errors"
	"os"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// forwardWith makes Forward compute with other values of a parameter.
func forwardWith(e kernels.Exec, s kernels.Store, id kernels.ParamID, change func(data []float32)) kernels.Exec {
	return badForward{e, func(images []float32, rows int) error {
		data := make([]float32, s.Params()[id].Len())
		if err := s.Read(kernels.Data, data, id); err != nil {
			return err
		}
		kept := slices.Clone(data)
		change(data)
		return errors.Join(s.Write(kernels.Data, data, id), e.Forward(images, rows), s.Write(kernels.Data, kept, id))
	}}
}

// kernelWeight returns the weight of the first convolution of several taps whose input is not empty, and the number of taps.
func kernelWeight(p *kernels.Program) (kernels.ParamID, int) {
	for _, s := range p.Steps {
		if s.Op == kernels.OpConv && s.Kernel > 1 && len(p.Nodes[s.In[0]].Terms) > 0 {
			return s.Branches[0].Weight, s.Kernel * s.Kernel
		}
	}
	return kernels.NoParam, 0
}

// leaveOut replaces the statistics of e by those of all its images but the last.
func leaveOut(e kernels.Exec, images []float32, rows int) error {
	if err := e.Forward(images, rows); err != nil || rows < 2 {
		return err
	}
	p, inner := e.Program(), ref.Of(e)
	for _, b := range p.BNs {
		s := p.Values[b.Value]
		mean, variance := inner.Moments(b.Value)
		x, m := inner.Values(b.Value), float64((rows-1)*s.H*s.W)
		for c := range s.C {
			sum, square := 0.0, 0.0
			each := func(f func(v float64)) {
				for i := range rows - 1 {
					for _, v := range x[(i*s.C+c)*s.H*s.W:][:s.H*s.W] {
						f(v)
					}
				}
			}
			each(func(v float64) { sum += v / m })
			each(func(v float64) { square += (v - sum) * (v - sum) / m })
			mean[c], variance[c] = sum, square
		}
	}
	return nil
}

// scaledBy multiplies the gradients of the parameters of a kind after each Backward that writes them.
func scaledBy(by float32, kind kernels.ParamKind) func(e kernels.Exec, s kernels.Store) kernels.Exec {
	return func(e kernels.Exec, s kernels.Store) kernels.Exec {
		return badBackward{e, func(m kernels.StatGrad, weights bool) error {
			err := e.Backward(m, weights)
			for id, p := range s.Params() {
				if p.Kind == kind && (weights || kind != kernels.ConvWeight) {
					err = errors.Join(err, scaleGrad(s, kernels.ParamID(id), by))
				}
			}
			return err
		}}
	}
}

// faults of a device. A program without a place for a fault gets nil.
var faults = []struct {
	name string
	wrap func(e kernels.Exec, s kernels.Store) kernels.Exec
}{
	{"a wrong tap", func(e kernels.Exec, s kernels.Store) kernels.Exec {
		id, taps := kernelWeight(e.Program())
		if id == kernels.NoParam {
			return nil
		}
		return forwardWith(e, s, id, func(w []float32) { w[taps/2], w[taps/2+1] = w[taps/2+1], w[taps/2] })
	}},
	{"a missed term", func(e kernels.Exec, s kernels.Store) kernels.Exec {
		return forwardWith(e, s, e.Program().BNs[0].Gamma, func(gamma []float32) { clear(gamma) })
	}},
	{"statistics without an image", func(e kernels.Exec, s kernels.Store) kernels.Exec {
		return badForward{e, func(images []float32, rows int) error { return leaveOut(e, images, rows) }}
	}},
	{"gradients of γ times 1.01", scaledBy(1.01, kernels.Gamma)},
	{"gradients of weights times 1.01", scaledBy(1.01, kernels.ConvWeight)},
}

// observed is what agrees compares for a case on a reference that wrap changes: its results and those of the exact reference.
func observed(t *testing.T, c *Case, wrap func(e kernels.Exec, s kernels.Store) kernels.Exec) (got *observer, want []result) {
	t.Helper()
	got, err := observe(c, defective{Device: ref.New(), wrap: wrap}, nil, ref.Rounding{})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := observe(c, ref.New(), got.record, ref.Rounding{})
	if err != nil {
		t.Fatal(err)
	}
	return got, exact.results
}

// TestCancellation: a device with noise in every operation passes where values cancel, although its results are outside the
// tolerance. A device with a fault does not pass there, nor where no value cancels.
func TestCancellation(t *testing.T) {
	cancel, other := []uint64{4010754018, 1449933034}, []uint64{7}
	if os.Getenv("BNAS_LONG") != "" {
		cancel = append(cancel, 974028827, 974028856, 2829015536, 2287468477)
		for seed := range uint64(30) {
			other = append(other, seed)
		}
	}
	for _, seed := range cancel {
		c := Random(seed)
		if err := c.settle(); err != nil {
			t.Fatal(err)
		}
		got, want := observed(t, c, func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			ref.Of(e).SetRounding(ref.Rounding{Noise: 99})
			return e
		})
		if compare(got.results, want, nil, nil) == nil {
			t.Errorf("%s: nothing that cancels is outside the tolerance", c.Name)
		}
		if err := (Options{}).explained(c, got.results, want, nil, got.record); err != nil {
			t.Errorf("%s: a device with noise fails: %v", c.Name, err)
		}
	}
	for _, fault := range faults {
		found := 0
		for _, seed := range cancel {
			found += finds(t, Random(seed), fault.name, fault.wrap)
		}
		if found == 0 {
			t.Errorf("%s: no program with cancellation has it", fault.name)
		}
		for _, seed := range other {
			finds(t, Random(seed), fault.name, fault.wrap)
		}
	}
}

// finds returns 1 if the tolerance and the noise find a fault, 0 if the case has no place for it.
func finds(t *testing.T, c *Case, fault string, wrap func(e kernels.Exec, s kernels.Store) kernels.Exec) int {
	t.Helper()
	if err := c.settle(); err != nil {
		t.Fatal(err)
	}
	got, want := observed(t, c, func(e kernels.Exec, s kernels.Store) kernels.Exec {
		if faulty := wrap(e, s); faulty != nil {
			return faulty
		}
		return e
	})
	if compare(got.results, want, nil, nil) == nil {
		return 0
	}
	if (Options{}).explained(c, got.results, want, nil, got.record) == nil {
		t.Errorf("%s: noise hides %s", c.Name, fault)
	}
	return 1
}
