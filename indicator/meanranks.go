package indicator

import (
	"errors"
	"math"

	"bnas.example/rank"
)

// MeanRanks fuses the scores of several runs, of other seeds or other training: a term of an architecture is the mean over the runs
// of its rank among the live architectures that all of them have, relative to their number. Ranks compare runs whose terms have other
// scales. A term that a run lacks is NaN. The order is that of the first run. With one run the scores stay as they are.
func MeanRanks(runs []ScoreSet) (ScoreSet, error) {
	if len(runs) == 1 {
		return runs[0], nil
	}
	rows := commonRows(runs)
	if len(rows) == 0 {
		return ScoreSet{}, errors.New("indicator: the runs have no architecture in common")
	}
	fused := newScoreColumns(everyTerm)
	var live []int // of fused
	for k, of := range rows {
		i := of[0]
		fused.addWithoutValues(Scores{Arch: runs[0].Arch(i), Canonical: runs[0].Canonical(i), Dead: runs[0].Dead(i)})
		if !runs[0].Dead(i) {
			live = append(live, k)
		}
	}
	column, sum := make([]float64, len(live)), make([]float64, len(live))
	for t := range terms {
		clear(sum) // of ranks, which are multiples of a half: exact, so that equal means are equal
		for r, run := range runs {
			lacks := false
			for i, k := range live {
				column[i] = run.value(rows[k][r], t)
				lacks = lacks || math.IsNaN(column[i])
			}
			for i, place := range rank.Ranks(column) {
				if lacks {
					place = math.NaN()
				}
				sum[i] += place
			}
		}
		for i, k := range live {
			fused.values.set(k, t, sum[i]/float64(len(live)*len(runs)))
		}
	}
	return fused.all(), nil
}

// commonRows returns the architectures that all runs have, in the order of the first run: of each, its place in each run.
func commonRows(runs []ScoreSet) [][]int {
	places := make([]map[string]int, len(runs))
	for r, run := range runs {
		places[r] = make(map[string]int, run.Len())
		for i := range run.Len() {
			places[r][run.Arch(i)] = i
		}
	}
	var common [][]int
	for i := range runs[0].Len() {
		of := []int{i}
		for _, at := range places[1:] {
			if k, ok := at[runs[0].Arch(i)]; ok {
				of = append(of, k)
			}
		}
		if len(of) == len(runs) {
			common = append(common, of)
		}
	}
	return common
}

// MeanQuantiles fuses the scores of one architecture in several runs: a term is the mean over the runs of its quantile in the
// calibration of the run, in (0, 1). It is what MeanRanks is for a set of architectures, and does not depend on any other one. A term
// that a run lacks is NaN. A dead architecture has −Inf in every term.
func MeanQuantiles(calibrations []*Calibration, scores []Scores) Scores {
	first := scores[0]
	fused := Scores{Arch: first.Arch, Canonical: first.Canonical, Dead: first.Dead, Values: make([]float64, len(terms))}
	for t := range fused.Values {
		if first.Dead {
			fused.Values[t] = math.Inf(-1)
			continue
		}
		fused.Values[t] = meanQuantile(calibrations, scores, t)
	}
	return fused
}

// meanQuantile is the mean over the runs of the quantile of a term. Equal means are equal to the bit if the samples of the runs are of one
// size: the runs then have the same architectures.
func meanQuantile(calibrations []*Calibration, scores []Scores, term int) float64 {
	n, same := len(calibrations[0].sorted[term]), true
	var sum float64 // of multiples of 1/2(n+1)
	for i, c := range calibrations {
		sum += c.quantile(term, scores[i].Values[term], false)
		same = same && len(c.sorted[term]) == n
	}
	if same {
		sum = toHalves(sum, n+1)
	}
	return sum / float64(len(calibrations))
}
