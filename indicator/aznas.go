package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

func (e *evidence) takeStandardSpectra() error {
	s := e.inStandard()
	if len(s.program.Blocks) == 0 {
		return nil
	}
	stem := s.program.Blocks[0].In
	c, err := s.covarianceAt(kernels.NodeTap(stem), s.program.Nodes[stem].C)
	if err != nil {
		return fmt.Errorf("spectrum of the stem: %w", err)
	}
	first, err := spectralEntropy(c.cov, c.channels)
	if err != nil {
		return fmt.Errorf("spectrum of the stem: %w", err)
	}
	if err := s.takeBlockSpectra(); err != nil {
		return err
	}
	e.standardEntropy = append([]float64{first}, s.blockEntropy...)
	e.standardEvenness = s.blockEvenness
	return nil
}

// azExpressivity is the sum of the spectral entropies of the features after the stem and after each block, in nats. This and the
// next two are AZ-NAS's indicators of the untrained standard network; its fourth is macs. Source: Lee and Ham, "AZ-NAS" (CVPR 2024).
// Here the weights are Kaiming-normal by fan-out and not by fan-in.
func azExpressivity(e *evidence) float64 { return sum(e.standardEntropy) }

// azProgressivity is the smallest rise of that entropy from one block to the next.
func azProgressivity(e *evidence) float64 {
	least := math.Inf(1)
	for i := 1; i < len(e.standardEntropy); i++ {
		least = min(least, e.standardEntropy[i]-e.standardEntropy[i-1])
	}
	if len(e.standardEntropy) < 2 {
		return 0
	}
	return least
}

// azTrainability is isometry of the untrained standard network. AZ-NAS differentiates the batch statistics; here they are frozen.
func azTrainability(e *evidence) float64 { return standardIsometry(e) }
