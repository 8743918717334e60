package report

import "fmt"

// operatorSection compares the operators of the best networks with those of the whole space, in which each option of
// a gene is as frequent as any other.
func operatorSection(v *view) (section, string) {
	s := section{ID: "operators", Title: "Operators of the best"}
	best := v.ranked[:min(topShare, len(v.ranked))]
	genes := v.geneShares(best)
	if genes == nil {
		return s, "the architectures' choices are not known"
	}
	s.Lead = fmt.Sprintf("The %d best networks against the whole space. A BatchNorm on convolutions alone draws a search to convolutions; this is where it would show.", len(best))
	var shares []share
	var hues []string
	var colours []legend
	for _, op := range v.operators {
		shares = append(shares, v.operatorShare(op, genes))
		hues = append(hues, v.hueOf(op))
		colours = append(colours, legend{v.hueOf(op), op})
	}
	g := group{Class: "figures wide", Legend: colours}
	g.add(shareChart(wideWidth, "Share of each operator", shares, hues), fmt.Sprintf("Coloured: the %d best. Grey: the whole space.", len(best)))
	g.add(geneChart(wideWidth, "Choice at each place", v.Genes, genes, v.hueOf), "How the best divide over the operators, place by place.")
	s.Groups = []group{g}
	return s, ""
}

// geneShares returns for each gene the frequency of each option in the given architectures, or nil if no choice is known.
func (v *view) geneShares(set []int) [][]float64 {
	shares := make([][]float64, len(v.Genes))
	for g := range v.Genes {
		shares[g] = make([]float64, len(v.Genes[g].Options))
	}
	known := 0
	for _, i := range set {
		if len(v.Archs[i].Choice) == len(v.Genes) {
			known++
		}
	}
	if known == 0 || len(v.Genes) == 0 {
		return nil
	}
	for _, i := range set {
		choice := v.Archs[i].Choice
		if len(choice) != len(v.Genes) {
			continue
		}
		for g, o := range choice {
			if o >= 0 && o < len(shares[g]) {
				shares[g][o] += 1 / float64(known)
			}
		}
	}
	return shares
}

func (v *view) operatorShare(op string, genes [][]float64) share {
	s := share{operator: op}
	for g, gene := range v.Genes {
		for o, name := range gene.Options {
			if name == op {
				s.best += genes[g][o] / float64(len(v.Genes))
				s.whole += 1 / float64(len(gene.Options)) / float64(len(v.Genes))
			}
		}
	}
	return s
}
