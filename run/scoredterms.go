package run

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/search"
)

// scoring returns the settings of the scorer. Without a list of terms, they are those of the objective and those that cost next
// to nothing beside them. All terms are an empty list.
func (r *Run) scoring() (indicator.Config, error) {
	c := r.Config.Score
	for _, own := range []*uint64{&c.ImageSeed, &c.DirectionSeed} {
		if *own == c.Seed {
			*own = 0 // the same scores have the same key
		}
	}
	switch {
	case slices.Contains(c.Terms, indicator.AllTerms):
		c.Terms = nil
	case slices.ContainsFunc(indicator.GroupNames(), func(group string) bool { return slices.Contains(c.Terms, group) }):
		c.Terms = indicator.Expand(c.Terms)
	case len(c.Terms) == 0:
		composite, err := indicator.LookupComposite(r.Config.Objective.Composite)
		if err != nil {
			return c, err
		}
		if c.Terms, err = indicator.TermsOf(composite); err != nil {
			return c, err
		}
	}
	return c, nil
}

// ScoredTerms returns the terms that a scorer of the configuration computes, in the order of the configuration.
func (r *Run) ScoredTerms() ([]string, error) {
	c, err := r.scoring()
	return termsOf(c), err
}

func termsOf(c indicator.Config) []string {
	if len(c.Terms) == 0 {
		return indicator.TermNames()
	}
	return c.Terms
}

// setup returns the settings of the scorer for the ledger in dir, and its key. They are c, with the terms of the ledger if it
// differs only in having more terms: it can then be continued.
func (r *Run) setup(dir string, c indicator.Config) (indicator.Config, search.Key, error) {
	key, err := r.key(c)
	if err != nil {
		return c, nil, err
	}
	kept, err := search.ReadKey(dir)
	if err != nil || kept == nil || kept["scoring"] == key["scoring"] {
		return c, key, err
	}
	var theirs indicator.Config
	if err := yaml.Unmarshal([]byte(kept["scoring"]), &theirs); err != nil {
		return c, nil, fmt.Errorf("the setup of the scores in %s: scoring: %w", dir, err)
	}
	have := termsOf(theirs)
	for _, name := range termsOf(c) {
		if !slices.Contains(have, name) {
			return c, key, nil
		}
	}
	wide := c
	wide.Terms = theirs.Terms
	wideKey, err := r.key(wide)
	if err != nil {
		return c, nil, err
	}
	for name, v := range kept {
		if wideKey[name] != v {
			return c, key, nil
		}
	}
	return wide, wideKey, nil
}
