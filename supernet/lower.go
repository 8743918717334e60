package supernet

import "bnas.example/kernels"

// lowering turns the record of a Builder into a Program.
type lowering struct {
	b        *Builder
	p        *kernels.Program
	live     []bool            // by Feature: it has a path to the logits
	uses     []int             // by Feature: live loads and bare uses
	liveRaw  []bool            // by Raw
	value    []kernels.ValueID // by Raw, once stored
	terms    [][]term          // by Feature
	weights  []float32         // of the terms with a factor, in the order of the nodes
	node     []kernels.NodeID  // by Feature, once loaded
	stored   []kernels.ValueID // by Feature: its OpSum's value
	siblings map[sibling]int   // the step that a further branch joins
}

// term is a term of a node, with the weight of its factor.
type term struct {
	kernels.Term
	weight float64
}

// sibling is the key of a step with several branches: convolutions with equal keys become branches of one step.
type sibling struct {
	node kernels.NodeID
	act  kernels.Activation
	kernels.Window
	groups int
}

// program lowers the record. It drops the operations without a path to the logits. It stores a feature only if it is
// needed as a value: for a bare use beside others, an identity-BatchNorm, or more than MaxTerms terms. It joins sibling
// convolutions.
func (b *Builder) program(name string) (*kernels.Program, error) {
	l, err := b.lowered(name)
	if err != nil {
		return nil, err
	}
	return l.p, nil
}

// lowered is program with what else the lowering knows.
func (b *Builder) lowered(name string) (*lowering, error) {
	if b.err != nil {
		return nil, b.err
	}
	l := &lowering{
		b: b, p: &kernels.Program{Name: name},
		live: make([]bool, len(b.features)), uses: make([]int, len(b.features)), liveRaw: make([]bool, len(b.raws)),
		value: filled(len(b.raws), kernels.ValueID(none)),
		terms: make([][]term, len(b.features)), node: filled(len(b.features), kernels.NodeID(none)),
		stored: filled(len(b.features), kernels.ValueID(none)), siblings: map[sibling]int{},
	}
	if b.aux != none {
		l.p.AuxWeight = b.training.AuxWeight
	}
	l.mark()
	l.value[0] = l.newValue(b.raws[0].name, b.raws[0].shape)
	for _, e := range b.log {
		switch {
		case e.feature == none && l.liveRaw[e.out]:
			l.emit(e)
		case e.feature != none && l.live[e.feature]:
			l.resolve(e.feature)
		}
	}
	for _, k := range b.blocks {
		if l.live[k.in] && l.live[k.out] {
			l.p.Blocks = append(l.p.Blocks, kernels.Block{Name: k.name, In: l.load(k.in), Out: l.load(k.out)})
		}
	}
	return l, nil
}

func filled[T any](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// mark walks the record backwards from the logits, its last entry, and from those of an auxiliary classifier, and marks the live
// features.
func (l *lowering) mark() {
	l.liveRaw[len(l.b.raws)-1] = true
	if l.b.aux != none {
		l.liveRaw[l.b.aux] = true
	}
	for i := len(l.b.log) - 1; i >= 0; i-- {
		e := l.b.log[i]
		if e.feature == none {
			if l.liveRaw[e.out] {
				for _, f := range e.in {
					l.use(f)
				}
			}
		} else if l.live[e.feature] {
			for _, s := range l.b.features[e.feature].summands {
				l.liveRaw[s.raw] = true
				if of := l.b.raws[s.raw].of; of != none {
					l.use(of)
				}
			}
		}
	}
}

func (l *lowering) use(f Feature) {
	l.live[f] = true
	l.uses[f]++
}

// resolve finds the terms of a feature, at most MaxTerms. It emits OpSum steps for the sums that must be stored.
func (l *lowering) resolve(f Feature) {
	var terms []term
	summands := l.b.features[f].summands
	for i, s := range summands {
		of := l.b.raws[s.raw].of
		switch {
		case of == none:
			terms = append(terms, l.term(s, l.value[s.raw]))
		case s.bn != none:
			terms = append(terms, l.term(s, l.normalisable(of)))
		case !s.factor && l.dissolves(of, kernels.MaxTerms-len(terms)-(len(summands)-1-i)):
			terms = append(terms, l.terms[of]...)
		default:
			terms = append(terms, l.term(s, l.store(of)))
		}
	}
	l.terms[f] = l.split(f, terms)
}

// dissolves reports whether the terms of feature f can replace a bare use of it, with room for so many terms. They can if
// they are bare themselves, without factors. They can too if this is the only use of f: then each BatchNorm still enters one node. They
// cannot if a block starts or ends at f, because every gradient must pass through its node.
func (l *lowering) dissolves(f Feature, room int) bool {
	if len(l.terms[f]) == 0 {
		return true
	}
	if l.b.features[f].boundary || len(l.terms[f]) > room {
		return false
	}
	return l.uses[f] == 1 || l.bare(f)
}

func (l *lowering) bare(f Feature) bool {
	for _, t := range l.terms[f] {
		if t.BN != kernels.NoBN || t.Factor {
			return false
		}
	}
	return true
}

// normalisable returns the value of feature f for an identity-BatchNorm.
func (l *lowering) normalisable(f Feature) kernels.ValueID {
	if len(l.terms[f]) == 1 && l.bare(f) && !l.b.features[f].boundary {
		return l.terms[f][0].Value
	}
	return l.store(f)
}

// store stores feature f as a value, once.
func (l *lowering) store(f Feature) kernels.ValueID {
	if l.stored[f] == none {
		l.stored[f] = l.sum(l.b.features[f].name, l.load(f))
	}
	return l.stored[f]
}

func (l *lowering) sum(name string, n kernels.NodeID) kernels.ValueID {
	v := l.newValue(name, l.p.Nodes[n].Shape)
	l.p.Steps = append(l.p.Steps, kernels.Step{Name: name, Op: kernels.OpSum, In: []kernels.NodeID{n},
		Out: v, Weight: kernels.NoParam, Bias: kernels.NoParam})
	return v
}

// split sums the terms beyond MaxTerms into further values. It takes bare terms first, so that a BatchNorm stays at its
// node if possible.
func (l *lowering) split(f Feature, terms []term) []term {
	for len(terms) > kernels.MaxTerms {
		var part, rest []term
		for _, bare := range []bool{true, false} {
			for _, t := range terms {
				if (t.BN == kernels.NoBN) != bare {
					continue
				}
				if len(part) < kernels.MaxTerms {
					part = append(part, t)
				} else {
					rest = append(rest, t)
				}
			}
		}
		feat := l.b.features[f]
		name := feat.name + ".part"
		terms = append(rest, term{Term: kernels.Term{Value: l.sum(name, l.newNode(name, feat.shape, part)), BN: kernels.NoBN}})
	}
	return terms
}

func (l *lowering) term(s Summand, v kernels.ValueID) term {
	if s.bn == none {
		return term{kernels.Term{Value: v, BN: kernels.NoBN, Factor: s.factor}, s.weight}
	}
	r := l.b.bns[s.bn]
	l.p.BNs = append(l.p.BNs, kernels.BN{Name: r.name, Value: v, Gamma: r.gamma, Beta: r.beta, Eps: Eps})
	return term{kernels.Term{Value: v, BN: kernels.BNID(len(l.p.BNs) - 1), Factor: s.factor}, s.weight}
}

// load returns the node of a feature.
func (l *lowering) load(f Feature) kernels.NodeID {
	if l.node[f] == none {
		l.node[f] = l.newNode(l.b.features[f].name, l.b.features[f].shape, l.terms[f])
	}
	return l.node[f]
}

func (l *lowering) newNode(name string, shape kernels.Shape, terms []term) kernels.NodeID {
	n := kernels.Node{Name: name, Shape: shape}
	for _, t := range terms {
		n.Terms = append(n.Terms, t.Term)
		if t.Factor {
			l.weights = append(l.weights, float32(t.weight))
		}
	}
	l.p.Nodes = append(l.p.Nodes, n)
	return kernels.NodeID(len(l.p.Nodes) - 1)
}

func (l *lowering) newValue(name string, shape kernels.Shape) kernels.ValueID {
	l.p.Values = append(l.p.Values, kernels.Value{Name: name, Shape: shape})
	return kernels.ValueID(len(l.p.Values) - 1)
}

// emit appends the step of an operation, or adds a branch to the step of a sibling.
func (l *lowering) emit(e logEntry) {
	step := e.step
	for _, f := range e.in {
		step.In = append(step.In, l.load(f))
	}
	raw := l.b.raws[e.out]
	v := l.newValue(raw.name, raw.shape)
	l.value[e.out] = v
	if step.Op != kernels.OpLinear {
		step.Weight, step.Bias = kernels.NoParam, kernels.NoParam
	}
	if step.Op != kernels.OpConv {
		step.Out = v
		l.p.Steps = append(l.p.Steps, step)
		return
	}
	branch := kernels.Branch{Weight: e.weight, Out: v}
	key := sibling{step.In[0], step.Act, step.Window, step.Groups}
	if i, ok := l.siblings[key]; ok {
		first := &l.p.Steps[i]
		first.Branches = append(first.Branches, branch)
		first.ReLUs += step.ReLUs
		return
	}
	step.Branches = []kernels.Branch{branch}
	l.siblings[key] = len(l.p.Steps)
	l.p.Steps = append(l.p.Steps, step)
}
