package report

import (
	"cmp"
	"html/template"
	"math"
)

// mostPairs bounds the scatter plots of terms against each other.
const mostPairs = 6

func termsSection(v *view) (Section, string) {
	s := Section{ID: "terms", Title: "Terms against each other"}
	if len(v.score) < 3 {
		return s, "fewer than three networks have a score that is a finite number"
	}
	m := v.Agreement.withValues()
	if svg := matrixChart(m); svg != "" {
		s.Lead = "Terms that agree say the same twice; a composite lives on terms that differ and are each right."
		s.Groups = append(s.Groups, Group{Class: "matrix", Figures: []Figure{{template.HTML(svg),
			"Rank agreement over " + cmp.Or(v.AgreementOver, "the networks scored") + ": Kendall's τ-b above the diagonal, Spearman's ρ below; blue agrees, orange opposes."}}})
	}
	pairs := Group{Class: "figures", Lead: "Each dot is a network that the search has visited."}
	for _, chart := range v.clouds {
		pairs.add(chart, "")
	}
	if len(pairs.Figures) > 0 {
		s.Groups = append(s.Groups, pairs)
	}
	if len(s.Groups) == 0 {
		return s, "no two terms were computed"
	}
	return s, ""
}

// pairs returns the indices of all pairs of fused terms, at most mostPairs.
func (v *view) pairs() [][2]int {
	fused := v.fused()
	var out [][2]int
	for i := range fused {
		for j := range i {
			out = append(out, [2]int{fused[j], fused[i]})
		}
	}
	return out[:min(len(out), mostPairs)]
}

// pairChart draws the values of a pair of terms.
func (v *view) pairChart(pair [2]int, x, y []float64) string {
	var spots []spot
	if v.Found != nil {
		spots = []spot{{valueOf(*v.Found, pair[0]), valueOf(*v.Found, pair[1]), "found", "found: " + v.Found.Text}}
	}
	return scatterChart(smallWidth, smallHeight+30, v.Terms[pair[1]].Name, v.Terms[pair[0]].Name, x, y, nil, nil, spots)
}

// withValues leaves out the names without values.
func (m Matrix) withValues() Matrix {
	n := len(m.Names)
	if len(m.Spearman) != n || len(m.Kendall) != n {
		return Matrix{}
	}
	var keep []int
	for i := range n {
		for j := range n {
			if i != j && !math.IsNaN(m.Kendall[i][j]) {
				keep = append(keep, i)
				break
			}
		}
	}
	out := Matrix{Spearman: square(len(keep)), Kendall: square(len(keep))}
	for a, i := range keep {
		out.Names = append(out.Names, m.Names[i])
		for b, j := range keep {
			out.Spearman[a][b], out.Kendall[a][b] = m.Spearman[i][j], m.Kendall[i][j]
		}
	}
	return out
}
