package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/philox"
	"bnas.example/supernet"
)

const (
	regionImages  = 1000 // of a batch
	regionBatches = 3
	regionPixels  = 3
)

// takeRegions counts the linear regions that images fall into, in the first block of the thinnest network.
func (e *evidence) takeRegions() error {
	thin, err := e.thin()
	if err != nil {
		return err
	}
	p, err := thin.Program(e.arch)
	if err != nil {
		return err
	}
	return e.takeRegionsOf(thin, p, nil)
}

// thin returns the thinnest network of the space. It is made when it is first needed.
func (s *Scorer) thin() (*supernet.Net, error) {
	if s.twin.thin == nil {
		var err error
		if s.twin.thin, err = thinnest(s.net); err != nil {
			return nil, err
		}
	}
	return s.twin.thin, nil
}

// takeRegionsOf is takeRegions with a Program of the thinnest network, and the factors of its terms. Each batch has its own statistics.
func (e *evidence) takeRegionsOf(thin *supernet.Net, p *kernels.Program, factors []float32) error {
	block, err := firstBlock(thin, p, factors, regionPixels)
	if err != nil {
		return fmt.Errorf("first block of a thin network: %w", err)
	}
	if block == nil {
		return nil
	}
	exec, err := block.compile(e.dev, regionImages)
	if err != nil {
		return fmt.Errorf("first block of a thin network: %w", err)
	}
	seen := map[string]bool{}
	for batch := range regionBatches {
		images := make([]float32, regionImages*block.program.Values[kernels.Images].Len())
		philox.New(e.cfg.SeedOfDirections(), "region images", uint64(batch)).Normal(images, 1)
		if err := exec.Forward(images, regionImages); err != nil {
			return fmt.Errorf("first block of a thin network: %w", err)
		}
		states := make([][]byte, regionImages)
		for _, node := range rectified(block.program) {
			size := block.program.Nodes[node].Len()
			x := e.floats(regionImages * size)
			if err := exec.Read(kernels.NodeTap(node), x); err != nil {
				return fmt.Errorf("first block of a thin network: %w", err)
			}
			for i, v := range x {
				state := byte('0')
				if v > 0 {
					state = '1'
				}
				states[i/size] = append(states[i/size], state)
			}
		}
		for _, s := range states {
			seen[string(s)] = true
		}
	}
	e.regions = len(seen)
	return nil
}

// teRegions is the number of linear regions, patterns of the states of all rectifiers, that 3,000 Gaussian images of 3×3 pixels fall
// into, in the first block of the untrained standard network with the fewest channels, alone, without a stem: in batches of 1,000, with
// BatchNorm and a rectifier behind the block. It saturates at 3,000, and is nearly that with three rectified nodes. 0 if the block has a
// second input. No γ or β of the supernet is read. Source: Chen, Gong and Wang, "TE-NAS" (ICLR 2021), whose images are crops of the data.
func teRegions(e *evidence) float64 { return float64(e.regions) }
