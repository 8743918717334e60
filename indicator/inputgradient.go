package indicator

import (
	"fmt"

	"bnas.example/ntk"
	"bnas.example/philox"
)

// takeInputGradients sends ⟨v, pooled output of the last block⟩ of each image, v of −1 and +1, back to the input of the first
// block.
func (e *evidence) takeInputGradients() error {
	blocks := e.program.Blocks
	if len(blocks) == 0 {
		return nil
	}
	to, from := blocks[0].In, blocks[len(blocks)-1].Out
	out := e.program.Nodes[from].Shape
	n, pixels := e.frozenImages(), out.H*out.W
	v := make([]float32, out.C)
	philox.New(e.cfg.SeedOfDirections(), "read-out", uint64(out.C)).Rademacher(v)
	seed := e.floats(n * out.Len())
	for i := range n * out.C {
		w := v[i%out.C] / float32(pixels)
		for p := range pixels {
			seed[i*pixels+p] = w
		}
	}
	g, err := ntk.NodeGram(e.exec, n, to, seed, from)
	if err != nil {
		return fmt.Errorf("gradient through the blocks: %w", err)
	}
	if e.inputVolume, err = logVolume(g); err != nil {
		return fmt.Errorf("gradients at the input of %s: %w", blocks[0].Name, err)
	}
	return nil
}

// jacobianCorr is the log volume of the images' gradients of one read-out by the input of the first block,
//
//	T = Σ log(λ + 1e-3),  λ the eigenvalues of the correlation matrix of g_n,  g_n = ∂⟨v, mean over pixels of the last block⟩/∂u_n,
//
// with frozen statistics and v of −1 and +1, the same for all networks. It is high if images that differ have gradients that
// differ. Gauge-invariant: a factor scales all g_n alike. Source: ours, from the correlation of Jacobians of Mellor et al. (2020);
// theirs are of the loss by the image, and centred.
func jacobianCorr(e *evidence) float64 { return e.inputVolume }
