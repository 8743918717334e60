package study

import (
	"fmt"
	"path/filepath"

	"bnas.example/indicator"
	"bnas.example/internal/wholefile"
	"bnas.example/search"
	"bnas.example/supernet"
)

// readScores reads the scores of networks, in their order, from the ledger in a folder.
func readScores(dir string, archs []string) ([]indicator.Scores, error) {
	path := filepath.Join(dir, search.ScoresName)
	f, err := wholefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := indicator.ReadScores(f, path)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i := range all.Len() {
		at[all.Arch(i)] = i
	}
	ordered := make([]indicator.Scores, len(archs))
	for i, a := range archs {
		k, ok := at[a]
		if !ok {
			return nil, fmt.Errorf("%s: no scores of %s", path, a)
		}
		ordered[i] = all.At(k)
	}
	return ordered, nil
}

// fusedName is the score of a composite of several terms; none for one of a single term, which is the term.
func fusedName(c indicator.Composite) []string {
	if len(c.Terms) < 2 {
		return nil
	}
	return []string{"composite " + c.Name}
}

// headScore is the score of a composite, or of its only term.
func headScore(c indicator.Composite) string { return append(fusedName(c), c.Terms[0])[0] }

// scoreValues reads the values of terms, and of the composite if it has several, for networks from a ledger.
func scoreValues(dir string, archs, terms []string, c indicator.Composite) (map[string][]float64, error) {
	scores, err := readScores(dir, archs)
	if err != nil {
		return nil, err
	}
	all := map[string][]float64{}
	for _, name := range fusedName(c) {
		if all[name], err = c.Ranks(scores); err != nil {
			return nil, err
		}
	}
	for _, term := range terms {
		values := make([]float64, len(scores))
		for i, s := range scores {
			if values[i], err = s.Term(term); err != nil {
				return nil, err
			}
		}
		all[term] = values
	}
	return all, nil
}

// networksOf reads the architectures of a supernet from their texts.
func networksOf(net supernet.Config, texts []string) (supernet.Space, []supernet.Arch, error) {
	space, err := net.Lookup()
	if err != nil {
		return nil, nil, err
	}
	archs := make([]supernet.Arch, len(texts))
	for i, text := range texts {
		if archs[i], err = space.Parse(text); err != nil {
			return nil, nil, err
		}
	}
	return space, archs, nil
}
