package report

import "fmt"

// WithoutCost is what the score of the architecture found owes to its terms of cost.
type WithoutCost struct {
	Terms    []string // of cost; empty: the score has none
	Only     bool     // the score has no other terms
	Networks int      // ranked, the one found among them; 0: there is no ranking
	Limited  bool     // they are those within the limits of the search
	With     Ranked   // by the whole score
	Without  Ranked   // by the other terms
}

// Ranked is the rank of the architecture found, from 1. Equal scores share a rank.
type Ranked struct {
	Rank  int
	Equal int    // others of that rank
	First string // the best network; empty: it is the one found
}

// withoutCostGroup says how the architecture found ranks with and without the terms of cost; nil if that is unknown.
func withoutCostGroup(v *view) *Group {
	w := v.WithoutCost
	switch {
	case w == nil:
		return nil
	case len(w.Terms) == 0:
		return &Group{Lead: "The score has no term of cost: it owes nothing to counting."}
	case w.Only:
		return &Group{Lead: "All terms of the score are of cost: it counts, and nothing else."}
	case w.Networks == 0:
		return nil
	}
	g := &Group{Lead: w.sentence()}
	if w.With != w.Without || w.With.First != "" {
		g.Table = &Table{Cards: true, Head: []Header{{Text: "score", Left: true}, {Text: "rank", Left: true}, {Text: "the first is", Left: true}}, Rows: []Row{
			w.row(v.Score, w.With),
			w.row("without "+list(w.Terms), w.Without),
		}}
	}
	return g
}

// sentence says how the rank changes without the terms of cost.
func (w *WithoutCost) sentence() string {
	terms := "its term of cost, " + list(w.Terms)
	if len(w.Terms) > 1 {
		terms = "its terms of cost, " + list(w.Terms)
	}
	networks := integer(w.Networks) + " scored networks"
	if w.Limited {
		networks += " within the limits"
	}
	var change string
	switch {
	case w.Networks == 1:
		return "No other network was scored, with cost or without."
	case w.With.Rank == w.Without.Rank:
		change = "stays " + place(w.With.Rank)
	case w.With.Rank < w.Without.Rank:
		change = "falls from " + place(w.With.Rank) + " to " + place(w.Without.Rank)
	default:
		change = "rises from " + place(w.With.Rank) + " to " + place(w.Without.Rank)
	}
	return fmt.Sprintf("What the score owes to counting: without %s, this network %s of %s.", terms, change, networks)
}

// place is a rank in words. A browser does not break it.
func place(rank int) string { return "no.\u00a0" + integer(rank) }

func (w *WithoutCost) row(score string, r Ranked) Row {
	rank := place(r.Rank) + " of " + integer(w.Networks)
	switch {
	case r.Equal == 1:
		rank += ", as one other"
	case r.Equal > 1:
		rank += ", as " + integer(r.Equal) + " others"
	}
	first := Cell{Text: r.First, Class: "left text"}
	if r.First == "" {
		first = Cell{Text: "this one", Class: "left"}
	}
	return Row{Cells: []Cell{{Text: score, Class: "left"}, {Text: rank, Class: "left"}, first}}
}
