package report

import (
	"fmt"
	"testing"
)

func TestWithoutCostInWords(t *testing.T) {
	macs := []string{"live_macs"}
	for _, c := range []struct {
		name string
		of   *WithoutCost
		want string // the words, and the rows of the table
	}{
		{"unknown", nil, ""},
		{"no ranking", &WithoutCost{Terms: macs}, ""},
		{"no cost", &WithoutCost{}, "The score has no term of cost: it owes nothing to counting."},
		{"nothing but cost", &WithoutCost{Terms: macs, Only: true}, "All terms of the score are of cost: it counts, and nothing else."},
		{"it stays the first", &WithoutCost{Terms: macs, Networks: 245, With: Ranked{Rank: 1}, Without: Ranked{Rank: 1}},
			"What the score owes to counting: without its term of cost, live_macs, this network stays no. 1 of 245 scored networks."},
		{"another is the first", &WithoutCost{Terms: macs, Networks: 245, With: Ranked{Rank: 1, Equal: 1}, Without: Ranked{Rank: 7, Equal: 2, First: "b"}},
			"What the score owes to counting: without its term of cost, live_macs, this network falls from no. 1 to no. 7 of 245 scored networks." +
				" [bnas no. 1 of 245, as one other this one] [without live_macs no. 7 of 245, as 2 others b]"},
		{"it rises", &WithoutCost{Terms: []string{"depth", "macs"}, Networks: 9, Limited: true, With: Ranked{Rank: 3, First: "c"}, Without: Ranked{Rank: 1}},
			"What the score owes to counting: without its terms of cost, depth and macs, this network rises from no. 3 to no. 1 of 9 scored networks within the limits." +
				" [bnas no. 3 of 9 c] [without depth and macs no. 1 of 9 this one]"},
		{"another is the first, with cost and without", &WithoutCost{Terms: macs, Networks: 9, With: Ranked{Rank: 2, First: "c"}, Without: Ranked{Rank: 2, First: "c"}},
			"What the score owes to counting: without its term of cost, live_macs, this network stays no. 2 of 9 scored networks." +
				" [bnas no. 2 of 9 c] [without live_macs no. 2 of 9 c]"},
		{"no other network", &WithoutCost{Terms: macs, Networks: 1, With: Ranked{Rank: 1}, Without: Ranked{Rank: 1}}, "No other network was scored, with cost or without."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if g := withoutCostGroup(&view{Data: Data{Score: "bnas", WithoutCost: c.of}}); g != nil {
				got = g.Lead
				if g.Table != nil {
					for _, r := range g.Table.Rows {
						got += fmt.Sprintf(" [%s %s %s]", r.Cells[0].Text, r.Cells[1].Text, r.Cells[2].Text)
					}
				}
			}
			if plain(got) != c.want {
				t.Errorf("%q, want %q", plain(got), c.want)
			}
		})
	}
}
