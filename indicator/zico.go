package indicator

import "math"

// takeGradientSpread compares the gradients of two batches, the halves of the calibration images.
func (e *evidence) takeGradientSpread() error {
	s, n := e.standard, e.cfg.Images/2
	var halves [2][][]float32
	for h := range halves {
		if err := s.forward(e.images[h*n*e.imageLen:(h+1)*n*e.imageLen], n); err != nil {
			return err
		}
		if err := s.backward(e.labels[h*n : (h+1)*n]); err != nil {
			return err
		}
		var err error
		if halves[h], err = s.gradients(); err != nil {
			return err
		}
	}
	for l := range halves[0] {
		var sum float64
		for i := range halves[0][l] {
			// Mean over standard deviation of two numbers: the halves cancel.
			a, b := float64(halves[0][l][i]), float64(halves[1][l][i])
			if a != b {
				sum += (math.Abs(a) + math.Abs(b)) / math.Abs(a-b)
			}
		}
		if sum > 0 {
			e.inverseVariation += math.Log(sum)
		}
	}
	return nil
}

// zico is Σ over layers of log Σ_w mean|g_w|/std g_w, the mean and the standard deviation of the gradient g_w of a weight over two
// batches, on the untrained standard network with batch statistics. The layers are the convolutions and the classifier that the
// logits depend on. Weights with equal gradients are left out. No γ or β of the supernet is read. Source: Li, Yang, Bhardwaj and
// Marculescu, "ZiCo" (ICLR 2023). Their batches have 128 images; here each has half of the calibration images. Weights whose two
// gradients nearly agree dominate a layer's sum: the rounding of float32 moves zico by about 10⁻³.
func zico(e *evidence) float64 { return e.inverseVariation }
