package kerneltest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// result is one output of an Exec, in float64.
type result struct {
	name  string   // "batch: logits"
	scale []string // results whose largest elements, with its own, give the scale of its error
	kind  kind
	data  []float64
}

// kind is the class of a result. It decides the tolerance.
type kind int

const (
	forward  kind = iota // relative to the largest element
	gradient             // the same, looser
	exact                // equal if the same rectifiers are on
)

// manyImages is a number of images that no device sums at once.
const manyImages = 35

// observer calls every method of an Exec in a fixed order and keeps the results.
type observer struct {
	c       *Case
	e       kernels.Exec
	s       kernels.Store
	gates   map[string][]float32 // sums for SetGate of the reference, by run and node
	record  map[string][]float32 // sums that this Exec has
	results []result
	run     string // prefix of names
}

// observe runs a case on d. With gates or roundings, d must be the reference.
func observe(c *Case, d kernels.Device, gates map[string][]float32, r ref.Rounding) (*observer, error) {
	s, err := c.NewStore(d)
	if err != nil {
		return nil, err
	}
	e, err := d.Compile(c.Program, s, c.Batch)
	if err != nil {
		return nil, err
	}
	if r != (ref.Rounding{}) {
		ref.Of(e).SetRounding(r)
	}
	o := &observer{c: c, e: e, s: s, gates: gates}
	return o, o.all()
}

// all makes the runs: training, the first of its images with its statistics, MC-BatchNorm, the statistics of an earlier Forward,
// given statistics, and a smaller batch. Large networks and many images take seconds; they have the first three runs only.
func (o *observer) all() error {
	o.results, o.record = nil, map[string][]float32{}
	images, labels := slices.Clone(o.c.Images), slices.Clone(o.c.Labels)
	size := len(images) / o.c.N
	fewer := o.c.N - o.c.N/3
	runs := []struct {
		name        string
		n, statRows int
		set         bool
		restrict    int // to so many images; 0: not
		factors     int // set for so many images; 0: those before stay, −1: 1
	}{
		{"batch", o.c.N, o.c.N, false, 0, o.c.N},
		{"restricted", o.c.N, o.c.N, false, fewer, 0},
		{"rows", o.c.N, o.c.StatRows, false, 0, 0},
		{"left", o.c.N, 0, false, 0, -1},
		{"set", o.c.N, 0, true, 0, o.c.N},
		{"fewer", fewer, fewer, false, 0, fewer},
	}
	if o.c.Program.MACs()*int64(o.c.N) > 1e7 || o.c.N >= manyImages {
		runs = runs[:3]
	}
	for _, run := range runs {
		o.run = run.name
		if run.set {
			if err := o.setStatistics(); err != nil {
				return o.failed("SetStatistics", err)
			}
		}
		if run.factors != 0 && len(o.c.Factors) > 0 {
			if err := o.e.SetFactors(o.c.factors(max(run.factors, 0))); err != nil {
				return o.failed("SetFactors", err)
			}
		}
		if err := o.forward(images[:run.n*size], labels[:run.n], run.statRows, run.restrict); err != nil {
			return err
		}
	}
	if !slices.Equal(images, o.c.Images) || !slices.Equal(labels, o.c.Labels) {
		return fmt.Errorf("%s: the images or the labels were written to", o.c.Name)
	}
	return o.dataUnchanged()
}

// forward makes one Forward and all calls after it, of its first restrict images unless that is 0.
func (o *observer) forward(images []float32, labels []int, statRows, restrict int) error {
	n := len(labels)
	if err := o.e.Forward(images, statRows); err != nil {
		return o.failed("Forward", err)
	}
	if restrict > 0 {
		n, labels, statRows = restrict, labels[:restrict], 0
		if err := o.e.Restrict(n); err != nil {
			return o.failed("Restrict", err)
		}
	}
	if err := o.outputs(n, labels); err != nil {
		return err
	}
	if err := o.sums(n); err != nil {
		return err
	}
	if err := o.backwards(n, n == statRows); err != nil {
		return err
	}
	if o.run == "left" {
		return nil
	}
	if err := o.nodeGradients(n); err != nil {
		return err
	}
	return o.taps(n)
}

func (o *observer) failed(what string, err error) error {
	return fmt.Errorf("%s: %s: %s: %w", o.c.Name, o.run, what, err)
}

// keep checks the guard zones of an output and keeps it.
func (o *observer) keep(name string, k kind, take func() ([]float64, error), err error, scale ...string) error {
	if err != nil {
		return o.failed(name, err)
	}
	data, err := take()
	if err != nil {
		return o.failed(name, err)
	}
	o.add(name, k, data, scale...)
	return nil
}

func (o *observer) add(name string, k kind, data []float64, scale ...string) {
	for i := range scale {
		scale[i] = o.run + ": " + scale[i]
	}
	o.results = append(o.results, result{name: o.run + ": " + name, kind: k, scale: scale, data: data})
}

// outputs keeps the logits, the loss and the statistics.
func (o *observer) outputs(n int, labels []int) error {
	logits := outputFloat32(n * o.c.Program.Classes())
	if err := o.keep("logits", forward, logits.take, o.e.Logits(logits.slice())); err != nil {
		return err
	}
	if err := o.e.CrossEntropy(labels, 0.1); err != nil {
		return o.failed("CrossEntropy", err)
	}
	loss, correct, err := o.e.Loss()
	if err != nil {
		return o.failed("Loss", err)
	}
	if math.IsNaN(loss) {
		return o.failed("Loss", errors.New("it is NaN"))
	}
	o.add("loss", forward, []float64{loss}, "logits")
	if least, most := clearlyRight(logits.slice(), labels); correct < least || correct > most {
		return o.failed("Loss", fmt.Errorf("%d correct, the logits say %d…%d", correct, least, most))
	}
	return o.statistics()
}

// statistics keeps the means and variances, by BatchNorm.
func (o *observer) statistics() error {
	channels := o.c.Program.BNParams() / 2
	mean, variance := outputFloat64(channels), outputFloat64(channels)
	if err := o.e.Statistics(mean.slice(), variance.slice()); err != nil {
		return o.failed("Statistics", err)
	}
	mu, err := mean.take()
	sigma2, err2 := variance.take()
	if err := errors.Join(err, err2); err != nil {
		return o.failed("Statistics", err)
	}
	for i, b := range o.c.Program.BNs {
		c := o.c.Program.Values[b.Value].C
		name := fmt.Sprintf("variance of BN %d", i)
		o.add(fmt.Sprintf("mean of BN %d", i), forward, mu[:c], name)
		o.add(name, forward, sigma2[:c])
		mu, sigma2 = mu[c:], sigma2[c:]
	}
	return nil
}

// sums reads every node and, on the reference, sets the gates.
func (o *observer) sums(n int) error {
	for id, node := range o.c.Program.Nodes {
		z := outputFloat32(n * node.Len())
		err := o.e.Read(kernels.NodeTap(kernels.NodeID(id)), z.slice())
		name := fmt.Sprintf("node %d", id)
		if err := o.keep(name, forward, z.take, err); err != nil {
			return err
		}
		key := o.run + ": " + name
		o.record[key] = z.slice()
		if o.gates == nil {
			continue
		}
		if err := ref.Of(o.e).SetGate(kernels.NodeID(id), o.gates[key]); err != nil {
			return o.failed("SetGate", err)
		}
	}
	return nil
}

// taps keeps the means and covariances of all values and nodes, the values themselves, and the states of the rectifiers.
func (o *observer) taps(n int) error {
	p := o.c.Program
	for v := range p.Values {
		if err := o.tap(kernels.ValueTap(kernels.ValueID(v)), fmt.Sprintf("value %d", v), p.Values[v].Shape, n); err != nil {
			return err
		}
	}
	for id, node := range p.Nodes {
		if err := o.tap(kernels.NodeTap(kernels.NodeID(id)), fmt.Sprintf("node %d", id), node.Shape, n); err != nil {
			return err
		}
	}
	gram := outputInt64(n * n)
	units, err := o.e.CodeGram(gram.slice())
	if err := o.keep("CodeGram", exact, gram.take, err); err != nil {
		return err
	}
	o.add("units of CodeGram", exact, []float64{float64(units)})
	rates := outputFloat64(p.RectifiedChannels())
	return o.keep("FiringRate", exact, rates.take, o.e.FiringRate(rates.slice()))
}

func (o *observer) tap(t kernels.Tap, name string, s kernels.Shape, n int) error {
	if _, ok := t.Value(); ok {
		x := outputFloat32(n * s.Len())
		if err := o.keep(name, forward, x.take, o.e.Read(t, x.slice())); err != nil {
			return err
		}
	}
	means := outputFloat64(n * s.C)
	if err := o.keep("spatial mean of "+name, forward, means.take, o.e.SpatialMean(t, means.slice()), name); err != nil {
		return err
	}
	mean, cov := outputFloat64(s.C), outputFloat64(s.C*s.C)
	err := o.e.Covariance(t, mean.slice(), cov.slice())
	if err := o.keep("mean of "+name, forward, mean.take, err, name); err != nil {
		return err
	}
	return o.keep("covariance of "+name, forward, cov.take, err)
}

// setStatistics sets statistics that differ from those of the batch: it shifts each mean and scales each variance, by
// the same amount for all BatchNorms of one value.
func (o *observer) setStatistics() error {
	p := o.c.Program
	mean, variance := make([]float64, p.BNParams()/2), make([]float64, p.BNParams()/2)
	if err := o.e.Statistics(mean, variance); err != nil {
		return err
	}
	for i := range mean {
		mean[i] += 0.1 * math.Sqrt(variance[i])
		variance[i] = 1.5*variance[i] + 1e-3
	}
	return o.e.SetStatistics(mean, variance)
}

func (o *observer) dataUnchanged() error {
	for id, want := range o.c.Data {
		got := make([]float32, len(want))
		if err := o.s.Read(kernels.Data, got, kernels.ParamID(id)); err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s: parameter %d was changed by a run", o.c.Name, id)
		}
	}
	return nil
}

// clearlyRight returns bounds of the number of images whose label is the first maximum. Near ties may go either way.
func clearlyRight(logits []float32, labels []int) (least, most int) {
	classes := len(logits) / len(labels)
	for i, label := range labels {
		y := logits[i*classes : (i+1)*classes]
		first, tied := true, false
		for k, v := range y {
			if v > y[label] || v == y[label] && k < label {
				first = false
			}
			gap := math.Abs(float64(v - y[label]))
			tied = tied || gap > 0 && gap < 1e-6*math.Abs(float64(v))
		}
		if first || tied {
			most++
		}
		if first && !tied {
			least++
		}
	}
	return least, most
}
