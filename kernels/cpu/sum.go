package cpu

import "bnas.example/kernels"

// A sum without an activation is not stored if the loads that read it have room for its terms, which are stored anyway: a bare
// skip is then no copy. A load adds its terms in order. The sum is therefore its first term, or has one term: the bits are those
// of the stored sum, but for a rounding to 16 bits less.

// loadTerm is a term of a load.
type loadTerm struct {
	value kernels.ValueID
	bn    kernels.BNID
	row   int  // of its factors, or kernels.NoFactor
	own   bool // the node has it, and not a sum that is not stored
}

// nodeLoad lists the terms that a load of a node adds.
type nodeLoad struct {
	terms [kernels.MaxTerms]loadTerm
	n     int
}

func (l *nodeLoad) list() []loadTerm { return l.terms[:l.n] }

// planLoads chooses the sums that are not stored, and lists the terms of each load.
func (s *savedPlan) planLoads(p *kernels.Program) {
	s.loads = make([]nodeLoad, len(p.Nodes))
	for i, node := range p.Nodes {
		l := &s.loads[i]
		for k, t := range node.Terms {
			l.terms[k] = loadTerm{t.Value, t.BN, s.rows[i][k], true}
		}
		l.n = len(node.Terms)
	}
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Op != kernels.OpSum || step.Act != kernels.Linear {
			continue
		}
		sum := &s.loads[step.In[0]]
		if !s.dissolves(step.Out, sum) {
			continue
		}
		s.values[step.Out].sum = sum
		for _, u := range s.uses[step.Out] {
			s.loads[u.Node].replace(step.Out, sum)
		}
	}
}

// dissolves reports whether the terms of a sum can take its place in all loads.
func (s *savedPlan) dissolves(v kernels.ValueID, sum *nodeLoad) bool {
	if sum.n == 0 || len(s.values[v].bns) > 0 {
		return false
	}
	for _, t := range sum.list() {
		if s.values[t.value].half != s.values[v].half {
			return false
		}
	}
	for _, u := range s.uses[v] {
		l := &s.loads[u.Node]
		n := l.n
		for k, t := range l.list() {
			if t.value != v {
				continue
			}
			if n += sum.n - 1; t.row != kernels.NoFactor || k > 0 && sum.n > 1 {
				return false
			}
		}
		if n > kernels.MaxTerms {
			return false
		}
	}
	return true
}

// replace puts the terms of a sum in the place of its value.
func (l *nodeLoad) replace(v kernels.ValueID, sum *nodeLoad) {
	old := *l
	l.n = 0
	for _, t := range old.list() {
		if t.value != v {
			l.terms[l.n] = t
			l.n++
			continue
		}
		for _, part := range sum.list() {
			part.own = false
			l.terms[l.n] = part
			l.n++
		}
	}
}
