package indicator

import (
	"fmt"
	"slices"

	"bnas.example/kernels"
)

// takePatterns counts the different on/off patterns that rectifiers have over the calibration images.
func (e *evidence) takePatterns() error {
	s, n := e.standard, e.cfg.Images
	var all []uint64
	for _, node := range rectified(s.program) {
		x := e.floats(n * s.program.Nodes[node].Len())
		if err := s.exec.Read(kernels.NodeTap(node), x); err != nil {
			return fmt.Errorf("rectifiers of the untrained standard network: %w", err)
		}
		all = append(all, onPatterns(x, n)...)
	}
	slices.Sort(all)
	e.distinct = len(slices.Compact(all))
	return nil
}

// rectified lists the nodes that p loads through an activation, each once, in the order of its steps.
func rectified(p *kernels.Program) []kernels.NodeID {
	var nodes []kernels.NodeID
	p.EachRectified(func(_ *kernels.Step, node kernels.NodeID) {
		if !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	})
	return nodes
}

// onPatterns returns for each column of x, n×units, in which rows it is above 0: bit i for row i. More than 64 rows are hashed.
func onPatterns(x []float32, n int) []uint64 {
	units := len(x) / n
	bits := make([]uint64, units)
	for i := range n {
		if i > 0 && i%64 == 0 {
			for u, b := range bits {
				bits[u] = scattered(b)
			}
		}
		for u, v := range x[i*units : (i+1)*units] {
			if v > 0 {
				bits[u] ^= 1 << (i % 64)
			}
		}
	}
	return bits
}

// scattered is a permutation of the numbers in which each bit changes about half of all bits (the finalizer of SplitMix64): patterns of
// few ones do not meet where the next rows are added.
func scattered(b uint64) uint64 {
	b = (b ^ b>>30) * 0xBF58476D1CE4E5B9
	b = (b ^ b>>27) * 0x94D049BB133111EB
	return b ^ b>>31
}

// swap is the number of different patterns of a rectifier's on/off states over the calibration images, among all rectifiers that
// the logits depend on, on the untrained standard network. It saturates at 2 to the power of the images: the authors take 16, for
// networks of few channels. No γ or β of the supernet is read. Source: Peng, Song, Fayek, Ciesielski and Chang, "SWAP-NAS" (ICLR
// 2024), without the regularisation by size, whose two constants belong to a search space. Their networks have N(0, 1) weights,
// whose scale BatchNorm does not see.
func swap(e *evidence) float64 { return float64(e.distinct) }
