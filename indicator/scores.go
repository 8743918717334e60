package indicator

import (
	"encoding/json"
	"math"
)

// Scores are the terms of one architecture.
type Scores struct {
	Arch      string // the space's own text form
	Canonical string // equal for architectures that are the same network
	Dead      bool   // no path from input to output
	// Values has one entry for each term, in the order of TermNames. NaN stands for a term that was not computed. −Inf is
	// the lowest value; a dead network has it in every term.
	Values []float64
	// Repeats is the number of repeats whose mean Values are; 0: one measurement. Spread then has the sample standard deviation
	// over the repeats for each term. A term that is −Inf in one repeat is −Inf in Values; its Spread is NaN, as is that of a
	// term that was not computed. Without repeats Spread is nil.
	Repeats int
	Spread  []float64
}

// Term returns the value of a term by its name: NaN if it was not computed. An unknown name is an error that lists the
// names.
func (s Scores) Term(name string) (float64, error) {
	i, err := termIndex(name)
	if err != nil {
		return 0, err
	}
	return s.Values[i], nil
}

// MarshalJSON writes arch, canonical, dead and terms: name → number, null for −Inf; terms that were not computed are left
// out. Scores of several repeats also have repeats, and spread: name → number.
func (s Scores) MarshalJSON() ([]byte, error) {
	values := make(map[string]*float64, len(s.Values))
	for i, v := range s.Values {
		switch {
		case math.IsNaN(v):
		case math.IsInf(v, 0):
			values[terms[i].Name] = nil
		default:
			values[terms[i].Name] = &v
		}
	}
	spread := map[string]float64{}
	for i, v := range s.Spread {
		if !math.IsNaN(v) {
			spread[terms[i].Name] = v
		}
	}
	return json.Marshal(struct {
		Arch      string              `json:"arch"`
		Canonical string              `json:"canonical"`
		Dead      bool                `json:"dead"`
		Terms     map[string]*float64 `json:"terms"`
		Repeats   int                 `json:"repeats,omitempty"`
		Spread    map[string]float64  `json:"spread,omitempty"`
	}{s.Arch, s.Canonical, s.Dead, values, s.Repeats, spread})
}
