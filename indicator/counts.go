package indicator

import "bnas.example/supernet"

// countParams is the number of parameters, as the space's authors built the network; countMACs its multiply-accumulates
// for one image; countDepth the BatchNorm layers on its path (standard placement). Invariant: no parameter is read.
func countParams(e *evidence) float64 { return float64(e.cost.Params) }
func countMACs(e *evidence) float64   { return float64(e.cost.MACs) }
func countDepth(e *evidence) float64  { return float64(e.cost.Depth) }

// countConvs is the number of genes whose operator has a convolution: a baseline for indicators on the
// BatchNorms of convolutions. Gauge-invariant.
func countConvs(e *evidence) float64 {
	n := 0
	for gene, option := range e.arch {
		if e.convolves[gene][option] {
			n++
		}
	}
	return float64(n)
}

// convolves reports for each gene and option whether the operator has a convolution. In the standard placement these are
// the operators with a BatchNorm.
func convolves(net *supernet.Net) ([][]bool, error) {
	c := net.Config
	c.BN = supernet.Standard
	standard, err := supernet.New(c)
	if err != nil {
		return nil, err
	}
	t := supernet.ByOption[bool](net.Space.Genes())
	for _, bn := range standard.BNs() {
		if bn.Gene >= 0 {
			t[bn.Gene][bn.Option] = true
		}
	}
	return t, nil
}
