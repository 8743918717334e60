package kerneltest

import (
	"fmt"
	"math"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// Two loads of one device may round a float32 sum near zero to different signs. The gradient there is then not defined
// to any tolerance. settle looks for images without such sums.

const attempts = 30

// settle redraws the images and the factors of the case until no rectifier and no maximum depends on the last bits.
func (c *Case) settle() error {
	for attempt := range attempts {
		risky, err := c.risky()
		if err != nil || !risky {
			return err
		}
		c.redraw(attempt)
	}
	return fmt.Errorf("kerneltest: %s: no images and factors in %d draws keep clear of its corners", c.Name, attempts)
}

func (c *Case) risky() (bool, error) {
	d := ref.New()
	s, err := c.NewStore(d)
	if err != nil {
		return false, err
	}
	exec, err := d.Compile(c.Program, s, c.Batch)
	if err != nil {
		return false, err
	}
	if err := exec.SetFactors(c.factors(c.N)); err != nil {
		return false, err
	}
	for _, rows := range []int{c.N, c.StatRows} {
		if err := exec.Forward(c.Images, rows); err != nil {
			return false, err
		}
		for _, step := range c.Program.Steps {
			if step.Act == kernels.Linear && step.Op != kernels.OpMaxPool {
				continue
			}
			for _, n := range step.In {
				if c.near(ref.Of(exec), &step, n) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// near reports whether an element of a node is within rounding of a corner of the activation, or of another element of
// its window.
func (c *Case) near(e *ref.Exec, s *kernels.Step, n kernels.NodeID) bool {
	z, rounding := e.Node(n), c.rounding(e, n)
	for i, v := range z {
		if s.Act != kernels.Linear && v != 0 && math.Abs(v) < rounding[i] {
			return true
		}
		if s.Act == kernels.ReLU6 && v != 6 && math.Abs(v-6) < rounding[i]+1e-6 {
			return true
		}
	}
	return s.Op == kernels.OpMaxPool && c.tied(s, z, rounding)
}

// factorOf returns the magnitude of the factor of a term for each image.
func (c *Case) factorOf(n kernels.NodeID, term int) func(image int) float64 {
	row := c.Program.FactorRows()[n][term]
	return func(image int) float64 {
		if row == kernels.NoFactor {
			return 1
		}
		return math.Abs(float64(c.Factors[row][image]))
	}
}

// rounding bounds float32's error of each element of a node: a few ulp of the terms x·s, μ·s and β that are summed.
func (c *Case) rounding(e *ref.Exec, n kernels.NodeID) []float64 {
	node := c.Program.Nodes[n]
	pixels := node.H * node.W
	bound := make([]float64, len(e.Node(n)))
	for k, t := range node.Terms {
		x, factor := e.Values(t.Value), c.factorOf(n, k)
		if t.BN == kernels.NoBN {
			for i, v := range x {
				bound[i] += 2e-7 * factor(i/node.Len()) * math.Abs(v)
			}
			continue
		}
		b := c.Program.BNs[t.BN]
		mean, variance := e.Moments(b.Value)
		for i, v := range x {
			ch := i / pixels % node.C
			scale := math.Abs(float64(c.Data[b.Gamma][ch])) / math.Sqrt(variance[ch]+b.Eps)
			bound[i] += 2e-7 * factor(i/node.Len()) * (scale*(math.Abs(v)+math.Abs(mean[ch])) + math.Abs(float64(c.Data[b.Beta][ch])))
		}
	}
	return bound
}

// tied reports whether the two largest elements of a window differ by no more than rounding, and a gradient passes
// through them. Equal elements are safe: they stay equal if both are rounded in the same way, and the first is chosen.
func (c *Case) tied(s *kernels.Step, z, rounding []float64) bool {
	in, out := c.Program.Nodes[s.In[0]].Shape, c.Program.Values[s.Out].Shape
	for p := range len(z) / (in.H * in.W) * out.H * out.W {
		plane, y, x := p/(out.H*out.W)*in.H*in.W, p/out.W%out.H, p%out.W
		best, next, bound := math.Inf(-1), math.Inf(-1), 0.0
		for k := range s.Kernel * s.Kernel {
			iy, ix := y*s.Stride-s.Pad+k/s.Kernel*s.Dilation, x*s.Stride-s.Pad+k%s.Kernel*s.Dilation
			if iy < 0 || iy >= in.H || ix < 0 || ix >= in.W {
				continue
			}
			v := z[plane+iy*in.W+ix]
			switch {
			case v > best:
				best, next = v, best
			case v < best:
				next = max(next, v)
			}
			bound = max(bound, rounding[plane+iy*in.W+ix])
		}
		if best-next < 2*bound && (s.Act == kernels.Linear || best > 0) {
			return true
		}
	}
	return false
}
