package study

import (
	"context"
	"fmt"
	"slices"

	"bnas.example/kernels"
	"bnas.example/ntk"
	"bnas.example/supernet"

	"gonum.org/v1/gonum/mat"
)

// tangentTask is a network at initialisation and the images on which it trains.
type tangentTask struct {
	net     *supernet.Net
	program *kernels.Program
	exec    kernels.Exec // of store, for all images
	store   kernels.Store
	images  []float32
	labels  []int
	how     kernels.StatGrad
	report  func(phase string, done, total int)
}

// course is the descent of a network beside that of its linearisation at initialisation, at one rate.
type course struct {
	Parameters int           `json:"parameters"` // that train
	Rate       float64       `json:"rate"`       // η
	Moments    []courseState `json:"moments"`    // from step 0
	Third      *courseState  `json:"third"`      // where the loss has first fallen by a third; nil: nowhere
	Start      kernelPeers   `json:"start"`
	End        kernelPeers   `json:"end"`
}

// courseState is the state after some steps.
type courseState struct {
	Step       int           `json:"step"`
	Loss       float64       `json:"loss"`
	LinearLoss float64       `json:"linear_loss"`
	Error      float64       `json:"error"`   // ‖f_t − f_lin,t‖ / ‖f_t − f_0‖
	Outputs    []float32     `json:"outputs"` // f_t
	Linear     []float32     `json:"linear"`  // f_lin,t
	Kernel     *kernelChange `json:"kernel,omitempty"`
}

// kernelChange compares the kernel of the parameters that train with that at initialisation.
type kernelChange struct {
	Drift        float64 `json:"drift"`         // ‖Θ_t − Θ_0‖_F / ‖Θ_0‖_F
	Alignment    float64 `json:"alignment"`     // of Θ_t with Θ_0
	LogCondition float64 `json:"log_condition"` // log κ of Σ_k Θ_t, over the images
}

// kernelPeers compares the kernel of γ and β with that of all parameters of one network.
type kernelPeers struct {
	Share     float64 `json:"share"` // tr Θ_BN / tr Θ_all
	Alignment float64 `json:"alignment"`
	Centred   float64 `json:"centred"` // of Σ_k Θ, centred over the images
}

// run trains the parameters of a set, with η·λ_max(Θ_0)/n = matchedRate, for the last of the steps. It looks at the outputs after each of
// them, and at the kernel after those of kernelSteps, which are some of them. Both ascend and have the same last step. It looks at both
// where the loss has fallen by a third.
func (t *tangentTask) run(ctx context.Context, set supernet.TrainSet, steps, kernelSteps []int) (course, error) {
	d := t.descent(t.net.Trainable(set, t.program))
	c := course{Parameters: kernels.Elements(t.net.Params(), d.Train)}
	at, err := t.start(&c, &d, set)
	if err != nil {
		return c, err
	}
	for step, last := 0, steps[len(steps)-1]; ; step++ {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		f, err := d.Outputs()
		if err != nil {
			return c, err
		}
		m, err := at.look(step, f)
		if err != nil {
			return c, err
		}
		third := c.Third == nil && step > 0 && m.Loss <= c.Moments[0].Loss*2/3
		if step == 0 {
			m.Kernel, err = changed(at.kernel, at.kernel, t.program.Classes())
		} else if third || slices.Contains(kernelSteps, step) {
			m.Kernel, err = t.change(&c, set, at.kernel, step == last)
			t.report("kernels", kernelsUpTo(kernelSteps, step), len(kernelSteps))
			f, err = again(d, err)
		}
		if err != nil {
			return c, fmt.Errorf("step %d: %w", step, err)
		}
		if third {
			c.Third = &m
		}
		if step == 0 || slices.Contains(steps, step) {
			c.Moments = append(c.Moments, m)
			t.report("descent", step, last)
		}
		if step == last {
			return c, nil
		}
		if err := d.Step(f); err != nil {
			return c, err
		}
	}
}

// again returns the outputs after a kernel, which took passes of its own. err is that of the kernel.
func again(d ntk.Descent, err error) ([]float64, error) {
	if err != nil {
		return nil, err
	}
	return d.Outputs()
}

// kernelsUpTo counts the steps up to one.
func kernelsUpTo(steps []int, step int) int {
	n := 0
	for _, s := range steps {
		if s <= step {
			n++
		}
	}
	return n
}

func (t *tangentTask) descent(train []kernels.ParamID) ntk.Descent {
	return ntk.Descent{Exec: t.exec, Store: t.store, Images: t.images, Target: t.targets(), Train: train, Statistics: t.how}
}

// beginning is a network at initialisation, and its linearisation there.
type beginning struct {
	kernel  *mat.SymDense // of what trains
	outputs []float64
	targets []float64
	images  int
	linear  *ntk.Linear
	rate    float64
}

// start computes the kernels at initialisation and sets the rate.
func (t *tangentTask) start(c *course, d *ntk.Descent, set supernet.TrainSet) (*beginning, error) {
	pair, err := t.pair()
	if err != nil {
		return nil, err
	}
	if c.Start, err = pair.compare(t.program.Classes()); err != nil {
		return nil, err
	}
	b := &beginning{kernel: pair.of(set), targets: d.Target, images: len(t.labels)}
	if b.outputs, err = d.Outputs(); err != nil {
		return nil, err
	}
	if b.linear, err = ntk.NewLinear(b.kernel, b.outputs, b.targets, b.images); err != nil {
		return nil, err
	}
	b.rate = b.linear.Rate(matchedRate)
	c.Rate, d.Rate = b.rate, b.rate
	return b, nil
}

// targets are 1 for the label and 0 for the other classes.
func (t *tangentTask) targets() []float64 {
	classes := t.program.Classes()
	y := make([]float64, len(t.labels)*classes)
	for i, label := range t.labels {
		y[i*classes+label] = 1
	}
	return y
}

// look compares the outputs after some steps with those of the linear network.
func (b *beginning) look(step int, f []float64) (m courseState, err error) {
	lin := b.linear.At(step, b.rate)
	m = courseState{Step: step, Outputs: float32s(f), Linear: float32s(lin)}
	m.Loss, m.LinearLoss = ntk.SquaredLoss(f, b.targets, b.images), ntk.SquaredLoss(lin, b.targets, b.images)
	if step > 0 {
		m.Error, err = ntk.Distance(f, lin, b.outputs)
	}
	return m, err
}

func float32s(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// change compares the kernel of what trains with that at initialisation. At the end it compares the kernels of γ and β and of all
// parameters too, for c.End.
func (t *tangentTask) change(c *course, set supernet.TrainSet, start *mat.SymDense, end bool) (*kernelChange, error) {
	if !end {
		now, err := ntk.OutputKernels(t.exec, t.store, t.images, t.how, t.net.Trainable(set, t.program))
		if err != nil {
			return nil, err
		}
		return changed(now[0], start, t.program.Classes())
	}
	now, err := t.pair()
	if err != nil {
		return nil, err
	}
	if c.End, err = now.compare(t.program.Classes()); err != nil {
		return nil, err
	}
	return changed(now.of(set), start, t.program.Classes())
}

func changed(now, start *mat.SymDense, classes int) (*kernelChange, error) {
	var c kernelChange
	var err error
	if c.Drift, err = ntk.Drift(now, start); err != nil {
		return nil, err
	}
	if c.Alignment, err = ntk.Alignment(now, start); err != nil {
		return nil, err
	}
	values, err := ntk.Eigenvalues(ntk.TraceOutputs(now, classes))
	c.LogCondition = ntk.LogCondition(values)
	return &c, err
}

// kernelPair is the kernel of γ and β, and that of all parameters.
type kernelPair struct{ bn, all *mat.SymDense }

func (t *tangentTask) pair() (kernelPair, error) {
	bn, all := t.net.Trainable(supernet.AllBN, t.program), t.net.Trainable(supernet.All, t.program)
	k, err := ntk.OutputKernels(t.exec, t.store, t.images, t.how, bn, all[len(bn):])
	if err != nil {
		return kernelPair{}, err
	}
	k[1].AddSym(k[0], k[1])
	return kernelPair{k[0], k[1]}, nil
}

func (k kernelPair) of(set supernet.TrainSet) *mat.SymDense {
	if set == supernet.All {
		return k.all
	}
	return k.bn
}

func (k kernelPair) compare(classes int) (p kernelPeers, err error) {
	p.Share = mat.Trace(k.bn) / mat.Trace(k.all)
	if p.Alignment, err = ntk.Alignment(k.bn, k.all); err != nil {
		return p, err
	}
	p.Centred, err = ntk.Alignment(ntk.Centre(ntk.TraceOutputs(k.bn, classes)), ntk.Centre(ntk.TraceOutputs(k.all, classes)))
	return p, err
}
