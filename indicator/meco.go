package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/ntk"
)

// takeChannelCorrelations sums the smallest eigenvalue of the correlation of the channels, over the pixels of the first image, of the
// layers' outputs.
func (e *evidence) takeChannelCorrelations() error {
	one := func(kernels.Shape) int { return 1 }
	return e.standard.eachOutput(e.cfg.Images, one, func(o output) error {
		if o.H*o.W <= o.C {
			return nil // singular
		}
		values, err := ntk.Eigenvalues(correlation(o.x, o.C))
		if err != nil {
			return fmt.Errorf("correlation of the channels of %s: %w", o.name, err)
		}
		e.leastCorrelation += values[0] * float64(o.times)
		return nil
	})
}

// meco is the sum over layers of the smallest eigenvalue of the correlation matrix of the channels of their output, over the pixels
// of one image, on the untrained standard network; 0 of a layer without more pixels than channels. The layers are the convolutions,
// BatchNorms, rectifiers and pools that the logits depend on. The authors' code sees the containers of layers too: they repeat an
// output. No γ or β of the supernet is read. Source: Jiang, Wang and Bie, "MeCo" (NeurIPS 2023).
func meco(e *evidence) float64 { return e.leastCorrelation }
