package indicator

import "fmt"

func (e *evidence) takeFiring() error {
	e.firingRate = make([]float64, e.program.RectifiedChannels())
	if err := e.exec.FiringRate(e.firingRate); err != nil {
		return fmt.Errorf("firing rates: %w", err)
	}
	return nil
}

// firingEntropy is minus the mean over rectified channels of H₂(share of images and pixels at which the channel
// fires), in bits, from −1 to 0. Its correlation with accuracy has been seen with both signs. Gauge-invariant: it depends
// on signs only. Source: ours; the measured form of bn_entropy, with the sign of an uncertainty.
func firingEntropy(e *evidence) float64 {
	var h float64
	for _, rate := range e.firingRate {
		h -= binaryEntropy(rate)
	}
	return h / float64(max(len(e.firingRate), 1))
}
