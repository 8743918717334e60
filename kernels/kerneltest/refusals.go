package kerneltest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bnas.example/kernels"
)

// illegalPrograms: Compile refuses every illegal program, a batch of 0 images, a store of another device, and a parameter
// table that does not match. NewStore refuses a table with a parameter of no elements, or too many.
func illegalPrograms(f Factory, o Options) error {
	d, err := f(1)
	if err != nil {
		return err
	}
	for _, i := range Illegal() {
		c := Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 6}, 2)
		s, err := c.NewStore(d)
		if err != nil {
			return err
		}
		i.Break(c.Program)
		if _, err := d.Compile(c.Program, s, 2); err == nil {
			return fmt.Errorf("a program is compiled although %s", i.Name)
		}
	}
	c := Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 6}, 2)
	s, err := c.NewStore(d)
	if err != nil {
		return err
	}
	for _, n := range []int{0, -1} {
		if _, err := d.Compile(c.Program, s, n); err == nil {
			return fmt.Errorf("a program is compiled for %d images", n)
		}
	}
	if _, err := d.Compile(c.Program, foreign{s}, 2); err == nil {
		return fmt.Errorf("a program is compiled with a store that no device made")
	}
	other, err := f(1)
	if err != nil {
		return err
	}
	theirs, err := other.NewStore(c.Params)
	if err != nil {
		return err
	}
	if _, err := d.Compile(c.Program, theirs, 2); err == nil {
		return fmt.Errorf("a program is compiled with the store of another device of the same kind")
	}
	if err := other.Close(); err != nil {
		return err
	}
	fewer, err := d.NewStore(c.Params[:len(c.Params)-1])
	if err != nil {
		return err
	}
	if _, err := d.Compile(c.Program, fewer, 2); err == nil {
		return fmt.Errorf("a program is compiled with too few parameters")
	}
	c.Params[0].Shape = []int{1}
	if s, err = d.NewStore(c.Params); err != nil {
		return err
	}
	if _, err := d.Compile(c.Program, s, 2); err == nil {
		return fmt.Errorf("a program is compiled with a parameter of another shape")
	}
	for _, shape := range [][]int{{-1}, {-2, -3}, {3, 0}, {1 << 31, 2}, {1 << 32, 1 << 32}} {
		if _, err := d.NewStore([]kernels.Param{{Name: "gamma", Kind: kernels.Gamma, Shape: shape}}); err == nil {
			return fmt.Errorf("there is a store for a parameter of shape %v", shape)
		}
	}
	return d.Close()
}

// foreign is a store that no device made.
type foreign struct{ kernels.Store }

// refusal is a call that must return an error.
type refusal struct {
	name string
	call func() error
}

func refused(list []refusal) error {
	for _, r := range list {
		if r.call() == nil {
			return fmt.Errorf("no error: %s", r.name)
		}
	}
	return nil
}

// failed returns the error of a result.
func failed[T any](p *kernels.Pending[T]) error {
	_, err := p.Wait()
	return err
}

// callOrder: a call returns an error if an earlier call that it needs is missing.
func callOrder(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 6}, 4)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	e, p := s.e, c.Program
	logits := make([]float32, c.N*p.Classes())
	if err := refused([]refusal{
		{"Forward without statistics", func() error { return e.Forward(c.Images, 0) }},
		{"Logits before Forward", func() error { return e.Logits(logits) }},
		{"CrossEntropy before Forward", func() error { return e.CrossEntropy(c.Labels, 0) }},
		{"Loss before Forward", func() error { _, _, err := e.Loss(); return err }},
		{"QueueLoss before Forward", func() error { return failed(e.QueueLoss()) }},
		{"SetLogitGradient before Forward", func() error { return e.SetLogitGradient(logits) }},
		{"Backward before Forward", func() error { return e.Backward(kernels.FreezeStatistics, false) }},
		{"Statistics before Forward", func() error {
			return e.Statistics(make([]float64, p.BNParams()/2), make([]float64, p.BNParams()/2))
		}},
		{"QueueStatistics before Forward", func() error {
			return failed(e.QueueStatistics(make([]float64, p.BNParams()/2), make([]float64, p.BNParams()/2)))
		}},
		{"CodeGram before Forward", func() error { _, err := e.CodeGram(make([]int64, c.N*c.N)); return err }},
		{"Restrict before Forward", func() error { return e.Restrict(1) }},
		{"Read before Forward", func() error { return e.Read(kernels.NodeTap(0), make([]float32, c.N*p.Nodes[0].Len())) }},
	}); err != nil {
		return err
	}
	if err := e.Forward(c.Images, 2); err != nil {
		return err
	}
	if err := refused([]refusal{
		{"Backward before CrossEntropy", func() error { return e.Backward(kernels.FreezeStatistics, false) }},
		{"Loss before CrossEntropy", func() error { _, _, err := e.Loss(); return err }},
		{"QueueLoss before CrossEntropy", func() error { return failed(e.QueueLoss()) }},
		{"SampleGradients before CrossEntropy", func() error { return e.SampleGradients(make([]float32, c.N*p.BNParams())) }},
	}); err != nil {
		return err
	}
	if err := e.CrossEntropy(c.Labels, 0); err != nil {
		return err
	}
	return refused([]refusal{
		{"statistics of some rows differentiated", func() error { return e.Backward(kernels.DifferentiateStatistics, false) }},
		{"an unknown treatment of statistics", func() error { return e.Backward(7, false) }},
	})
}

// lengths: a call returns an error if a slice is one element too short or too long, or an argument is out of range.
func lengths(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 6}, 3)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	if err := s.e.Forward(c.Images, c.N); err != nil {
		return err
	}
	if err := s.e.CrossEntropy(c.Labels, 0); err != nil {
		return err
	}
	for _, by := range []int{-1, 1} {
		if err := refused(s.lengthsOff(by)); err != nil {
			return fmt.Errorf("%d elements more than there should be: %w", by, err)
		}
	}
	return refused(s.outOfRange())
}

// closed: a closed device refuses every call but Close.
func closed(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 6}, 3)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	if err := errors.Join(s.e.Forward(c.Images, c.N), s.e.CrossEntropy(c.Labels, 0), s.d.Close(), s.d.Close()); err != nil {
		return err
	}
	return refused(append(s.lengthsOff(0),
		refusal{"NewStore", func() error { _, err := s.d.NewStore(c.Params); return err }},
		refusal{"Compile", func() error { _, err := s.d.Compile(c.Program, s.s, c.Batch); return err }},
		refusal{"SetFactors", func() error { return s.e.SetFactors(nil) }},
		refusal{"Forward", func() error { return s.e.Forward(c.Images, c.N) }},
		refusal{"Loss", func() error { _, _, err := s.e.Loss(); return err }},
		refusal{"QueueLoss", func() error { return failed(s.e.QueueLoss()) }},
		refusal{"Backward", func() error { return s.e.Backward(kernels.FreezeStatistics, false) }},
		refusal{"Store.Update", func() error { return s.update(kernels.Update{LR: 1}, 0) }},
		refusal{"Store.QueueUpdate", func() error { return failed(s.s.QueueUpdate(kernels.Update{LR: 1}, []kernels.ParamID{0})) }},
	))
}

func (s *session) update(rule kernels.Update, ids ...kernels.ParamID) error {
	_, err := s.s.Update(rule, ids)
	return err
}

// released: an Exec that was released refuses every call, and another one takes its place with the same bits.
func released(f Factory, o Options) error {
	c := Cell(o.Seed, kernels.Shape{C: 4, H: 6, W: 6}, 3)
	s, err := c.start(f)
	if err != nil {
		return err
	}
	want, err := s.logits(c.Images, c.N)
	if err != nil {
		return err
	}
	if err := s.e.CrossEntropy(c.Labels, 0); err != nil {
		return err
	}
	loss := s.e.QueueLoss()
	kernels.Release(s.e)
	kernels.Release(s.e)
	calls := append(s.lengthsOff(0),
		refusal{"SetFactors", func() error { return s.e.SetFactors(nil) }},
		refusal{"Forward", func() error { return s.e.Forward(c.Images, c.N) }},
		refusal{"Loss", func() error { _, _, err := s.e.Loss(); return err }},
		refusal{"Backward", func() error { return s.e.Backward(kernels.FreezeStatistics, false) }},
	)
	calls = slices.DeleteFunc(calls, func(r refusal) bool { return strings.HasPrefix(r.name, "Store.") })
	if err := refused(calls); err != nil {
		return err
	}
	if s.e, err = s.d.Compile(c.Program, s.s, c.Batch); err != nil {
		return err
	}
	got, err := s.logits(c.Images, c.N)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return errors.New("an Exec in the place of one that was released has other logits")
	}
	_, err = loss.Wait()
	return errors.Join(err, s.d.Close())
}

// lengthsOff lists the calls that take a slice of a fixed length. Each gets by elements too many.
func (s *session) lengthsOff(by int) []refusal {
	e, p, n := s.e, s.Program, s.N
	f32 := func(n int) []float32 { return make([]float32, n+by) }
	f64 := func(n int) []float64 { return make([]float64, n+by) }
	node, tap := p.Nodes[0].Len(), kernels.NodeTap(0)
	c, channels := p.Nodes[0].C, p.BNParams()/2
	return []refusal{
		{"Logits", func() error { return e.Logits(f32(n * p.Classes())) }},
		{"CrossEntropy", func() error { return e.CrossEntropy(make([]int, n+by), 0) }},
		{"SetLogitGradient", func() error { return e.SetLogitGradient(f32(n * p.Classes())) }},
		{"SampleGradients", func() error { return e.SampleGradients(f32(n * p.BNParams())) }},
		{"NodeGradient's dst", func() error { return e.NodeGradient(f32(n*node), 0, make([]float32, n*p.Nodes[1].Len()), 1) }},
		{"NodeGradient's seed", func() error { return e.NodeGradient(make([]float32, n*node), 0, f32(n*p.Nodes[1].Len()), 1) }},
		{"NodeProducts' dst", func() error { return e.NodeProducts(f64(c*c), 0, make([]float32, n*node), 0) }},
		{"NodeProducts' seed", func() error { return e.NodeProducts(make([]float64, c*c), 0, f32(n*node), 0) }},
		{"QueueStatistics' means", func() error { return failed(e.QueueStatistics(f64(channels), make([]float64, channels))) }},
		{"QueueStatistics' variances", func() error { return failed(e.QueueStatistics(make([]float64, channels), f64(channels))) }},
		{"Statistics' means", func() error { return e.Statistics(f64(channels), make([]float64, channels)) }},
		{"Statistics' variances", func() error { return e.Statistics(make([]float64, channels), f64(channels)) }},
		{"SetStatistics' means", func() error { return e.SetStatistics(f64(channels), make([]float64, channels)) }},
		{"SetStatistics' variances", func() error { return e.SetStatistics(make([]float64, channels), f64(channels)) }},
		{"Covariance's means", func() error { return e.Covariance(tap, f64(c), make([]float64, c*c)) }},
		{"Covariance's covariances", func() error { return e.Covariance(tap, make([]float64, c), f64(c*c)) }},
		{"SpatialMean", func() error { return e.SpatialMean(tap, f64(n*c)) }},
		{"Read", func() error { return e.Read(tap, f32(n*node)) }},
		{"CodeGram", func() error { _, err := e.CodeGram(make([]int64, n*n+by)); return err }},
		{"FiringRate", func() error { return e.FiringRate(f64(p.RectifiedChannels())) }},
		{"Store.Read", func() error { return s.s.Read(kernels.Data, f32(s.Params[0].Len()), 0) }},
		{"Store.QueueRead", func() error { return failed(s.s.QueueRead(kernels.Data, f32(s.Params[0].Len()), 0)) }},
		{"Store.Write", func() error { return s.s.Write(kernels.Data, f32(s.Params[0].Len()), 0) }},
	}
}

func (s *session) outOfRange() []refusal {
	e, p := s.e, s.Program
	size := p.Values[kernels.Images].Len()
	nodes := kernels.NodeID(len(p.Nodes))
	read := func(t kernels.Tap) error { return e.Read(t, make([]float32, s.N*p.Nodes[0].Len())) }
	labels := func(label int) []int { return append([]int{label}, s.Labels[1:]...) }
	pair := func(to, from kernels.NodeID) error {
		return e.NodeGradient(make([]float32, s.N*p.Nodes[0].Len()), to, make([]float32, s.N*p.Nodes[0].Len()), from)
	}
	return []refusal{
		{"a label of −1", func() error { return e.CrossEntropy(labels(-1), 0) }},
		{"a label of Classes", func() error { return e.CrossEntropy(labels(p.Classes()), 0) }},
		{"label smoothing of −0.1", func() error { return e.CrossEntropy(s.Labels, -0.1) }},
		{"a node of −1", func() error { return read(kernels.NodeTap(-1)) }},
		{"a node too many", func() error { return read(kernels.NodeTap(nodes)) }},
		{"a value of −1", func() error { return read(kernels.ValueTap(-1)) }},
		{"a value too many", func() error { return read(kernels.ValueTap(kernels.ValueID(len(p.Values)))) }},
		{"a gradient at node −1", func() error { return pair(-1, 0) }},
		{"a gradient from a node too many", func() error { return pair(0, nodes) }},
		{"a parameter of −1", func() error { return s.s.Read(kernels.Data, nil, -1) }},
		{"a parameter too many", func() error { return s.s.Write(kernels.Data, nil, kernels.ParamID(len(s.Params))) }},
		{"a slot too many", func() error { return s.s.Read(kernels.Moment2+1, make([]float32, s.Params[0].Len()), 0) }},
		{"a parameter twice", func() error { return s.s.Read(kernels.Data, make([]float32, 2*s.Params[0].Len()), 0, 0) }},
		{"too few elements", func() error { return s.s.Write(kernels.Data, make([]float32, s.Params[0].Len()), 0, 1) }},
		{"an update of no parameter", func() error { return s.update(kernels.Update{LR: 1}, kernels.ParamID(len(s.Params))) }},
		{"an update of a parameter twice", func() error { return s.update(kernels.Update{LR: 1}, 0, 0) }},
		{"a learning rate of −1", func() error { return s.update(kernels.Update{LR: -1}, 0) }},
		{"an optimizer too many", func() error { return s.update(kernels.Update{Kind: kernels.RMSProp + 1}, 0) }},
		{"a restriction to no images", func() error { return e.Restrict(0) }},
		{"a restriction to more images", func() error { return e.Restrict(s.N + 1) }},
		{"no images", func() error { return e.Forward(nil, 0) }},
		{"part of an image", func() error { return e.Forward(s.Images[:size+1], 1) }},
		{"more images than compiled for", func() error { return e.Forward(make([]float32, (s.Batch+1)*size), 1) }},
		{"more statistics rows than images", func() error { return e.Forward(s.Images, s.N+1) }},
		{"−1 statistics rows", func() error { return e.Forward(s.Images, -1) }},
		{"a negative variance", func() error {
			variance := make([]float64, p.BNParams()/2)
			variance[0] = -1
			return e.SetStatistics(make([]float64, len(variance)), variance)
		}},
	}
}
