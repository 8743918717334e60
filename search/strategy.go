package search

import (
	"slices"

	"bnas.example/supernet"
)

// A strategy proposes the next architecture, new and within the limits. It sees the scores of all before. done says
// why there is none.
type strategy interface {
	next() (a supernet.Arch, done string)
	// describe adds to the progress what only the strategy knows.
	describe(p *Progress)
}

// strategies lists all strategies. A new one is a file and a line here.
var strategies = []struct {
	name  string
	ends  bool // by itself; without it Generations × Population architectures are scored
	start func(s *searcher) strategy
}{
	{"exhaustive", true, func(s *searcher) strategy { return &exhaustive{searcher: s} }},
	{"random", false, func(s *searcher) strategy { return &random{searcher: s} }},
	{"evolution", false, func(s *searcher) strategy { return &evolution{searcher: s} }},
	{"regularised", false, func(s *searcher) strategy { return &regularised{searcher: s} }},
}

// Strategies lists the names of the strategies.
func Strategies() []string {
	names := make([]string, len(strategies))
	for i, s := range strategies {
		names[i] = s.name
	}
	return names
}

// lookupStrategy is the index of a strategy, -1 for an unknown name.
func lookupStrategy(name string) int { return slices.Index(Strategies(), name) }
