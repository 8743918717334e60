package run

import (
	"slices"

	"bnas.example/supernet"
	"bnas.example/train"
)

// Dropped is what drop-path drops in the training of a run's network.
type Dropped struct {
	Names    []string // of the BatchNorms or values of the terms, as in the space's PyTorch code
	settings train.Config
	epoch    int // steps
}

// Dropped returns the terms that have factors in training. There are none without drop-path.
func (r *Run) Dropped() (*Dropped, error) {
	d := &Dropped{settings: r.Config.Train}
	a, err := r.Own()
	if err != nil || a == nil || d.settings.DropPath == 0 {
		return d, err
	}
	p, err := r.Net.TrainingProgram(a, supernet.Training{DropPath: true})
	if err != nil {
		return nil, err
	}
	loader, err := r.Loader()
	if err != nil {
		return nil, err
	}
	d.epoch = loader.StepsPerEpoch()
	for _, node := range p.Nodes {
		for _, t := range node.Terms {
			if t.Factor {
				d.Names = append(d.Names, p.TermName(t))
			}
		}
	}
	return d, nil
}

// Factors returns the factors of a training step, a row of the images for each of Names.
func (d *Dropped) Factors(step int) [][]float32 {
	if len(d.Names) == 0 {
		return nil
	}
	c := d.settings
	all := c.DropFactors(len(d.Names), step, c.DropProbability(step, d.epoch, c.Total(d.epoch)))
	return slices.Collect(slices.Chunk(all, c.Batch))
}
