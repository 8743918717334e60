package run

import "bnas.example/kernels"

// DropFactors returns the factors of drop-path in a training step of a run that trains one network: a row of the images for each
// term. names are those of the BatchNorms or values of the terms, as in the space's PyTorch code. Without drop-path there are
// none.
func (r *Run) DropFactors(step int) (names []string, factors [][]float32, err error) {
	c := r.Config.Train
	a, err := r.Own()
	if err != nil || a == nil || c.DropPath == 0 {
		return nil, nil, err
	}
	p, err := r.Net.DropPathProgram(a)
	if err != nil {
		return nil, nil, err
	}
	loader, err := r.Loader()
	if err != nil {
		return nil, nil, err
	}
	epoch := loader.StepsPerEpoch()
	all := c.DropFactors(p.Factors(), step, c.DropProbability(step, epoch, c.Total(epoch)))
	rows := p.FactorRows()
	for n, node := range p.Nodes {
		for k, t := range node.Terms {
			if row := rows[n][k]; row != kernels.NoFactor {
				names = append(names, p.TermName(t))
				factors = append(factors, all[row*c.Batch:(row+1)*c.Batch])
			}
		}
	}
	return names, factors, nil
}
