package indicator

import (
	"math"

	"bnas.example/kernels"
)

// weightSums are sums over the layers of an untrained standard network, W their weights and G = ∂L/∂W.
type weightSums struct {
	gradNorm float64 // Σ ‖G‖₂
	snip     float64 // Σ Σ|W·G|
	plain    float64 // Σ ΣW·G
	norm     float64 // Σ ‖W‖₂
}

// takeWeightGradients differentiates the loss of the calibration images by all weights, batch statistics included.
func (e *evidence) takeWeightGradients() error {
	s := e.standard
	if err := s.backward(e.labels); err != nil {
		return err
	}
	for _, l := range layers(s.program) {
		weight, err := l.read(s.store, kernels.Data)
		if err != nil {
			return err
		}
		gradient, err := l.read(s.store, kernels.Grad)
		if err != nil {
			return err
		}
		var squares, gradSquares float64
		for i, w := range weight {
			w, g := float64(w), float64(gradient[i])
			squares += w * w
			gradSquares += g * g
			e.weights.snip += math.Abs(w * g)
			e.weights.plain += w * g
		}
		e.weights.norm += math.Sqrt(squares)
		e.weights.gradNorm += math.Sqrt(gradSquares)
	}
	return nil
}

// gradNorm is Σ over layers of ‖∂L/∂W‖₂. This and the next three measure the untrained standard network on the calibration images:
// L is their mean cross-entropy, the layers are the convolutions and the classifier that the logits depend on. No γ or β of the
// supernet is read. Source: Abdelfattah, Mehrotra, Dudziak and Lane, "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021).
func gradNorm(e *evidence) float64 { return e.weights.gradNorm }

// snip is Σ|W·∂L/∂W|. Source: Lee, Ajanthan and Torr (ICLR 2019), summed by Abdelfattah et al.
func snip(e *evidence) float64 { return e.weights.snip }

// plain is ΣW·∂L/∂W. Source: Mozer and Smolensky (NeurIPS 1988), summed by Abdelfattah et al.
func plain(e *evidence) float64 { return e.weights.plain }

// l2Norm is Σ over layers of ‖W‖₂: the size of the network. Source: Abdelfattah et al.
func l2Norm(e *evidence) float64 { return e.weights.norm }
