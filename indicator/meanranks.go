package indicator

import (
	"errors"
	"math"

	"bnas.example/rank"
)

// MeanRanks fuses the scores of several runs, of other seeds or other training: a term of an architecture is the mean over the runs
// of its rank among the live architectures that all of them have, relative to their number. Ranks compare runs whose terms have other
// scales. A term that a run lacks is NaN. The order is that of the first run. With one run the scores stay as they are.
func MeanRanks(runs [][]Scores) ([]Scores, error) {
	if len(runs) == 1 {
		return runs[0], nil
	}
	at := make([]map[string]Scores, len(runs))
	for i, run := range runs {
		at[i] = map[string]Scores{}
		for _, s := range run {
			at[i][s.Arch] = s
		}
	}
	var fused, live []Scores
	for _, s := range runs[0] {
		common := true
		for _, run := range at {
			_, ok := run[s.Arch]
			common = common && ok
		}
		if !common {
			continue
		}
		one := Scores{Arch: s.Arch, Canonical: s.Canonical, Dead: s.Dead, Values: make([]float64, len(terms))}
		if fused = append(fused, one); s.Dead {
			for t := range one.Values {
				one.Values[t] = math.Inf(-1)
			}
		} else {
			live = append(live, one)
		}
	}
	if len(fused) == 0 {
		return nil, errors.New("indicator: the runs have no architecture in common")
	}
	column := make([]float64, len(live))
	for _, run := range at {
		for t := range terms {
			lacks := false
			for i, s := range live {
				column[i] = run[s.Arch].Values[t]
				lacks = lacks || math.IsNaN(column[i])
			}
			for i, r := range rank.Ranks(column) {
				if lacks {
					r = math.NaN()
				}
				live[i].Values[t] += r / float64(len(live)) / float64(len(runs))
			}
		}
	}
	return fused, nil
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
		for i, c := range calibrations {
			fused.Values[t] += c.quantile(t, scores[i].Values[t], false) / float64(len(calibrations))
		}
	}
	return fused
}
