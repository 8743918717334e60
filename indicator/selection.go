package indicator

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"bnas.example/philox"
	"bnas.example/rank"
)

// maxSelected is the most terms of a selected composite.
const maxSelected = 4

// Select returns the composite whose fusion ([Composite.Fuse], calibrated on the same architectures) agrees best (τ_b) with
// the accuracies. The candidates have three or four terms with equal weight, at least one each of expressivity,
// trainability and uncertainty. Of equally good candidates it takes the one with fewer terms, then the first in the order
// of TermNames. tried is the number of candidates. The choice is fitted to these accuracies: report its τ on other
// architectures, as SelectHalf does.
func Select(name string, train []Scores, accuracy []float64) (best Composite, tau float64, tried int, err error) {
	if len(train) != len(accuracy) {
		return Composite{}, 0, 0, fmt.Errorf("indicator: select: %d architectures and %d accuracies", len(train), len(accuracy))
	}
	calibration, err := NewCalibration(train)
	if err != nil {
		return Composite{}, 0, 0, err
	}
	logs := make([][]float64, len(terms)) // by term: log quantile of each architecture
	var usable []int
	for t, term := range terms {
		if term.Perspective == Baseline || calibration.sorted[t] == nil {
			continue
		}
		usable = append(usable, t)
		for _, s := range train {
			logs[t] = append(logs[t], (Composite{Terms: []string{term.Name}}).Fuse(calibration, s))
		}
	}
	var chosen []int
	tau = math.Inf(-1)
	fused := make([]float64, len(train))
	for size := 3; size <= maxSelected; size++ {
		for subset := range combinations(usable, size) {
			if !coversPerspectives(subset) {
				continue
			}
			tried++
			clear(fused)
			for _, t := range subset {
				for i, v := range logs[t] {
					fused[i] += v
				}
			}
			if got := rank.KendallTauB(fused, accuracy); got > tau {
				tau, chosen = got, slices.Clone(subset)
			}
		}
	}
	if chosen == nil && tried > 0 {
		return Composite{}, 0, 0, errors.New("indicator: select: all accuracies or all scores are equal: no composite orders them")
	}
	if chosen == nil {
		return Composite{}, 0, 0, errors.New("indicator: select: the scores lack a perspective: a term each of E, T and U is needed")
	}
	best.Name = name
	for _, t := range chosen {
		best.Terms = append(best.Terms, terms[t].Name)
	}
	return best, tau, tried, nil
}

// coversPerspectives reports whether all three are among the terms.
func coversPerspectives(subset []int) bool {
	seen := map[Perspective]bool{}
	for _, t := range subset {
		seen[terms[t].Perspective] = true
	}
	return seen[Expressivity] && seen[Trainability] && seen[Uncertainty]
}

// combinations yields every subset of the given size in lexical order. The slice is reused.
func combinations(of []int, size int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		subset := make([]int, size)
		var fill func(at, from int) bool
		fill = func(at, from int) bool {
			if at == size {
				return yield(subset)
			}
			for i := from; i <= len(of)-(size-at); i++ {
				subset[at] = of[i]
				if !fill(at+1, i+1) {
					return false
				}
			}
			return true
		}
		fill(0, 0)
	}
}

// Selection is a composite that was chosen on one half of the architectures and judged on the other half.
type Selection struct {
	Composite Composite   `json:"composite"`
	Tried     int         `json:"tried"`
	TrainTau  float64     `json:"train_tau_b"`
	Train     int         `json:"train"` // architectures it was chosen on
	Test      Correlation `json:"test"`  // on the others
}

// SelectHalf divides the architectures into two random halves, selects a composite on the first and judges it on the
// second, calibrated by the first. Architectures that are the same network are in the same half.
func SelectHalf(name string, scores []Scores, accuracy []float64, seed uint64, judging Judging) (Selection, error) {
	train, test := halves(scores, seed)
	trainScores, trainAccuracy := pick(scores, accuracy, train)
	testScores, testAccuracy := pick(scores, accuracy, test)
	var s Selection
	var err error
	if s.Composite, s.TrainTau, s.Tried, err = Select(name, trainScores, trainAccuracy); err != nil {
		return Selection{}, err
	}
	s.Train = len(train)
	calibration, err := NewCalibration(trainScores)
	if err != nil {
		return Selection{}, err
	}
	judged, err := judging.Composites(calibration, []Composite{s.Composite}, testScores, testAccuracy)
	if err != nil {
		return Selection{}, err
	}
	s.Test = judged[0]
	return s, nil
}

// halves assigns the canonical forms to two halves: it shuffles them and alternates.
func halves(scores []Scores, seed uint64) (first, second []int) {
	members := map[string][]int{}
	for i, s := range scores {
		members[s.Canonical] = append(members[s.Canonical], i)
	}
	names := slices.Sorted(maps.Keys(members))
	for k, at := range philox.New(seed, "selection half", 0).Perm(len(names)) {
		if k%2 == 0 {
			first = append(first, members[names[at]]...)
		} else {
			second = append(second, members[names[at]]...)
		}
	}
	slices.Sort(first)
	slices.Sort(second)
	return first, second
}

func pick(scores []Scores, accuracy []float64, indices []int) (s []Scores, a []float64) {
	for _, i := range indices {
		s, a = append(s, scores[i]), append(a, accuracy[i])
	}
	return s, a
}
