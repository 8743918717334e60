package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

// takeEffectiveRanks sums the effective ranks of the layers' outputs. An output with C channels gives a C×C matrix: the values of its
// first C pixels, those of an image column by column, image after image; and of as many images for the logits. There are fewer rows if
// the calibration images have fewer pixels.
func (e *evidence) takeEffectiveRanks() error {
	enough := func(s kernels.Shape) int { return (s.C + s.H*s.W - 1) / (s.H * s.W) }
	return e.standard.eachOutput(e.cfg.Images, enough, func(o output) error {
		if o.module == poolModule {
			return nil
		}
		pixels := o.H * o.W
		rows := min(len(o.x)/o.C, o.C)
		m := mat.NewDense(rows, o.C, nil)
		for r := range rows {
			image, column, row := r/pixels, r%pixels/o.H, r%o.H
			for c := range o.C {
				m.Set(r, c, float64(o.x[(image*o.C+c)*pixels+row*o.W+column]))
			}
		}
		rank, err := effectiveRank(m)
		if err != nil {
			return fmt.Errorf("effective rank of %s: %w", o.name, err)
		}
		e.effectiveRank += rank * float64(o.times)
		return nil
	})
}

// effectiveRank is exp H(σ/Σσ), σ the singular values of m and H the entropy in nats; 0 if m is 0. Source: Roy and Vetterli (2007).
func effectiveRank(m *mat.Dense) (float64, error) {
	rows, columns := m.Dims()
	var gram mat.SymDense
	gram.SymOuterK(1, m)
	values, err := ntk.Eigenvalues(&gram)
	if err != nil {
		return 0, err
	}
	// Below this an eigenvalue of the Gram matrix is rounding.
	least := float64(max(rows, columns)) * 0x1p-52 * values[len(values)-1]
	share := make([]float64, len(values))
	for i, v := range values {
		if v > least {
			share[i] = math.Sqrt(v)
		}
	}
	total := sum(share)
	if total == 0 {
		return 0, nil
	}
	for i := range share {
		share[i] /= total
	}
	return math.Exp(entropy(share)), nil
}

// nearScore is the sum over layers of the effective rank exp H(σ/Σσ) of their outputs, σ the singular values of the matrix of pixels by
// channels, on the untrained standard network. The layers are the convolutions, BatchNorms, rectifiers and the classifier that the
// logits depend on. The authors take as many rows as columns, from a random place; here from the first. No γ or β of the supernet is
// read. Source: Husistein, Reiher and Eckhoff, "NEAR" (ICLR 2025).
func nearScore(e *evidence) float64 { return e.effectiveRank }
