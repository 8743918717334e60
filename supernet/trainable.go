package supernet

import (
	"fmt"

	"bnas.example/kernels"
)

// TrainSet selects the parameters that are trained.
type TrainSet string

const (
	LastBN             TrainSet = "last-bn"       // the last BatchNorm of each operator, as BN-NAS
	AllBN              TrainSet = "bn"            // every BatchNorm
	AllBNAndClassifier TrainSet = "bn+classifier" // and the linear layer
	All                TrainSet = "all"           // and the convolutions
)

// TrainSets lists the sets from the smallest to the largest.
func TrainSets() []TrainSet { return []TrainSet{LastBN, AllBN, AllBNAndClassifier, All} }

// Validate returns an error if t is not one of TrainSets.
func (t TrainSet) Validate() error {
	for _, s := range TrainSets() {
		if t == s {
			return nil
		}
	}
	return fmt.Errorf("supernet: unknown set of trained parameters %q, have %v", t, TrainSets())
}

// Trainable lists the parameters of p that are trained: γ and β of each BatchNorm in the order of p.BNs, then those of
// the classifiers, then convolution weights in the order of the steps. If p is nil, it lists those of the whole supernet,
// in the order of the table.
func (n *Net) Trainable(set TrainSet, p *kernels.Program) []kernels.ParamID {
	var ids []kernels.ParamID
	if p == nil {
		for i, q := range n.params {
			if n.trains(set, kernels.ParamID(i), q.Kind) {
				ids = append(ids, kernels.ParamID(i))
			}
		}
		return ids
	}
	add := func(id kernels.ParamID) {
		if id != kernels.NoParam && n.trains(set, id, n.params[id].Kind) {
			ids = append(ids, id)
		}
	}
	for _, b := range p.BNs {
		add(b.Gamma)
		add(b.Beta)
	}
	for _, c := range p.Classifiers() {
		add(c.Weight)
		add(c.Bias)
	}
	for _, s := range p.Steps {
		for _, c := range s.Branches {
			add(c.Weight)
		}
	}
	return ids
}

func (n *Net) trains(set TrainSet, id kernels.ParamID, kind kernels.ParamKind) bool {
	switch kind {
	case kernels.Gamma, kernels.Beta:
		info, _ := n.BNOf(id)
		return set != LastBN || info.Last
	case kernels.ConvWeight:
		return set == All
	default:
		return set == All || set == AllBNAndClassifier
	}
}
