package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// gammaShares are the γ scores of every operator of every place. A score is a sum over the spots of the place, the cells of
// a stack. An operator without a BatchNorm has 0. Only the last BatchNorm of an operator counts.
type gammaShares struct {
	raw, relative, ratio [][]float64 // by place and operator
}

// readGammas computes shares from the current parameters, once.
func (e *evidence) readGammas() error {
	if e.shares != nil {
		return nil
	}
	shares, err := newGammaShares(e.Scorer)
	e.shares = shares
	return err
}

// spot is a place, at a node of the network.
type spot struct {
	node  string
	place int
}

func newGammaShares(s *Scorer) (*gammaShares, error) {
	nodes, err := nodeNames(s.net)
	if err != nil {
		return nil, err
	}
	places := s.net.Space.Places()
	raw := map[spot][]float64{} // by operator
	var spots []spot            // in the supernet's order, so that sums are too
	squares, count := map[string]float64{}, map[string]float64{}
	var last []supernet.BNInfo
	var ids []kernels.ParamID
	for _, bn := range s.net.BNs() {
		if bn.Place >= 0 && bn.Last {
			last, ids = append(last, bn), append(ids, bn.Gamma, bn.Beta)
		}
	}
	pairs, err := kernels.ReadEach(s.store, kernels.Data, ids...)
	if err != nil {
		return nil, fmt.Errorf("read γ and β: %w", err)
	}
	affine := float64s(pairs)
	for i, bn := range last {
		gamma, beta := affine[2*i], affine[2*i+1]
		at := spot{nodes[bn.Gamma], bn.Place}
		if raw[at] == nil {
			raw[at] = make([]float64, len(places[bn.Place].Operators))
			spots = append(spots, at)
		}
		n := float64(len(gamma))
		for c := range gamma {
			raw[at][bn.Operator] += math.Abs(gamma[c]) / n
			squares[at.node] += (gamma[c]*gamma[c] + beta[c]*beta[c]) / n
		}
		count[at.node]++
	}
	table := supernet.ByOperator[float64]
	shares := &gammaShares{table(places), table(places), table(places)}
	for _, at := range spots {
		scores := raw[at]
		scale := math.Sqrt(squares[at.node] / count[at.node])
		if scale == 0 {
			scale = 1
		}
		var total float64
		for _, v := range scores {
			total += math.Exp(v / scale)
		}
		for o, v := range scores {
			shares.raw[at.place][o] += v
			shares.relative[at.place][o] += v / scale
			shares.ratio[at.place][o] += v/scale - math.Log(total)
		}
	}
	return shares, nil
}

// nodeNames returns the name of the node that each BatchNorm enters, by its γ. The live architectures of Space.Cover
// show the nodes. A BatchNorm that is in none of them has a node of its own.
func nodeNames(net *supernet.Net) (map[kernels.ParamID]string, error) {
	names := map[kernels.ParamID]string{}
	for _, bn := range net.BNs() {
		names[bn.Gamma] = bn.Name
	}
	for _, a := range net.Space.Cover() {
		if !net.Space.Alive(a) {
			continue
		}
		p, err := net.Program(a)
		if err != nil {
			return nil, err
		}
		for i, v := range p.NodeOf() {
			names[p.BNs[i].Gamma] = p.Nodes[v].Name
		}
	}
	return names, nil
}

// chosen is the sum of a table over an architecture's operators.
func chosen(table [][]float64, operators []int) float64 {
	var s float64
	for place, o := range operators {
		if o >= 0 {
			s += table[place][o]
		}
	}
	return s
}

// gammaSum is BN-NAS's indicator, Σ over the chosen operators of mean_c|γ_c| of the operator's last BatchNorm, 0 for an
// operator without one. No data, no forward pass. Not invariant: in the fair space each node's γ have a free factor.
// Source: Chen et al., BN-NAS, ICCV 2021 (arXiv 2108.07375).
func gammaSum(e *evidence) float64 { return chosen(e.shares.raw, e.operators) }

// gammaNode is Σ over the chosen operators of mean_c|γ_c| / √(mean over all operators into the same node of
// mean_c(γ²+β²)). Invariant: numerator and denominator share the node's factor. Source: ours.
func gammaNode(e *evidence) float64 { return chosen(e.shares.relative, e.operators) }

// gammaRatio is Σ over the spots of a place of the log-softmax, among the operators of that spot, of gammaNode's
// summand: how much one operator stands out given its edge, with no comparison between edges. In nats, below 0.
// Invariant. Source: ours.
func gammaRatio(e *evidence) float64 { return chosen(e.shares.ratio, e.operators) }
