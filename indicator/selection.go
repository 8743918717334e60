package indicator

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"bnas.example/philox"
	"bnas.example/rank"
)

// selectionGain is the rise of τ_b for which a selection changes a composite. It is ours.
const selectionGain = 1e-3

// FewNetworks is the number of networks below which a selection says little of other networks: what it gains on one half is lost
// on the other.
const FewNetworks = 300

// SelectionSet is scored networks of one space with their accuracies. A dead one is left out.
type SelectionSet struct {
	Name     string
	Scores   ScoreSet
	Accuracy []float64
	Weight   float64 // of its τ_b in the mean over the sets
}

// Selecting holds the settings of a selection.
type Selecting struct {
	MaxTerms int    // at least 3
	Splits   int    // into halves, at least 1
	Seed     uint64 // of the splits
}

// Selection is a composite that was chosen on all networks of some sets, and what the same choice on random halves of them is worth
// on the other halves.
type Selection struct {
	Composite Composite `json:"composite"`
	Tau       float64   `json:"tau_b"` // mean over the sets on which it was chosen
	Tried     int       `json:"tried"` // composites
	Splits    []Split   `json:"splits"`
	Sets      []SetTau  `json:"sets"`
}

// Split is a composite that was chosen on one half of each set. On a half of equal accuracies τ_b is NaN, undefined; JSON has null.
type Split struct {
	Composite Composite `json:"composite"`
	Train     []float64 `json:"train_tau_b"` // by set, on that half
	Test      []float64 `json:"test_tau_b"`  // by set, on the other half
}

// MarshalJSON writes null for what is undefined.
func (s Split) MarshalJSON() ([]byte, error) {
	type plain Split
	return json.Marshal(struct {
		plain
		Train []*float64 `json:"train_tau_b"`
		Test  []*float64 `json:"test_tau_b"`
	}{plain(s), eachDefined(s.Train), eachDefined(s.Test)})
}

func eachDefined(values []float64) []*float64 {
	all := make([]*float64, len(values))
	for i, v := range values {
		all[i] = defined(v)
	}
	return all
}

// SetTau is what the choices of all splits are worth on one set: the mean and the sample standard deviation over the splits, on the halves
// that were chosen on and on the others. A mean is NaN, undefined, if τ_b is in one split; JSON has null.
type SetTau struct {
	Name      string   `json:"name"`
	Networks  int      `json:"networks"` // live and distinct
	Train     float64  `json:"train_tau_b"`
	Test      float64  `json:"test_tau_b"`
	Deviation *float64 `json:"test_deviation"` // nil: of one split, or undefined
}

// MarshalJSON writes null for what is undefined.
func (t SetTau) MarshalJSON() ([]byte, error) {
	type plain SetTau
	return json.Marshal(struct {
		plain
		Train *float64 `json:"train_tau_b"`
		Test  *float64 `json:"test_tau_b"`
	}{plain(t), defined(t.Train), defined(t.Test)})
}

// Select chooses a composite on all sets, and judges such a choice on networks that it did not see. A choice has at least one term
// each of expressivity, trainability and uncertainty, and up to MaxTerms terms, those of cost included; baselines are left out. It
// starts with the best three, and adds, exchanges or drops one term as long as the mean of τ_b over the sets rises by 0.001.
// Quantiles are those of the networks that it is chosen on. Networks that are the same are in the same half.
func (c Selecting) Select(name string, sets []SelectionSet) (Selection, error) {
	live := make([]SelectionSet, len(sets))
	for i, s := range sets {
		var err error
		live[i] = s
		if live[i].Scores, live[i].Accuracy, err = Distinct.Of(s.Scores, s.Accuracy); err != nil {
			return Selection{}, err
		}
	}
	var out Selection
	for k := range c.Splits {
		one, tried, err := c.split(name, live, k)
		if err != nil {
			return Selection{}, err
		}
		out.Splits, out.Tried = append(out.Splits, one), out.Tried+tried
	}
	choice, err := newChoice(live)
	if err != nil {
		return Selection{}, err
	}
	if out.Composite, out.Tau, err = choice.best(name, c.MaxTerms); err != nil {
		return Selection{}, err
	}
	out.Tried += choice.tried
	for i, s := range live {
		out.Sets = append(out.Sets, setTau(s, out.Splits, i))
	}
	return out, nil
}

// split chooses on one half of each set and judges on the other.
func (c Selecting) split(name string, sets []SelectionSet, k int) (Split, int, error) {
	train, test := make([]SelectionSet, len(sets)), make([]SelectionSet, len(sets))
	for i, s := range sets {
		first, second := c.Halves(s.Scores, k)
		train[i], test[i] = s, s
		train[i].Scores, train[i].Accuracy = s.Scores.pick(first), pickFloats(s.Accuracy, first)
		test[i].Scores, test[i].Accuracy = s.Scores.pick(second), pickFloats(s.Accuracy, second)
	}
	choice, err := newChoice(train)
	if err != nil {
		return Split{}, 0, err
	}
	var one Split
	if one.Composite, _, err = choice.best(name, c.MaxTerms); err != nil {
		return Split{}, 0, err
	}
	for i := range sets {
		for _, half := range []struct {
			of  SelectionSet
			tau *[]float64
		}{{train[i], &one.Train}, {test[i], &one.Test}} {
			fused, err := one.Composite.fuseAll(train[i].Scores, half.of.Scores)
			if err != nil {
				return Split{}, 0, err
			}
			*half.tau = append(*half.tau, rank.KendallTauB(fused, half.of.Accuracy))
		}
	}
	return one, choice.tried, nil
}

func setTau(s SelectionSet, splits []Split, set int) SetTau {
	t := SetTau{Name: s.Name, Networks: s.Scores.Len()}
	test := make([]float64, len(splits))
	for k, one := range splits {
		t.Train += one.Train[set] / float64(len(splits))
		test[k] = one.Test[set]
	}
	var deviation float64
	if t.Test, deviation = meanAndDeviation(test); len(splits) > 1 {
		t.Deviation = defined(deviation)
	}
	return t
}

// choice holds what a choice of terms needs: for each set and term, the log quantile of each network.
type choice struct {
	sets   []SelectionSet
	logs   [][][]float64 // by set and term; nil for a term that may not be chosen
	usable []int         // the terms that may be chosen
	fused  [][]float64   // by set: scratch
	tried  int
}

func newChoice(sets []SelectionSet) (*choice, error) {
	c := &choice{sets: sets, logs: make([][][]float64, len(sets)), fused: make([][]float64, len(sets))}
	for i, s := range sets {
		if s.Scores.Len() != len(s.Accuracy) {
			return nil, fmt.Errorf("indicator: select: %s: %d networks and %d accuracies", s.Name, s.Scores.Len(), len(s.Accuracy))
		}
		if err := s.Scores.SomeLive(); err != nil {
			return nil, fmt.Errorf("indicator: select: %s: %w", s.Name, err)
		}
		c.logs[i], c.fused[i] = make([][]float64, len(terms)), make([]float64, s.Scores.Len())
	}
	for t, term := range terms {
		lacks := func(s SelectionSet) bool { return !s.Scores.has(t) }
		if term.Perspective == Baseline || slices.ContainsFunc(sets, lacks) {
			continue
		}
		c.usable = append(c.usable, t)
		for i, s := range sets {
			c.logs[i][t] = s.Scores.weighed(t, s.Scores, Composite{})
		}
	}
	return c, nil
}

// tau is the weighted mean of τ_b over the sets; −∞ where it is undefined.
func (c *choice) tau(subset []int) float64 {
	c.tried++
	var sum, weights float64
	for i, s := range c.sets {
		clear(c.fused[i])
		for _, t := range subset {
			for k, v := range c.logs[i][t] {
				c.fused[i][k] += v
			}
		}
		tau := rank.KendallTauB(c.fused[i], s.Accuracy)
		if math.IsNaN(tau) {
			return math.Inf(-1)
		}
		sum, weights = sum+s.Weight*tau, weights+s.Weight
	}
	return sum / weights
}

// best chooses the terms.
func (c *choice) best(name string, most int) (Composite, float64, error) {
	var chosen []int
	tau := math.Inf(-1)
	for _, e := range c.of(Expressivity) {
		for _, t := range c.of(Trainability) {
			for _, u := range c.of(Uncertainty) {
				if got := c.tau([]int{e, t, u}); got > tau {
					tau, chosen = got, []int{e, t, u}
				}
			}
		}
	}
	if chosen == nil && c.tried > 0 {
		return Composite{}, 0, errors.New("indicator: select: all accuracies or all scores are equal: no composite orders them")
	}
	if chosen == nil {
		return Composite{}, 0, errors.New("indicator: select: the scores lack a perspective: a term each of E, T and U is needed")
	}
	for {
		next, got := chosen, tau
		for _, subset := range c.neighbours(chosen, most) {
			if v := c.tau(subset); v > got {
				next, got = subset, v
			}
		}
		if got < tau+selectionGain {
			break
		}
		chosen, tau = next, got
	}
	slices.Sort(chosen)
	composite := Composite{Name: name}
	for _, t := range chosen {
		composite.Terms = append(composite.Terms, terms[t].Name)
	}
	return composite, tau, nil
}

func (c *choice) of(p Perspective) []int {
	return slices.DeleteFunc(slices.Clone(c.usable), func(t int) bool { return terms[t].Perspective != p })
}

// neighbours are the subsets with one term more, with one exchanged and with one less, of all three perspectives.
func (c *choice) neighbours(chosen []int, most int) [][]int {
	var all [][]int
	add := func(subset []int) {
		if coversPerspectives(subset) {
			all = append(all, subset)
		}
	}
	for i := range chosen {
		add(slices.Delete(slices.Clone(chosen), i, i+1))
	}
	for _, t := range c.usable {
		if slices.Contains(chosen, t) {
			continue
		}
		if len(chosen) < most {
			add(append(slices.Clone(chosen), t))
		}
		for i := range chosen {
			exchanged := slices.Clone(chosen)
			exchanged[i] = t
			add(exchanged)
		}
	}
	return all
}

// coversPerspectives reports whether all three are among the terms.
func coversPerspectives(subset []int) bool {
	seen := map[Perspective]bool{}
	for _, t := range subset {
		seen[terms[t].Perspective] = true
	}
	return seen[Expressivity] && seen[Trainability] && seen[Uncertainty]
}

// Halves returns the indices of the networks on which a split chooses, and of those on which it judges. It shuffles the canonical
// forms and alternates: networks that are the same are in the same half.
func (c Selecting) Halves(scores ScoreSet, split int) (first, second []int) {
	order := make([]int, scores.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return strings.Compare(scores.Canonical(i), scores.Canonical(j)) })
	var starts []int // in order, of the networks
	for k, i := range order {
		if k == 0 || scores.network(i) != scores.network(order[k-1]) {
			starts = append(starts, k)
		}
	}
	ends := append(slices.Clone(starts), len(order))[min(1, len(starts)):]
	for k, at := range philox.New(c.Seed, "selection half", uint64(split)).Perm(len(starts)) {
		if members := order[starts[at]:ends[at]]; k%2 == 0 {
			first = append(first, members...)
		} else {
			second = append(second, members...)
		}
	}
	slices.Sort(first)
	slices.Sort(second)
	return first, second
}

func pickFloats(values []float64, indices []int) []float64 {
	picked := make([]float64, len(indices))
	for k, i := range indices {
		picked[k] = values[i]
	}
	return picked
}
