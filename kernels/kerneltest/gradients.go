package kerneltest

import (
	"errors"
	"fmt"
	"slices"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// backwards makes every kind of backward pass. Those with frozen statistics start from two gradients of the logits.
func (o *observer) backwards(n int, training bool) error {
	if training {
		if err := o.backward("differentiated", kernels.DifferentiateStatistics, false); err != nil {
			return err
		}
		if err := o.backward("weights, frozen,", kernels.FreezeStatistics, true); err != nil {
			return err
		}
		if err := o.backward("weights", kernels.DifferentiateStatistics, true); err != nil {
			return err
		}
	}
	if err := o.backward("frozen", kernels.FreezeStatistics, false); err != nil {
		return err
	}
	if err := o.sample("loss", "frozen", n); err != nil {
		return err
	}
	direction := make([]float32, n*o.c.Program.Classes())
	philox.New(0, "kerneltest direction", 0).Rademacher(direction)
	if err := o.e.SetLogitGradient(direction); err != nil {
		return o.failed("SetLogitGradient", err)
	}
	if err := o.backward("directional", kernels.FreezeStatistics, false); err != nil {
		return err
	}
	return o.sample("direction", "directional", n)
}

// backward poisons all Grad slots, runs Backward, and keeps the slots that Backward must write.
func (o *observer) backward(name string, mode kernels.StatGrad, weights bool) error {
	for id, p := range o.c.Params {
		if err := o.s.Write(kernels.Grad, outputFloat32(p.Len()).slice(), kernels.ParamID(id)); err != nil {
			return o.failed(name, err)
		}
	}
	if err := o.e.Backward(mode, weights); err != nil {
		return o.failed(name, err)
	}
	scales := o.gradientScales()
	for id, p := range o.c.Params {
		grad := outputFloat32(p.Len())
		err := o.s.Read(kernels.Grad, grad.slice(), kernels.ParamID(id))
		if p.Kind == kernels.ConvWeight && !weights {
			if err == nil {
				err = grad.untouched()
			}
			if err != nil {
				return o.failed(name, fmt.Errorf("the gradient of weight %d must not be written: %w", id, err))
			}
			continue
		}
		what := fmt.Sprintf("%s gradient %d", name, id)
		if err := o.keep(what, gradient, grad.take, err, scales[id]...); err != nil {
			return err
		}
	}
	return nil
}

// gradientScales names the results that give the scale of the error of each parameter's gradient. With differentiated
// statistics the terms of a gradient cancel (completely if m = 1); the gradient with frozen statistics gives the scale.
// dγ = Σδx̂ is only rounding if x̂ = 0, but not larger than that of dβ = Σδ.
func (o *observer) gradientScales() [][]string {
	scales := make([][]string, len(o.c.Params))
	for _, b := range o.c.Program.BNs {
		both := []string{fmt.Sprintf("frozen gradient %d", b.Gamma), fmt.Sprintf("frozen gradient %d", b.Beta)}
		scales[b.Gamma], scales[b.Beta] = both, slices.Clone(both)
	}
	for id, p := range o.c.Params {
		if p.Kind == kernels.ConvWeight {
			scales[id] = []string{fmt.Sprintf("weights, frozen, gradient %d", id)}
		}
	}
	return scales
}

// sample keeps the per-image gradients, by BatchNorm, and their sums less the Grad slots of the Backward with the given name:
// SampleGradients does not change the slots, and the gradients add up to them.
func (o *observer) sample(of, backward string, n int) error {
	columns := o.c.Program.BNParams()
	out := outputFloat32(n * columns)
	err := o.e.SampleGradients(out.slice())
	data, takeErr := out.take()
	if err := errors.Join(err, takeErr); err != nil {
		return o.failed("SampleGradients", err)
	}
	at := 0
	for i, b := range o.c.Program.BNs {
		c := o.c.Program.Values[b.Value].C
		var part []float64
		total := make([]float64, 2*c)
		for row := range n {
			piece := data[row*columns+at:][:2*c]
			part = append(part, piece...)
			for k, v := range piece {
				total[k] += v
			}
		}
		at += 2 * c
		o.add(fmt.Sprintf("sample gradients of the %s at BN %d", of, i), gradient, part)
		if err := o.adds(backward, i, total); err != nil {
			return o.failed(fmt.Sprintf("SampleGradients: BN %d", i), err)
		}
	}
	return nil
}

// adds keeps how far Σ_n of the sample gradients is from the Grad slots of the Backward with that name, which froze the statistics. The
// reference has rounding noise there, and the slots give the scale.
func (o *observer) adds(backward string, at int, total []float64) error {
	b, c := o.c.Program.BNs[at], len(total)/2
	whole, err := kernels.ReadEach(o.s, kernels.Grad, b.Gamma, b.Beta)
	if err != nil {
		return err
	}
	for k := range c {
		total[k] -= float64(whole[0][k])
		total[c+k] -= float64(whole[1][k])
	}
	o.add(fmt.Sprintf("sum of the sample gradients less the %s gradients at BN %d", backward, at), forward, total,
		fmt.Sprintf("%s gradient %d", backward, b.Gamma), fmt.Sprintf("%s gradient %d", backward, b.Beta))
	return nil
}

// nodeGradients keeps the gradients between the first node, the last node and some nodes between them.
func (o *observer) nodeGradients(n int) error {
	nodes := o.c.Program.Nodes
	last := o.c.Program.Blocks[0].Out
	for k, pair := range [][2]int{{0, int(last)}, {len(nodes) / 2, int(last)}, {0, len(nodes) / 2}, {int(last), int(last)}} {
		to, from := kernels.NodeID(pair[0]), kernels.NodeID(pair[1])
		seed := make([]float32, n*nodes[from].Len())
		philox.New(uint64(k), "kerneltest seed", 0).Normal(seed, 1)
		kept := slices.Clone(seed)
		dst := outputFloat32(n * nodes[to].Len())
		err := o.e.NodeGradient(dst.slice(), to, seed, from)
		if err := o.keep(fmt.Sprintf("gradient at node %d from %d", to, from), gradient, dst.take, err); err != nil {
			return err
		}
		if err := o.nodeProducts(to, seed, from); err != nil {
			return err
		}
		if !slices.Equal(seed, kept) {
			return o.failed("NodeGradient", errors.New("the seed was written to"))
		}
	}
	return nil
}

// nodeProducts keeps the products of the seed and its gradient, if the pixels of to are windows of those of from.
func (o *observer) nodeProducts(to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	size, err := o.c.Program.NodeProducts(to, from)
	if err != nil {
		return nil
	}
	dst := outputFloat64(size)
	err = o.e.NodeProducts(dst.slice(), to, seed, from)
	return o.keep(fmt.Sprintf("products at node %d from %d", to, from), gradient, dst.take, err)
}
