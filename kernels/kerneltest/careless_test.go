package kerneltest

import (
	"strings"
	"testing"

	"bnas.example/kernels"
)

// careless is a back end that accepts every call and does nothing.
type careless struct{}

func (careless) Info() kernels.Info { return kernels.Info{Name: "careless"} }

func (careless) NewStore([]kernels.Param) (kernels.Store, error) { return carelessStore{}, nil }

func (careless) Compile(*kernels.Program, kernels.Store, int) (kernels.Exec, error) {
	return carelessExec{}, nil
}

func (careless) Close() error { return nil }

func (careless) TakesPixels() {}

func (carelessExec) ForwardPixels(kernels.Pixels, int) error { return nil }

type carelessStore struct{}

func (carelessStore) Params() []kernels.Param { return nil }

func (carelessStore) Read(kernels.Slot, []float32, ...kernels.ParamID) error { return nil }

func (carelessStore) Write(kernels.Slot, []float32, ...kernels.ParamID) error { return nil }

func (carelessStore) Update(kernels.Update, []kernels.ParamID) (float64, error) { return 0, nil }

func (carelessStore) QueueRead(kernels.Slot, []float32, ...kernels.ParamID) *kernels.Pending[kernels.Nothing] {
	return kernels.Done(kernels.Nothing{}, nil)
}

func (carelessStore) QueueUpdate(kernels.Update, []kernels.ParamID) *kernels.Pending[float64] {
	return kernels.Done(0.0, nil)
}

type carelessExec struct{}

func (carelessExec) Program() *kernels.Program { return nil }

func (carelessExec) SavedBytes(int) int64 { return 0 }

func (carelessExec) Forward([]float32, int) error { return nil }

func (carelessExec) SetFactors([]float32) error { return nil }

func (carelessExec) Logits([]float32) error { return nil }

func (carelessExec) CrossEntropy([]int, float64) error { return nil }

func (carelessExec) Loss() (float64, int, error) { return 0, 0, nil }

func (carelessExec) QueueLoss() *kernels.Pending[kernels.Loss] {
	return kernels.Done(kernels.Loss{}, nil)
}

func (carelessExec) QueueStatistics(_, _ []float64) *kernels.Pending[kernels.Nothing] {
	return kernels.Done(kernels.Nothing{}, nil)
}

func (carelessExec) SetLogitGradient([]float32) error { return nil }

func (carelessExec) Backward(kernels.StatGrad, bool) error { return nil }

func (carelessExec) Statistics(_, _ []float64) error { return nil }

func (carelessExec) SetStatistics(_, _ []float64) error { return nil }

func (carelessExec) SampleGradients([]float32) error { return nil }

func (carelessExec) NodeGradient([]float32, kernels.NodeID, []float32, kernels.NodeID) error {
	return nil
}

func (carelessExec) NodeProducts([]float64, kernels.NodeID, []float32, kernels.NodeID) error {
	return nil
}

func (carelessExec) Restrict(int) error { return nil }

func (carelessExec) Covariance(kernels.Tap, []float64, []float64) error { return nil }

func (carelessExec) SpatialMean(kernels.Tap, []float64) error { return nil }

func (carelessExec) Read(kernels.Tap, []float32) error { return nil }

func (carelessExec) CodeGram([]int64) (int64, error) { return 0, nil }

func (carelessExec) FiringRate([]float64) error { return nil }

// The guard alone passes every check of the suite that makes illegal calls. A back end therefore needs none of these checks.
func TestGuardRefuses(t *testing.T) {
	factory := func(int) (kernels.Device, error) { return kernels.Guard("careless", careless{}), nil }
	for _, name := range []string{"illegal programs", "order of calls", "lengths", "closed", "pixels"} {
		if err := find(t, Options{}, name).run(factory, Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Without the guard none of those checks passes.
func TestCarelessFails(t *testing.T) {
	factory := func(int) (kernels.Device, error) { return defective{Device: unguarded{backend: careless{}}}, nil }
	for _, name := range []string{"illegal programs", "order of calls", "lengths", "closed"} {
		if err := find(t, Options{}, name).run(factory, Options{}); err == nil {
			t.Errorf("%s: a back end that checks nothing passes", name)
		}
	}
}

// unguarded offers a Backend as a Device without a guard. Only tests do this.
type unguarded struct {
	kernels.Device // nil; a Device needs its unexported method
	backend        kernels.Backend
}

func (u unguarded) Info() kernels.Info { return u.backend.Info() }

func (u unguarded) NewStore(params []kernels.Param) (kernels.Store, error) {
	return u.backend.NewStore(params)
}

func (u unguarded) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	return u.backend.Compile(p, s, n)
}

func (u unguarded) Close() error { return u.backend.Close() }

// An error names the device, the program and the call.
func TestGuardErrors(t *testing.T) {
	d := kernels.Guard("careless", careless{})
	c := Cell(1, kernels.Shape{C: 4, H: 6, W: 6}, 2)
	c.Program.Name = "cell"
	s, err := d.NewStore(c.Params)
	if err != nil {
		t.Fatal(err)
	}
	var execs [2]kernels.Exec
	for i := range execs {
		if execs[i], err = d.Compile(c.Program, s, 2); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		want string
		call func() error
	}{
		{"careless: read: no parameter 99", func() error { return s.Read(kernels.Data, nil, 99) }},
		{"careless: write: no slot 4", func() error { return s.Write(4, nil, 1) }},
		{"careless: update: parameter 1 (p1) is listed twice", func() error {
			_, err := s.Update(kernels.Update{LR: 1}, []kernels.ParamID{1, 1})
			return err
		}},
		{`careless: program "cell": Logits: needs a Forward first`, func() error { return execs[0].Logits(nil) }},
		{`careless: program "cell": Logits: needs a Forward first: another Exec of the device has run since`, func() error {
			for _, e := range execs {
				if err := e.Forward(c.Images[:c.Program.Values[0].Len()], 1); err != nil {
					return err
				}
			}
			return execs[0].Logits(nil)
		}},
		{`careless: program "cell": Read: no node 99`, func() error { return execs[1].Read(kernels.NodeTap(99), nil) }},
		{`careless: program "cell": Backward: needs a CrossEntropy or SetLogitGradient since the last Forward`, func() error {
			return execs[1].Backward(kernels.FreezeStatistics, false)
		}},
		{`careless: program "cell": a batch of 0 images`, func() error { _, err := d.Compile(c.Program, s, 0); return err }},
	} {
		if err := test.call(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("error %v, must start with %q", err, test.want)
		}
	}
}
