package supernet

import (
	"fmt"
	"math"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// Initial returns the initial value of a parameter. It is a function of the seed and the parameter's name. A frozen
// parameter keeps it.
//
//	convolution  N(0, 2/(k²·C_out)), Kaiming's normal initialisation by fan-out
//	classifier   weight and bias U(−1/√C, 1/√C) for C inputs, as PyTorch's Linear
//	γ, β         1, U(0,1), or 1 and SmallGamma; 0
func (n *Net) Initial(id kernels.ParamID) []float32 {
	p := n.params[id]
	v := make([]float32, p.Len())
	r := philox.New(n.Config.Seed, p.Name, 0)
	switch p.Kind {
	case kernels.ConvWeight:
		r.Normal(v, Deviation(p))
	case kernels.LinearWeight:
		uniform(v, r, 1/math.Sqrt(float64(p.Shape[1])))
	case kernels.LinearBias:
		uniform(v, r, 1/math.Sqrt(float64(n.params[n.weightOf(id)].Shape[1])))
	case kernels.Gamma:
		start := float32(1)
		if info, _ := n.BNOf(id); n.Config.Gamma == GammaSmall && info.Convolves {
			start = SmallGamma
		}
		for i := range v {
			v[i] = start
			if n.Config.Gamma == GammaUniform {
				v[i] = float32(r.Float64())
			}
		}
	}
	return v
}

// Deviation returns the standard deviation of the initial weights of a convolution.
func Deviation(p kernels.Param) float64 {
	out, k := p.Shape[0], p.Shape[2]
	return math.Sqrt(2 / float64(k*k*out))
}

// weightOf returns the weight of the linear layer with this bias: the parameter before it.
func (n *Net) weightOf(bias kernels.ParamID) kernels.ParamID { return bias - 1 }

func uniform(v []float32, r *philox.Stream, bound float64) {
	for i := range v {
		v[i] = float32((2*r.Float64() - 1) * bound)
	}
}

// NewStore makes a store of a device with the initial value of every parameter.
func (n *Net) NewStore(dev kernels.Device) (kernels.Store, error) {
	s, err := dev.NewStore(n.Params())
	if err == nil {
		err = n.Fill(s)
	}
	return s, err
}

// Fill writes the initial value of every parameter into s. A store that is a kernels.NormalFiller draws the weights of
// the convolutions itself.
func (n *Net) Fill(s kernels.Store) error {
	filler, draws := s.(kernels.NormalFiller)
	for i, p := range n.params {
		id := kernels.ParamID(i)
		var err error
		if draws && p.Kind == kernels.ConvWeight {
			err = filler.FillNormal(id, philox.New(n.Config.Seed, p.Name, 0), Deviation(p))
		} else {
			err = s.Write(kernels.Data, n.Initial(id), id)
		}
		if err != nil {
			return fmt.Errorf("supernet: %s: %w", p.Name, err)
		}
	}
	return nil
}
