package kerneltest

import (
	"fmt"
	"math"

	"bnas.example/kernels/ref"
)

// draws is the largest number of references with noise. Less than one element in 10⁸ is changed by none by a tenth of the standard
// deviation of its change.
const draws = 8

// explained compares results that are outside their tolerance again, and allows each element the error that noise makes in the
// reference too:
//
//	|g − r| ≤ max(tolerance·scale + floor + spread, 3·max_d |r_d − r|), d = 1 … draws,
//
// where r_d has a relative error of up to 2⁻¹⁹, drawn at random, in every operand and intermediate result (see ref.Rounding), and
// the roundings of o. A value that cancels has the error of the terms that cancel, of which the largest element of its tensor says
// nothing: the gradient of a weight whose scale a BatchNorm undoes, the variance of equal numbers, and what a BatchNorm divides by
// its root. Of the elements of random programs, the noise of one in 1800 is above its tolerance; the others have the same bound.
// explained returns nil as soon as the noise is enough. A program that amplifies one rounding to 10⁻⁴ hides an error of 1 % there.
func (o Options) explained(c *Case, got, want []result, spread []float64, gates map[string][]float32) error {
	noise := make([][]float64, len(want))
	for i, w := range want {
		noise[i] = make([]float64, len(w.data))
	}
	var err error
	for d := range uint64(draws) {
		r := o.Rounding
		r.Dither, r.Noise = d, d+1
		noisy, observeErr := observe(c, ref.New(), gates, r)
		if observeErr != nil {
			return fmt.Errorf("reference with noise: %w", observeErr)
		}
		widen(noise, noisy.results, want)
		if err = compare(got, want, spread, noise); err == nil {
			return nil
		}
	}
	return err
}

// widen raises the noise of each element to three times its change from want to noisy. Exact results have none.
func widen(noise [][]float64, noisy, want []result) {
	for i, w := range want {
		if w.kind == exact {
			continue
		}
		for k, v := range w.data {
			noise[i][k] = max(noise[i][k], amplified*math.Abs(noisy[i].data[k]-v))
		}
	}
}
