package indicator

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

const (
	vkdnwParameters = 128   // of the Fisher matrix
	vkdnwSmoothing  = .05   // of the probabilities
	vkdnwFloor      = 1e-10 // of the shares
)

// takeWeightFisher takes the entropy of the deciles of the Fisher matrix of the first weights of the layers, at the images of all
// kernels, with the statistics of the calibration images.
func (e *evidence) takeWeightFisher() error {
	s := e.standard
	if err := s.forward(e.images, e.cfg.Images); err != nil {
		return err
	}
	ids := firstParameters(s.program, vkdnwParameters)
	fisher := mat.NewSymDense(len(ids), nil)
	for i := range e.frozenImages() {
		if err := e.stopped(); err != nil {
			return err
		}
		if err := s.addFisher(fisher, e.images[i*e.imageLen:(i+1)*e.imageLen], ids); err != nil {
			return err
		}
	}
	fisher.ScaleSym(1/float64(e.frozenImages()), fisher)
	values, err := ntk.Eigenvalues(fisher)
	if err != nil {
		return fmt.Errorf("matrix of Fisher of the untrained standard network: %w", err)
	}
	e.fisherEntropy = decileEntropy(values)
	return nil
}

// firstParameters lists the first n weights, γ, β and biases of p, in the order of its steps.
func firstParameters(p *kernels.Program, n int) []kernels.ParamID {
	var ids []kernels.ParamID
	norms := func(v kernels.ValueID) {
		for _, b := range p.BNs {
			if b.Value == v {
				ids = append(ids, b.Gamma, b.Beta)
			}
		}
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		switch s.Op {
		case kernels.OpConv:
			for _, b := range s.Branches {
				ids = append(ids, b.Weight)
				norms(b.Out)
			}
			continue
		case kernels.OpLinear:
			if ids = append(ids, s.Weight); s.Bias != kernels.NoParam {
				ids = append(ids, s.Bias)
			}
		}
		norms(s.Out)
	}
	return ids[:min(n, len(ids))]
}

// addFisher adds JᵀCJ of one image. J is the Jacobian of the logits by the first element of each parameter, with frozen statistics. C is
// the covariance diag(p) − ppᵀ of the class, p the smoothed softmax.
func (s standard) addFisher(fisher *mat.SymDense, image []float32, ids []kernels.ParamID) error {
	if err := s.exec.Forward(image, 0); err != nil {
		return fmt.Errorf("forward of the untrained standard network: %w", err)
	}
	classes := s.program.Classes()
	logits := make([]float32, classes)
	if err := s.exec.Logits(logits); err != nil {
		return fmt.Errorf("logits of the untrained standard network: %w", err)
	}
	p := make([]float64, classes)
	for k, v := range logits {
		p[k] = float64(v)
	}
	softmax(p, p, 1)
	mean := mat.NewVecDense(len(ids), nil)
	for k := range p {
		p[k] = p[k]*(1-vkdnwSmoothing) + vkdnwSmoothing/float64(classes)
		row, err := s.firstGradients(k, ids)
		if err != nil {
			return err
		}
		fisher.SymRankOne(fisher, p[k], row)
		mean.AddScaledVec(mean, p[k], row)
	}
	fisher.SymRankOne(fisher, -1, mean)
	return nil
}

// firstGradients returns the gradient of logit k of the one image by the first element of each parameter.
func (s standard) firstGradients(k int, ids []kernels.ParamID) (*mat.VecDense, error) {
	seed := make([]float32, s.program.Classes())
	seed[k] = 1
	if err := s.backwardFrom(seed, kernels.FreezeStatistics); err != nil {
		return nil, err
	}
	total := 0
	for _, id := range ids {
		total += s.store.Params()[id].Len()
	}
	all := make([]float32, total)
	if err := s.store.Read(kernels.Grad, all, ids...); err != nil {
		return nil, fmt.Errorf("gradients of the untrained standard network: %w", err)
	}
	row, at := mat.NewVecDense(len(ids), nil), 0
	for i, id := range ids {
		row.SetVec(i, float64(all[at]))
		at += s.store.Params()[id].Len()
	}
	return row, nil
}

// decileEntropy is the entropy in nats of the deciles .1 to .9 of magnitudes in ascending order, as shares of their sum.
func decileEntropy(values []float64) float64 {
	magnitudes := make([]float64, len(values))
	for i, v := range values {
		magnitudes[i] = math.Abs(v) // a negative one is rounding
	}
	slices.Sort(magnitudes)
	var deciles []float64
	for d := 1; d < 10; d++ {
		at := float64(d) / 10 * float64(len(magnitudes)-1)
		low := int(at)
		high := min(low+1, len(magnitudes)-1)
		deciles = append(deciles, magnitudes[low]+(at-float64(low))*(magnitudes[high]-magnitudes[low]))
	}
	total := sum(deciles) + vkdnwFloor
	var h float64
	for _, v := range deciles {
		h -= v / total * math.Log(v/total+vkdnwFloor)
	}
	return h
}

// vkdnwEntropy is the entropy of the deciles of the eigenvalues of the Fisher matrix mean_n J_nᵀ(diag(p) − ppᵀ)J_n, at most log 9: J_n
// is the Jacobian of the logits by the first element of each weight, γ, β and bias, p the softmax with .05 of the uniform
// distribution. It is high if the parameters are known alike. The parameters are the first 128 that the logits depend on, and the
// network is the untrained standard one. The authors' BatchNorms have initial running statistics, 0 and 1; here those of the calibration
// images are frozen. No γ or β of the supernet is read. Source: Tybl and Neumann, "VKDNW" (CVPR 2025).
func vkdnwEntropy(e *evidence) float64 { return e.fisherEntropy }
