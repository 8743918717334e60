package kerneltest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// defective is the reference with one defect: every Exec that it compiles is wrapped.
type defective struct {
	kernels.Device
	wrap    func(e kernels.Exec, s kernels.Store) kernels.Exec
	compile func(d kernels.Device, p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error)
	store   func(s kernels.Store) kernels.Store
}

func (d defective) NewStore(params []kernels.Param) (kernels.Store, error) {
	s, err := d.Device.NewStore(params)
	if d.store != nil {
		s = d.store(s)
	}
	return s, err
}

func (d defective) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	if d.compile != nil {
		return d.compile(d.Device, p, s, n)
	}
	if w, ok := s.(interface{ inner() kernels.Store }); ok {
		s = w.inner()
	}
	e, err := d.Device.Compile(p, s, n)
	if err != nil || d.wrap == nil {
		return e, err
	}
	return d.wrap(e, s), nil
}

// The methods that the defects replace.
type (
	badLogits struct {
		kernels.Exec
		spoil func(dst []float32)
	}
	badForward struct {
		kernels.Exec
		forward func(images []float32, rows int) error
	}
	badBackward struct {
		kernels.Exec
		backward func(mode kernels.StatGrad, weights bool) error
	}
	badSample struct {
		kernels.Exec
		after func(dst []float32)
	}
	badStatistics struct{ kernels.Exec }
	badGram       struct{ kernels.Exec }
	badRead       struct{ kernels.Exec }
	badSeed       struct{ kernels.Exec }
	badFactors    struct{ kernels.Exec }
	badProducts   struct{ kernels.Exec }
	badUpdate     struct{ kernels.Store }
	lateLoss      struct{ kernels.Exec }
	lateRead      struct{ kernels.Store }
	mute          struct{ kernels.Store }
	deaf          struct{ kernels.Exec }
	stubborn      struct{ badForward }
)

func (e badLogits) Logits(dst []float32) error {
	err := e.Exec.Logits(dst)
	if err == nil {
		e.spoil(dst)
	}
	return err
}

func (e badForward) Forward(images []float32, rows int) error { return e.forward(images, rows) }

func (e badBackward) Backward(m kernels.StatGrad, w bool) error { return e.backward(m, w) }

func (e badSample) SampleGradients(dst []float32) error {
	err := e.Exec.SampleGradients(dst)
	if err == nil {
		e.after(dst)
	}
	return err
}

// Statistics computes the variance in float32 as the mean square less the squared mean.
func (e badStatistics) Statistics(mean, variance []float64) error {
	err := e.Exec.Statistics(mean, variance)
	for i := range mean {
		square := float32(variance[i] + mean[i]*mean[i])
		variance[i] = float64(square - float32(mean[i])*float32(mean[i]))
	}
	return err
}

func (e badGram) CodeGram(dst []int64) (int64, error) {
	units, err := e.Exec.CodeGram(dst)
	dst[0]--
	return units, err
}

// Read hides the error of the Exec.
func (e badRead) Read(t kernels.Tap, dst []float32) error {
	_ = e.Exec.Read(t, dst)
	return nil
}

// SetFactors takes the factors and sets none.
func (e badFactors) SetFactors(f []float32) error {
	if err := e.Exec.SetFactors(f); err != nil {
		return err
	}
	return e.Exec.SetFactors(nil)
}

func (e badSeed) NodeGradient(dst []float32, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	err := e.Exec.NodeGradient(dst, to, seed, from)
	seed[0]++
	return err
}

func (e badProducts) NodeProducts(dst []float64, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	err := e.Exec.NodeProducts(dst, to, seed, from)
	dst[0] += 1e-2 * (1 + dst[0])
	return err
}

func (s badUpdate) Update(rule kernels.Update, ids []kernels.ParamID) (float64, error) {
	rule.ClipNorm = 0
	return s.Store.Update(rule, ids)
}

// QueueLoss returns the loss at the time of Wait.
func (e lateLoss) QueueLoss() *kernels.Pending[kernels.Loss] {
	return kernels.Later(func() (kernels.Loss, error) {
		mean, correct, err := e.Loss()
		return kernels.Loss{Mean: mean, Correct: correct}, err
	})
}

// QueueRead reads at the time of Wait.
func (s lateRead) QueueRead(slot kernels.Slot, dst []float32, ids ...kernels.ParamID) *kernels.Pending[kernels.Nothing] {
	return kernels.Later(func() (kernels.Nothing, error) { return kernels.Nothing{}, s.Read(slot, dst, ids...) })
}

func (s lateRead) inner() kernels.Store { return s.Store }
func (s mute) inner() kernels.Store     { return s.Store }

// QueueUpdate hides the error of the Store.
func (s mute) QueueUpdate(rule kernels.Update, ids []kernels.ParamID) *kernels.Pending[float64] {
	norm, _ := s.Store.QueueUpdate(rule, ids).Wait()
	return kernels.Done(norm, nil)
}

func (deaf) StopWith(func() error) {}

func (e stubborn) StopWith(stop func() error) { kernels.StopWith(e.Exec, stop) }

func scaleGrad(s kernels.Store, id kernels.ParamID, by float32) error {
	g := make([]float32, s.Params()[id].Len())
	if err := s.Read(kernels.Grad, g, id); err != nil {
		return err
	}
	for i := range g {
		g[i] *= by
	}
	return s.Write(kernels.Grad, g, id)
}

// endWith writes v to the last element of the gradient of the first parameter of a kind.
func endWith(s kernels.Store, kind kernels.ParamKind, v float32) error {
	id := slices.IndexFunc(s.Params(), func(p kernels.Param) bool { return p.Kind == kind })
	g := make([]float32, s.Params()[id].Len())
	if err := s.Read(kernels.Grad, g, kernels.ParamID(id)); err != nil {
		return err
	}
	g[len(g)-1] = v
	return s.Write(kernels.Grad, g, kernels.ParamID(id))
}

// For each defect, the named check must fail with the given error.
func TestSuiteFindsDefects(t *testing.T) {
	logits := func(spoil func(dst []float32)) func(kernels.Exec, kernels.Store) kernels.Exec {
		return func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badLogits{e, spoil} }
	}
	calls := 0
	for _, test := range []struct {
		defect, check, want string
		device              defective
	}{
		{"a logit is off by a thousandth", "random-7", "logits: element", defective{wrap: logits(func(dst []float32) { dst[0] += 1e-3 * max(1, dst[0]) })}},
		{"a logit is NaN", "random-7", "is NaN", defective{wrap: logits(func(dst []float32) { dst[0] = float32(math.NaN()) })}},
		{"a logit is left out", "random-7", "left out element", defective{wrap: logits(func(dst []float32) { dst[len(dst)-1] = guard32 })}},
		{"an element too many is written", "random-7", "wrote element", defective{wrap: logits(func(dst []float32) {
			unsafe.Slice(&dst[0], len(dst)+1)[len(dst)] = 0
		})}},
		{"an element before the first is written", "random-7", "wrote element -1", defective{wrap: logits(func(dst []float32) {
			*(*float32)(unsafe.Add(unsafe.Pointer(&dst[0]), -4)) = 0
		})}},
		{"the second time is different", "random-7", "the second time", defective{wrap: logits(func(dst []float32) {
			calls++
			dst[0] += 1e-6 * float32(calls)
		})}},
		{"dγ is off by a thousandth", "random-7", "gradient", defective{wrap: func(e kernels.Exec, s kernels.Store) kernels.Exec {
			return badBackward{e, func(m kernels.StatGrad, w bool) error {
				return errors.Join(e.Backward(m, w), scaleGrad(s, e.Program().BNs[0].Gamma, 1.001))
			}}
		}}},
		{"statistics are always frozen", "random-7", "differentiated gradient", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			return badBackward{e, func(_ kernels.StatGrad, w bool) error { return e.Backward(kernels.FreezeStatistics, w) }}
		}}},
		{"weight gradients are always written", "random-7", "must not be written", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			return badBackward{e, func(m kernels.StatGrad, _ bool) error { return e.Backward(m, true) }}
		}}},
		{"one element of a weight gradient is always written", "random-7", "must not be written", defective{wrap: func(e kernels.Exec, s kernels.Store) kernels.Exec {
			return badBackward{e, func(m kernels.StatGrad, w bool) error {
				return errors.Join(e.Backward(m, w), endWith(s, kernels.ConvWeight, 1))
			}}
		}}},
		{"one element of a weight gradient is NaN", "random-7", "must not be written", defective{wrap: func(e kernels.Exec, s kernels.Store) kernels.Exec {
			return badBackward{e, func(m kernels.StatGrad, w bool) error {
				return errors.Join(e.Backward(m, w), endWith(s, kernels.ConvWeight, float32(math.NaN())))
			}}
		}}},
		{"sample gradients lack an image", "random-7", "sample gradients", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			return badSample{e, func(dst []float32) { clear(dst[:e.Program().BNParams()]) }}
		}}},
		{"sample gradients change a Grad slot", "random-7", "sum of the sample gradients", defective{wrap: func(e kernels.Exec, s kernels.Store) kernels.Exec {
			return badSample{e, func([]float32) {
				if err := scaleGrad(s, e.Program().BNs[0].Gamma, 1.001); err != nil {
					panic(err)
				}
			}}
		}}},
		{"statistics are taken from all rows", "query rows", "logits", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			return badForward{e, func(images []float32, rows int) error {
				if rows > 0 {
					rows = len(images) / e.Program().Values[0].Len()
				}
				return e.Forward(images, rows)
			}}
		}}},
		{"the images are written to", "random-7", "images", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			return badForward{e, func(images []float32, rows int) error {
				err := e.Forward(images, rows)
				images[0]++
				return err
			}}
		}}},
		{"a variance is lost to the mean", "offset", "channel", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badStatistics{e} }}},
		{"a code differs from itself", "random-7", "CodeGram", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badGram{e} }}},
		{"a wrong length is taken", "lengths", "no error: Read", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badRead{e} }}},
		{"a call out of order is taken", "order of calls", "no error: Read", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badRead{e} }}},
		{"the seed is written to", "random-7", "seed", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badSeed{e} }}},
		{"a product is off by a hundredth", "random-7", "products at node", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badProducts{e} }}},
		{"factors are ignored", "factors-random-7", "batch: ", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badFactors{e} }}},
		{"factors are not set", "factors", "they are of the case", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badFactors{e} }}},
		{"an auxiliary classifier has another weight in the loss", "auxiliary-short", "loss: element", defective{compile: reweighted(0.41)}},
		{"the gradient of an auxiliary classifier is off by a hundredth", "auxiliary-short", "gradient", defective{wrap: func(e kernels.Exec, s kernels.Store) kernels.Exec {
			return badBackward{e, func(mode kernels.StatGrad, weights bool) error {
				return errors.Join(e.Backward(mode, weights), scaleGrad(s, e.Program().Classifiers()[1].Weight, 0.99))
			}}
		}}},
		{"weights stay as they were first", "weights written", "logits", defective{wrap: stale}},
		{"statistics are lost to another Exec", "interleaved", "statistics left", defective{compile: forgetful()}},
		{"a recorded pass is out of date", "repeated", "pass 5 has other bits", defective{wrap: func(e kernels.Exec, s kernels.Store) kernels.Exec {
			passes := 0
			return badBackward{e, func(m kernels.StatGrad, w bool) error {
				if passes++; passes != 5 {
					return e.Backward(m, w)
				}
				return errors.Join(e.Backward(m, w), scaleGrad(s, e.Program().BNs[0].Gamma, 1.001))
			}}
		}}},
		{"an illegal program is compiled", "illegal programs", "is compiled although", defective{compile: func(kernels.Device, *kernels.Program, kernels.Store, int) (kernels.Exec, error) {
			return nil, nil
		}}},
		{"an illegal program is a panic", "illegal programs", "panic", defective{compile: func(_ kernels.Device, p *kernels.Program, _ kernels.Store, _ int) (kernels.Exec, error) {
			return nil, fmt.Errorf("%v", p.Values[0])
		}}},
		{"nobody is asked whether to stop", "stopped", "Forward: it asks 0 times", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return deaf{e} }}},
		{"a stopped pass goes on", "stopped", "Forward: it goes on", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			return stubborn{badForward{e, func(images []float32, rows int) error {
				if e.Forward(images, rows) == nil {
					return nil
				}
				kernels.StopWith(e, nil)
				return e.Forward(images, rows)
			}}}
		}}},
		{"a loss is read late", "queued", "needs a Forward first", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return lateLoss{e} }}},
		{"parameters are read late", "queued", "a queued read of gradients", defective{store: func(s kernels.Store) kernels.Store { return lateRead{s} }}},
		{"a gradient that is not finite is not reported", "queued", "must name parameter", defective{store: func(s kernels.Store) kernels.Store { return mute{s} }}},
		{"an Exec is used after its release", "released", "no error: Logits", defective{wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec { return badLogits{e, func([]float32) {}} }}},
		{"gradients are not clipped", "update", "must be", defective{store: func(s kernels.Store) kernels.Store { return badUpdate{s} }}},
	} {
		o := Options{Seed: 7, Random: 1, Small: true, Threads: 1}
		err := find(t, o, test.check).run(func(int) (kernels.Device, error) {
			device := test.device
			device.Device = ref.New()
			return device, nil
		}, o)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, must contain %q", test.defect, err, test.want)
		}
	}
}

// closing counts the devices that are open.
type closing struct {
	kernels.Device
	open map[kernels.Device]bool
}

func (c closing) Close() error {
	delete(c.open, c.Device)
	return c.Device.Close()
}

// Every check closes the devices that it opens.
func TestSuiteClosesDevices(t *testing.T) {
	o := Options{Seed: 7, Random: 1, Small: true, Threads: 1}
	for _, c := range checks(o) {
		open := map[kernels.Device]bool{}
		err := c.run(func(int) (kernels.Device, error) {
			d := ref.New()
			open[d] = true
			return closing{d, open}, nil
		}, o)
		if err != nil || len(open) > 0 {
			t.Errorf("%s: %d devices are open, error %v", c.name, len(open), err)
		}
	}
}

// The suite fails for a device whose results depend on the number of threads, also if another factory makes those of several
// threads. It closes what that makes.
func TestSuiteComparesThreads(t *testing.T) {
	open := map[kernels.Device]bool{}
	uneven := func(threads int) (kernels.Device, error) {
		d := ref.New()
		open[d] = true
		return defective{Device: closing{d, open}, wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
			return badLogits{e, func(dst []float32) { dst[0] += 1e-6 * float32(threads) }}
		}}, nil
	}
	even := func(int) (kernels.Device, error) { return uneven(1) }
	for _, test := range []struct {
		name               string
		factory, ofSeveral Factory
	}{{"one factory", uneven, nil}, {"two", even, uneven}} {
		o := Options{Seed: 7, Random: 1, Small: true, Threaded: test.ofSeveral}
		err := find(t, o, "random-7").run(test.factory, o)
		if err == nil || !strings.Contains(err.Error(), "2 threads and 1") {
			t.Errorf("%s: error %v", test.name, err)
		}
		if len(open) > 0 {
			t.Errorf("%s: %d devices are open", test.name, len(open))
		}
	}
}

// A device may round where it says, and no more.
func TestSuiteMeasuresRounding(t *testing.T) {
	half := ref.Rounding{Operand: ref.Half, Gradient: ref.Half, Stored: ref.Half}
	less := ref.Rounding{Operand: ref.BFloat16, Gradient: ref.BFloat16, Stored: ref.Half}
	for _, test := range []struct {
		says, rounds ref.Rounding
		fails        bool
	}{
		{half, half, false},
		{less, less, false},
		{less, half, false},
		{ref.Rounding{}, half, true},
		{half, less, true},
	} {
		o := Options{Seed: 3, Random: 1, Small: true, Rounding: test.says}
		err := find(t, o, "random-3").run(func(int) (kernels.Device, error) {
			return defective{Device: ref.New(), wrap: func(e kernels.Exec, _ kernels.Store) kernels.Exec {
				ref.Of(e).SetRounding(test.rounds)
				return e
			}}, nil
		}, o)
		if (err != nil) != test.fails {
			t.Errorf("a device rounds %v and says %v: error %v", test.rounds, test.says, err)
		}
	}
}

func find(t *testing.T, o Options, name string) check {
	for _, c := range checks(o) {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return check{}
}

// stale restores the weights of its first Forward before each Forward.
func stale(e kernels.Exec, s kernels.Store) kernels.Exec {
	var first [][]float32
	return badForward{e, func(images []float32, rows int) error {
		for id, p := range s.Params() {
			if len(first) <= id {
				first = append(first, make([]float32, p.Len()))
				if err := s.Read(kernels.Data, first[id], kernels.ParamID(id)); err != nil {
					return err
				}
			}
			if err := s.Write(kernels.Data, first[id], kernels.ParamID(id)); err != nil {
				return err
			}
		}
		return e.Forward(images, rows)
	}}
}

// reweighted compiles Programs with another weight of the auxiliary classifier.
func reweighted(weight float64) func(d kernels.Device, p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	return func(d kernels.Device, p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
		other := *p
		if p.AuxWeight > 0 {
			other.AuxWeight = weight
		}
		return d.Compile(&other, s, n)
	}
}

// forgetful compiles Execs whose statistics are lost when another Exec runs.
func forgetful() func(d kernels.Device, p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	last := ""
	return func(d kernels.Device, p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
		e, err := d.Compile(p, s, n)
		return badForward{e, func(images []float32, rows int) error {
			if rows == 0 && last != p.Name {
				return errors.New("there are no statistics")
			}
			last = p.Name
			return e.Forward(images, rows)
		}}, err
	}
}

func TestSeed(t *testing.T) {
	for _, test := range []struct {
		env  string
		want uint64
		ok   bool
	}{{"", 7, true}, {"12", 12, true}, {"-1", 0, false}, {"x", 0, false}} {
		got, err := Options{Seed: 7}.seed(test.env)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: %d, %v", test.env, got, err)
		}
	}
	if _, err := (Options{}).seed("random"); err != nil {
		t.Error(err)
	}
}

// The reference can stop, as the CPU can, whose own tests run the whole suite.
func TestReferenceStops(t *testing.T) {
	o := Options{Seed: 7, Small: true}
	if err := find(t, o, "stopped").run(func(int) (kernels.Device, error) { return ref.New(), nil }, o); err != nil {
		t.Error(err)
	}
}
