package train

import (
	"slices"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// Drop-path, of the authors' code of DARTS: in training each operator that is no identity is multiplied, for each image, by
// mask/keep with mask = 1 with the probability keep and else 0, where it enters its node. The probability 1 − keep rises from
// epoch to epoch, linearly.

// DropProbability returns the probability that a term is dropped in a step, DropPath·epoch/epochs with the first epoch 0.
func (c Config) DropProbability(step, stepsPerEpoch, total int) float64 {
	epoch := step / stepsPerEpoch
	return c.DropPath * float64(epoch*stepsPerEpoch) / float64(total)
}

// DropFactors returns the factors of so many terms and the images of a step if they are dropped with the probability p: 0 or
// 1/(1−p), a row for each term. They are a function of the seed, the step, the term and the image.
func (c Config) DropFactors(terms, step int, p float64) []float32 {
	factors := make([]float32, terms*c.Batch)
	r := philox.New(c.Seed, "drop path", uint64(step))
	for i := range factors {
		if r.Float64() >= p {
			factors[i] = float32(1 / (1 - p))
		}
	}
	return factors
}

// drop sets the factors of a step for n images of the batch, from its image `first` on.
func (t *Trainer) drop(step int, exec kernels.Exec, first, n int) error {
	terms := exec.Program().Factors()
	p := t.cfg.DropProbability(step, t.loader.StepsPerEpoch(), t.total)
	if terms == 0 || p == 0 {
		return nil
	}
	var own []float32
	for row := range slices.Chunk(t.cfg.DropFactors(terms, step, p), t.cfg.Batch) {
		own = append(own, row[first:first+n]...)
	}
	return exec.SetFactors(own)
}
