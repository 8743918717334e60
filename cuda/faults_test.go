package cuda

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/fake"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// life is all that a Device can be asked, from New to Close. It goes on after an error, as the program above may, and
// returns the errors in order.
func life(f *fake.Driver, times int) (errs []error) {
	note := func(err error) bool {
		if err != nil {
			errs = append(errs, err)
		}
		return err == nil
	}
	d, err := New(f, Options{})
	if !note(err) {
		return errs
	}
	defer func() { note(d.Close()) }()
	c := kerneltest.Headed(kerneltest.Cell(1, kernels.Shape{C: 8, H: 16, W: 16}, 4), true)
	s, err := c.NewStore(d)
	if !note(err) {
		return errs
	}
	e, err := d.Compile(c.Program, s, 4)
	if !note(err) {
		return errs
	}
	for range times {
		for _, ask := range questions(c, s, e) {
			note(ask())
		}
	}
	return errs
}

// questions are the calls of an Exec and of its Store.
func questions(c *kerneltest.Case, s kernels.Store, e kernels.Exec) []func() error {
	p := c.Program
	n, channels, classes := 4, p.BNParams()/2, p.Classes()
	var ids []kernels.ParamID
	var steps []int
	for _, b := range p.BNs {
		ids, steps = append(ids, b.Gamma, b.Beta), append(steps, 1, 1)
	}
	last := kernels.NodeID(len(p.Nodes) - 1)
	tap := kernels.NodeTap(last)
	shape := p.Nodes[last].Shape
	mean, variance := make([]float64, channels), make([]float64, channels)
	for i := range variance {
		variance[i] = 1
	}
	pixels := kernels.Pixels{
		Bytes: make([]byte, n*p.Values[kernels.Images].Len()), Views: make([]kernels.PixelView, n),
		Table: make([]float32, 256*p.Values[kernels.Images].C),
	}
	return []func() error{
		func() error { return kernels.ForwardPixels(e, pixels, n) },
		func() error { return e.CrossEntropy(make([]int, n), 0.1) },
		func() error { _, err := e.QueueLoss().Wait(); return err },
		func() error { return e.Backward(kernels.DifferentiateStatistics, false) },
		func() error {
			rule := kernels.Update{Kind: kernels.SGD, LR: 0.1}
			norm := s.QueueUpdate(rule, ids)
			if norm.Ready() { // it failed
				_, err := norm.Wait()
				return err
			}
			statistics := e.QueueStatistics(make([]float64, channels), make([]float64, channels))
			_, failed := statistics.Wait()
			_, err := norm.Wait()
			return cmp.Or(failed, err)
		},
		func() error { return e.Forward(c.Images[:n*p.Values[kernels.Images].Len()], n) },
		func() error { return e.Logits(make([]float32, n*classes)) },
		func() error { return e.CrossEntropy(make([]int, n), 0.1) },
		func() error { _, _, err := e.Loss(); return err },
		func() error { return e.Backward(kernels.DifferentiateStatistics, false) },
		func() error {
			_, err := s.Update(kernels.Update{Kind: kernels.AdamW, LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Steps: steps}, ids)
			return err
		},
		func() error { return e.Backward(kernels.DifferentiateStatistics, true) },
		func() error { return e.SetLogitGradient(make([]float32, n*classes)) },
		func() error { return e.SampleGradients(make([]float32, n*p.BNParams())) },
		func() error {
			return e.NodeGradient(make([]float32, n*shape.Len()), last, make([]float32, n*shape.Len()), last)
		},
		func() error { return e.Read(tap, make([]float32, n*shape.Len())) },
		func() error { return e.SpatialMean(tap, make([]float64, n*shape.C)) },
		func() error { return e.Covariance(tap, make([]float64, shape.C), make([]float64, shape.C*shape.C)) },
		func() error { _, err := e.CodeGram(make([]int64, n*n)); return err },
		func() error { return e.FiringRate(make([]float64, p.RectifiedChannels())) },
		func() error { return e.Statistics(make([]float64, channels), make([]float64, channels)) },
		func() error { return e.SetStatistics(mean, variance) },
		func() error { return e.Forward(c.Images[:n*p.Values[kernels.Images].Len()], 0) },
		func() error { return e.Forward(c.Images[:p.Values[kernels.Images].Len()], 0) }, // the next batch needs a larger buffer
		func() error { return s.Read(kernels.Grad, make([]float32, s.Params()[0].Len()), 0) },
		func() error { return s.Read(kernels.Grad, make([]float32, p.BNParams()), ids...) },
		func() error { return s.Write(kernels.Grad, make([]float32, p.BNParams()), ids...) },
	}
}

func TestNothingFails(t *testing.T) {
	f := fake.New(nil)
	if errs := life(f, 3); errs != nil {
		t.Error(errs)
	}
	check(t, f)
}

// check fails the test if the driver was misused or something was not given back.
func check(t *testing.T, f *fake.Driver) {
	t.Helper()
	for _, text := range f.Misuse {
		t.Errorf("misuse: %s", text)
	}
	for _, what := range f.Leaks() {
		t.Errorf("leaked: %s", what)
	}
}

// Every call of the driver fails in turn: the first error that comes out is that one, with what was being done, and
// nothing leaks.
func TestEachCallFails(t *testing.T) {
	count := fake.New(nil)
	life(count, 2)
	for k, name := range count.Calls {
		f := fake.New(func(call int, _ string) error {
			if call == k {
				return fake.ErrInjected
			}
			return nil
		})
		errs := life(f, 2)
		if len(errs) == 0 {
			t.Errorf("call %d (%s) failed and nobody was told", k, name)
		} else {
			saysWhy(t, errs[0], fake.ErrInjected, f.Failed)
		}
		check(t, f)
		if t.Failed() {
			t.Fatalf("with call %d of %d (%s) failing: %v", k, len(count.Calls), name, errs)
		}
	}
}

// A table that did not arrive is sent again.
func TestTableIsSentAgain(t *testing.T) {
	refuse := false
	f := fake.New(func(_ int, name string) error {
		if refuse && name == "CopyIn" {
			return fake.ErrInjected
		}
		return nil
	})
	d, err := New(f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := kerneltest.Cell(1, kernels.Shape{C: 8, H: 4, W: 4}, 4)
	s, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Compile(c.Program, s, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Forward(c.Images[:4*c.Program.Values[kernels.Images].Len()], 4), e.CrossEntropy(make([]int, 4), 0)); err != nil {
		t.Fatal(err)
	}
	refuse = true
	if err := e.Backward(kernels.DifferentiateStatistics, false); !errors.Is(err, fake.ErrInjected) {
		t.Fatalf("a copy failed: %v", err)
	}
	refuse = false
	before := len(f.Calls)
	if err := e.Backward(kernels.DifferentiateStatistics, false); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(f.Calls[before:], "CopyIn") {
		t.Error("the launches were given a table that was never sent")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	check(t, f)
}

// From some call on every call fails: the GPU is lost.
func TestLostDevice(t *testing.T) {
	count := fake.New(nil)
	life(count, 2)
	for k, name := range count.Calls {
		f := fake.New(func(call int, _ string) error {
			if call >= k {
				return driver.ErrLost
			}
			return nil
		})
		errs := life(f, 2)
		if len(errs) == 0 {
			t.Errorf("the GPU was lost and nobody was told")
		}
		for _, err := range errs[:min(1, len(errs))] {
			saysWhy(t, err, driver.ErrLost, name)
		}
		check(t, f)
		if t.Failed() {
			t.Fatalf("lost at call %d of %d (%s): %v", k, len(count.Calls), name, errs)
		}
	}
}

// However little memory there is, what does not fit is refused, and nothing leaks.
func TestOutOfMemory(t *testing.T) {
	most := fake.New(nil)
	var peak int64
	most.Fail = func(int, string) error { peak = max(peak, most.Used()); return nil }
	life(most, 2)
	refused := false
	for limit := int64(1 << 10); limit < 2*peak; limit = limit*5/4 + 1 {
		f := fake.New(nil)
		f.Limit = limit
		for i, err := range life(f, 2) {
			refused = true
			if i == 0 && !errors.Is(err, driver.ErrOutOfMemory) && !errors.Is(err, ErrTooLarge) {
				t.Errorf("with %d bytes: %v", limit, err)
			}
		}
		check(t, f)
		if t.Failed() {
			t.Fatalf("with %d bytes of memory", limit)
		}
	}
	if !refused {
		t.Error("everything fits in every size")
	}
}

// saysWhy checks that an error wraps its cause, names the driver's call, and says what was being done.
func saysWhy(t *testing.T, err, cause error, call string) {
	t.Helper()
	if !errors.Is(err, cause) {
		t.Errorf("%v does not wrap %v", err, cause)
	}
	if before, _, ok := strings.Cut(err.Error(), call); !ok || !strings.HasPrefix(before, "cuda: ") {
		t.Errorf("%v does not say what was being done, and which call it was (%s)", err, call)
	}
}

// An update for which there is no memory has launched nothing: it can be made again.
func TestUpdateWithoutMemory(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 8, H: 4, W: 4}, 4)
	ids := kernels.AllIDs(c.Params)
	rule := kernels.Update{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9}
	made := map[string]bool{"Alloc": true, "Pinned": true, "NewEvent": true}
	for at, more := 0, true; more; at++ {
		f := fake.New(nil)
		d, err := New(f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.NewStore(d)
		if err != nil {
			t.Fatal(err)
		}
		first, now := len(f.Calls), 0
		f.Fail = func(_ int, name string) error {
			if !made[name] {
				return nil
			}
			if now++; now == at+1 {
				return driver.ErrOutOfMemory
			}
			return nil
		}
		_, err = s.Update(rule, ids)
		if more = now > at; !more && at < 5 {
			t.Errorf("%d calls ask for memory, want those for gradients, moments, buffers and the norm", now)
		}
		if launched := slices.Contains(f.Calls[first:], "Launch"); more && (!errors.Is(err, driver.ErrOutOfMemory) || launched) {
			t.Errorf("call %d for memory fails: launched %v, error %v", at+1, launched, err)
		}
		if _, err := s.Update(rule, ids); err != nil {
			t.Errorf("the second try: %v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The graphs of networks that are released are freed while the Device lives: a search compiles thousands.
func TestGraphsOfReleasedExecsAreFreed(t *testing.T) {
	f := fake.New(nil)
	d, err := New(f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := kerneltest.Cell(1, kernels.Shape{C: 8, H: 4, W: 4}, 4)
	s, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for range 20 {
		e, err := d.Compile(c.Program, s, 4)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := e.Forward(c.Images, c.N); err != nil {
				t.Fatal(err)
			}
		}
		most = max(most, f.Graphs())
		kernels.Release(e)
	}
	if most < 1 || most > 2 {
		t.Errorf("there are up to %d graphs at a time, want that of one network, and of the one before it", most)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	check(t, f)
}
