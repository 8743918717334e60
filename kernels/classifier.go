package kernels

import (
	"fmt"
	"math"
)

// Classifier is an OpLinear step of a Program.
type Classifier struct {
	*Step
	LossWeight float64 // of its cross entropy in the loss
}

// Classifiers lists the linear steps: the last step, whose LossWeight is 1, and the auxiliary classifier if there is one.
func (p *Program) Classifiers() []Classifier {
	last := len(p.Steps) - 1
	list := []Classifier{{&p.Steps[last], 1}}
	for i := range p.Steps[:last] {
		if s := &p.Steps[i]; s.Op == OpLinear {
			list = append(list, Classifier{s, p.AuxWeight})
		}
	}
	return list
}

// checkClassifiers checks the number of linear steps, their outputs and the weight of the auxiliary one.
func (p *Program) checkClassifiers() error {
	if math.IsNaN(p.AuxWeight) || math.IsInf(p.AuxWeight, 0) || p.AuxWeight < 0 {
		return fmt.Errorf("auxiliary weight %v: must be 0, or positive and finite", p.AuxWeight)
	}
	last := len(p.Steps) - 1
	if s := &p.Steps[last]; s.Op != OpLinear {
		return fmt.Errorf("step %d (%s): the last step must be linear", last, s.Name)
	}
	aux := 0
	for i := range p.Steps[:last] {
		s := &p.Steps[i]
		if s.Op != OpLinear {
			continue
		}
		aux++
		switch {
		case p.AuxWeight == 0:
			return fmt.Errorf("step %d (%s): the last step, and without an auxiliary weight no other, must be linear", i, s.Name)
		case aux > 1:
			return fmt.Errorf("step %d (%s): a second auxiliary classifier", i, s.Name)
		}
	}
	if p.AuxWeight > 0 && aux == 0 {
		return fmt.Errorf("auxiliary weight %v: no step but the last is linear", p.AuxWeight)
	}
	return nil
}

// checkLogits checks the values that the classifiers store.
func (p *Program) checkLogits() error {
	for _, c := range p.Classifiers() {
		if got, want := p.Values[c.Out].C, p.Classes(); got != want {
			return fmt.Errorf("the auxiliary classifier (%s) has %d outputs, must be %d", c.Name, got, want)
		}
		for n, node := range p.Nodes {
			for _, t := range node.Terms {
				if t.Value == c.Out {
					return fmt.Errorf("node %d (%s): the logits enter no node", n, node.Name)
				}
			}
		}
	}
	return nil
}
