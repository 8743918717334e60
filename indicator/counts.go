package indicator

import "bnas.example/supernet"

// countParams is the number of parameters, as the space's authors built the network; countMACs its multiply-accumulates
// for one image; countDepth the BatchNorm layers on its path (standard placement). Invariant: no parameter is read.
func countParams(e *evidence) float64 { return float64(e.cost.Params) }
func countMACs(e *evidence) float64   { return float64(e.cost.MACs) }
func countDepth(e *evidence) float64  { return float64(e.cost.Depth) }

// countConvs is the number of places whose operator has a convolution: a baseline for indicators on the
// BatchNorms of convolutions. Gauge-invariant.
func countConvs(e *evidence) float64 {
	n := 0
	for place, o := range e.operators {
		if o >= 0 && e.convolves[place][o] {
			n++
		}
	}
	return float64(n)
}

// convolves reports for each place and operator whether the operator has a convolution. In the standard placement these are
// the operators with a BatchNorm.
func convolves(net *supernet.Net) ([][]bool, error) {
	c := net.Config
	c.BN = supernet.Standard
	standard, err := supernet.New(c)
	if err != nil {
		return nil, err
	}
	t := supernet.ByOperator[bool](net.Space.Places())
	for _, bn := range standard.BNs() {
		if bn.Place >= 0 {
			t[bn.Place][bn.Operator] = true
		}
	}
	return t, nil
}
