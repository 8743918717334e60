package indicator

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

// jacobianFloor is k of jacov and epe_nas.
const jacobianFloor = 1e-5

// takeImageGradients differentiates the sum of an image's logits by the image, with the statistics of the calibration images, and
// correlates the gradients.
func (e *evidence) takeImageGradients() error {
	s := e.standard
	images := kernels.NodeID(-1)
	for i, n := range s.program.Nodes {
		if len(n.Terms) == 1 && n.Terms[0].Value == kernels.Images {
			images = kernels.NodeID(i)
		}
	}
	if images < 0 {
		return errors.New("no step reads the images")
	}
	n := e.cfg.Images
	seed, head, err := s.headGradient(n, ones(n*s.program.Classes()))
	if err != nil {
		return err
	}
	gradient := make([]float32, n*s.program.Nodes[images].Len())
	if err := s.exec.NodeGradient(gradient, images, seed, head); err != nil {
		return fmt.Errorf("gradient by the images: %w", err)
	}
	e.imageCorrelation = correlation(gradient, n)
	return nil
}

// correlation is Pearson's correlation of the rows of an n×p matrix; 0 of a constant row, with itself too.
func correlation(x []float32, n int) *mat.SymDense {
	p := len(x) / n
	centred, constant := mat.NewDense(n, p, nil), make([]bool, n)
	for i := range n {
		row := x[i*p : (i+1)*p]
		if constant[i] = !slices.ContainsFunc(row, func(v float32) bool { return v != row[0] }); constant[i] {
			continue // its mean is rounded: what is left would be a row of full length
		}
		var mean float64
		for _, v := range row {
			mean += float64(v) / float64(p)
		}
		for k, v := range row {
			centred.Set(i, k, float64(v)-mean)
		}
	}
	var g mat.SymDense
	g.SymOuterK(1, centred)
	r := toUnitLength(&g)
	for i := range n {
		if !constant[i] {
			r.SetSym(i, i, 1)
		}
	}
	return r
}

// anyConstant reports whether a row of which r is the correlation is constant.
func anyConstant(r *mat.SymDense) bool {
	for i := range r.SymmetricDim() {
		if r.At(i, i) == 0 {
			return true
		}
	}
	return false
}

// jacov is −Σ(log(λ + 10⁻⁵) + 1/(λ + 10⁻⁵)) over the eigenvalues λ of the correlation of the images' gradients ∂(Σ_k logit_k)/∂x, on
// the untrained standard network. The authors differentiate the batch statistics too; here they are frozen, and the gradient of an
// image is that of its own logits. −∞ if the gradient of an image is constant, such as 0: its correlations are undefined. Source: Mellor,
// Turner, Storkey and Crowley, arXiv 2006.04647v1.
func jacov(e *evidence) float64 {
	if anyConstant(e.imageCorrelation) {
		return math.Inf(-1)
	}
	values, err := ntk.Eigenvalues(e.imageCorrelation)
	if err != nil {
		return math.NaN()
	}
	var s float64
	for _, v := range values {
		v = max(v, 0) + jacobianFloor
		s -= math.Log(v) + 1/v
	}
	return s
}

// epeNAS is Σ_c |Σ_{i,j of class c} log(|r_ij| + 10⁻⁵)|, r as for jacov. With more than 100 classes it is the mean over classes c
// of Σ_d |s_c − s_d|, s_c the inner sum over the number of its images. −∞ where jacov is. Source: Lopes, Alirezazadeh and Alexandre,
// "EPE-NAS" (ICANN 2021); statistics are frozen as for jacov.
func epeNAS(e *evidence) float64 {
	if anyConstant(e.imageCorrelation) {
		return math.Inf(-1)
	}
	classes := e.net.Config.Classes
	sums, counts := make([]float64, classes), make([]int, classes)
	for i, c := range e.labels {
		counts[c]++
		for k, d := range e.labels {
			if d == c {
				sums[c] += math.Log(math.Abs(e.imageCorrelation.At(i, k)) + jacobianFloor)
			}
		}
	}
	var score, seen float64
	for c, s := range sums {
		if counts[c] == 0 {
			continue
		}
		if classes <= 100 {
			score += math.Abs(s)
			continue
		}
		seen++
		for d, other := range sums {
			if counts[d] > 0 {
				score += math.Abs(s/float64(counts[c]) - other/float64(counts[d]))
			}
		}
	}
	if classes > 100 {
		score /= seen
	}
	return score
}
