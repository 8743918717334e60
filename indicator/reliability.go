package indicator

import "math"

// Reliability compares the noise of a term, measured by repeats, with its differences between architectures.
type Reliability struct {
	Term string `json:"term"`
	N    int    `json:"n"` // architectures with a spread
	// Spread is √mean(sd²) / √var: the noise of one repeat relative to the standard deviation of the term over architectures.
	Spread float64 `json:"relative_spread"`
	// Reliability is 1 − mean(sd²/R)/var, at least 0: the share of the variance over architectures that is not noise. Doubled is
	// an estimate of it for twice the repeats.
	Reliability float64 `json:"reliability"`
	Doubled     float64 `json:"reliability_doubled"`
}

// Reliabilities returns the reliability of each term over the architectures that were scored in repeats and have a spread, in
// the order of TermNames. sd is an architecture's spread, R its number of repeats, and var the sample variance of the means
// over architectures. A term is left out if fewer than three architectures have a spread, or if all have one mean. Sources: the
// ratio of variances is the reliability of classical test theory; its estimate for more repeats is the formula of Spearman and
// Brown.
func Reliabilities(scores ScoreSet) []Reliability {
	var all []Reliability
	for t, term := range terms {
		var means []float64
		var one, noise float64 // Σ sd² and Σ sd²/R
		for i := range scores.Len() {
			mean, spread, repeats := scores.value(i, t), scores.spread(i, t), scores.repeats(i)
			if repeats < 2 || math.IsNaN(spread) || math.IsInf(mean, 0) {
				continue
			}
			means = append(means, mean)
			one += spread * spread
			noise += spread * spread / float64(repeats)
		}
		if len(means) < 3 {
			continue
		}
		_, deviation := meanAndDeviation(means)
		if deviation == 0 {
			continue
		}
		total, n := deviation*deviation, float64(len(means))
		r := Reliability{Term: term.Name, N: len(means), Spread: math.Sqrt(one / n / total), Reliability: max(1-noise/n/total, 0)}
		if r.Reliability > 0 {
			r.Doubled = 2 * r.Reliability / (1 + r.Reliability)
		}
		all = append(all, r)
	}
	return all
}
