package report

import (
	"math"
	"strings"
	"testing"
)

// plain returns a text with usual spaces.
func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

func TestStandingInWords(t *testing.T) {
	for _, c := range []struct {
		s            Standing
		whole, short string
	}{
		{Standing{100, 0, 0}, "better than all 100 random networks", "better than all"},
		{Standing{0, 0, 100}, "worse than all 100 random networks", "worse than all"},
		{Standing{0, 100, 0}, "as good as all 100 random networks", "as good as all"},
		{Standing{93, 0, 7}, "better than 93 of 100 random networks", "better than 93"},
		{Standing{0, 3, 97}, "worse than 97 of 100 random networks, and as good as the other 3", "as good as 3, worse than 97"},
		{Standing{97, 3, 0}, "better than 97 of 100 random networks, and as good as the other 3", "better than 97, as good as 3"},
		{Standing{99, 1, 0}, "better than 99 of 100 random networks, and as good as the other one", "better than 99, as good as 1"},
		{Standing{50, 20, 30}, "better than 50 of 100 random networks, as good as 20, and worse than 30", "better than 50, as good as 20, worse than 30"},
		{Standing{1, 0, 0}, "better than the one other network", "better than it"},
		{Standing{0, 0, 1}, "worse than the one other network", "worse than it"},
		{Standing{0, 1, 0}, "as good as the one other network", "as good as it"},
		{Standing{12000, 0, 1}, "better than 12\u202f000 of 12\u202f001 random networks", "better than 12\u202f000"},
	} {
		if got := good.whole(c.s, "random networks"); got != c.whole {
			t.Errorf("%v: %q, want %q", c.s, got, c.whole)
		}
		if got := plain(good.short(c.s)); got != c.short {
			t.Errorf("%v: %q, want %q", c.s, got, c.short)
		}
	}
}

func TestPerspectiveSentence(t *testing.T) {
	term := func(name string, value float64, s Standing) TermStanding {
		return TermStanding{name, "how " + name, value, s}
	}
	large := Comparison{Higher: "larger than", Lower: "smaller than", Same: "as large as"}
	lowest := math.Inf(-1)
	for _, c := range []struct {
		name  string
		of    Comparison
		all   Standing
		terms []TermStanding
		want  string
	}{
		{"best", good, Standing{10, 0, 0}, []TermStanding{term("a", 2, Standing{10, 0, 0}), term("b", 1, Standing{6, 0, 4})},
			"It is better than all 10 random networks. It is strongest in how a (better than all), and weakest in how b (better than 6)."},
		{"middling", good, Standing{5, 1, 4}, []TermStanding{term("a", 2, Standing{4, 2, 4}), term("b", 1, Standing{6, 0, 4}), term("c", 1, Standing{2, 0, 8})},
			"It is better than 5 of 10 random networks, as good as 1, and worse than 4. It is strongest in how b (better than 6), and weakest in how c (better than 2)."},
		{"worst", good, Standing{0, 0, 10}, []TermStanding{term("a", 2, Standing{0, 0, 10}), term("b", 1, Standing{1, 0, 9})},
			"It is worse than all 10 random networks. It is strongest in how b (better than 1), and weakest in how a (worse than all)."},
		{"terms tie for the strongest", good, Standing{8, 0, 2}, []TermStanding{term("a", 2, Standing{9, 0, 1}), term("b", 1, Standing{9, 0, 1}), term("c", 1, Standing{9, 0, 1}), term("d", 0, Standing{0, 4, 6})},
			"It is better than 8 of 10 random networks. It is strongest in how a, how b and how c (better than 9), and weakest in how d (as good as 4, worse than 6)."},
		{"all terms tie", good, Standing{10, 0, 0}, []TermStanding{term("a", 2, Standing{10, 0, 0}), term("b", 1, Standing{10, 0, 0})},
			"It is better than all 10 random networks. It stands alike in both terms."},
		{"three terms tie", good, Standing{5, 0, 5}, []TermStanding{term("a", 2, Standing{5, 0, 5}), term("b", 1, Standing{4, 2, 4}), term("c", 1, Standing{5, 0, 5})},
			"It is better than 5 of 10 random networks. It stands alike in all 3 terms."},
		{"one term", large, Standing{9, 1, 0}, []TermStanding{term("many layers", 2, Standing{9, 1, 0})},
			"It is larger than 9 of 10 random networks, and as large as the other one, measured by how many layers."},
		{"−∞", good, Standing{3, 0, 7}, []TermStanding{term("a", 2, Standing{9, 0, 1}), term("b", lowest, Standing{0, 2, 8})},
			"It is better than 3 of 10 random networks. It is strongest in how a (better than 9), and weakest in how b, which is −∞, the lowest value (as good as 2, worse than 8)."},
		{"−∞ in one term", good, Standing{0, 0, 10}, []TermStanding{term("a", lowest, Standing{0, 0, 10})},
			"It is worse than all 10 random networks, measured by how a, which is −∞, the lowest value."},
		{"not measured", good, Standing{}, []TermStanding{term("a", 2, Standing{9, 0, 1}), term("b", math.NaN(), Standing{})},
			"Nothing can be said: b was not measured."},
		{"neither measured", good, Standing{}, []TermStanding{term("a", math.NaN(), Standing{}), term("b", math.NaN(), Standing{})},
			"Nothing can be said: a and b were not measured."},
		{"all constant", good, Standing{0, 10, 0}, []TermStanding{term("a", 2, Standing{0, 10, 0}), term("b", 1, Standing{0, 10, 0})},
			"It is as good as all 10 random networks. Its terms do not tell them apart."},
		{"one of two constant", good, Standing{7, 0, 3}, []TermStanding{term("a", 2, Standing{7, 0, 3}), term("b", 1, Standing{0, 10, 0})},
			"It is better than 7 of 10 random networks. What tells them apart is how a. All have the same value in how b."},
		{"one of three constant, the others alike", good, Standing{7, 0, 3}, []TermStanding{term("a", 2, Standing{7, 0, 3}), term("b", 1, Standing{0, 10, 0}), term("c", 1, Standing{7, 0, 3})},
			"It is better than 7 of 10 random networks. It stands alike in how a and how c. All have the same value in how b."},
		{"one other network", good, Standing{0, 0, 1}, []TermStanding{term("a", 2, Standing{1, 0, 0}), term("b", 1, Standing{0, 1, 0})},
			"It is worse than the one other network. It is strongest in how a (better than it), and weakest in how b (as good as it)."},
		{"no other network", good, Standing{}, []TermStanding{term("a", 2, Standing{}), term("b", 1, Standing{})},
			"There is no other network to compare it with."},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Perspective{Compared: c.of, Standing: c.all, Terms: c.terms}
			if got := plain(p.sentence("random networks")); got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestStrongestAndWeakestPerspective(t *testing.T) {
	large := Comparison{Higher: "larger than", Lower: "smaller than", Same: "as large as"}
	e := func(s Standing) Perspective { return Perspective{Name: "expressivity", Compared: good, Standing: s} }
	u := func(s Standing) Perspective { return Perspective{Name: "uncertainty", Compared: good, Standing: s} }
	cost := func(s Standing) Perspective { return Perspective{Name: "cost", Compared: large, Standing: s} }
	for _, c := range []struct {
		name string
		all  []Perspective
		want string
	}{
		{"none", nil, ""},
		{"one", []Perspective{e(Standing{9, 0, 1})}, ""},
		{"two", []Perspective{e(Standing{9, 0, 1}), cost(Standing{0, 0, 10})},
			"Among 10 random networks, this one is strongest in expressivity (better than 9), and weakest in cost (smaller than all)."},
		{"a tie of the strongest", []Perspective{e(Standing{10, 0, 0}), u(Standing{4, 2, 4}), cost(Standing{10, 0, 0})},
			"Among 10 random networks, this one is strongest in expressivity (better than all) and cost (larger than all), and weakest in uncertainty (better than 4, as good as 2, worse than 4)."},
		{"all equal", []Perspective{e(Standing{9, 0, 1}), u(Standing{9, 0, 1}), cost(Standing{9, 0, 1})},
			"Among 10 random networks, this one is equally strong in expressivity (better than 9), uncertainty (better than 9) and cost (larger than 9)."},
		{"one other network", []Perspective{e(Standing{0, 0, 1}), u(Standing{1, 0, 0})},
			"Beside one other network, this one is strongest in uncertainty (better than it), and weakest in expressivity (worse than it)."},
		{"no other network", []Perspective{e(Standing{}), u(Standing{})}, ""},
		{"one is undefined", []Perspective{e(Standing{}), u(Standing{9, 0, 1}), cost(Standing{8, 0, 2})},
			"Among 10 random networks, this one is strongest in uncertainty (better than 9), and weakest in cost (larger than 8)."},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := &view{Data: Data{Perspectives: c.all, Others: "random networks"}}
			if got := plain(v.extremePerspectives()); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
