package study

import (
	"errors"
	"fmt"
	"hash/crc64"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// tableOf is a table of some architectures of the space of a study.
func tableOf(t *testing.T, of Settings, archs []string) *Truth {
	t.Helper()
	space, err := of.Run.Supernet.Lookup()
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("arch,test_accuracy\n")
	for i, a := range archs {
		fmt.Fprintf(&table, "%s,%d\n", a, i)
	}
	read, err := indicator.ReadTruth(strings.NewReader(table.String()), "some", indicator.TruthColumns{Read: indicator.InSpace(space)})
	if err != nil {
		t.Fatal(err)
	}
	return &Truth{Truth: read, Name: "some.csv"}
}

// TestNetworksOfATable: they are rows of the table, live and all different, in an order that does not depend on that of the rows. A table of too
// few is refused. The settings of the cells depend on the rows and not on the accuracies.
func TestNetworksOfATable(t *testing.T) {
	of := tiny(ranking)
	net, err := supernet.New(of.Run.Supernet)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for i := range 60 {
		rows = append(rows, net.Space.Format(net.Space.(supernet.Ordered).At(i*7)))
	}
	reversed := slices.Clone(rows)
	slices.Reverse(reversed)
	table, other := tableOf(t, of, rows), tableOf(t, of, reversed)
	texts := func(n int, seed uint64, table *Truth) (all []string) {
		archs, err := drawn{n, seed}.from(table, net)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, a := range archs {
			text := net.Space.Format(a)
			if all = append(all, text); net.Dead(a) || !slices.Contains(rows, text) || seen[net.Space.Canonical(a)] {
				t.Errorf("drew %s", text)
			}
			seen[net.Space.Canonical(a)] = true
		}
		return all
	}
	first := texts(20, 1, table)
	if len(first) != 20 || !slices.Equal(first, texts(20, 1, other)) || slices.Equal(first, texts(20, 2, table)) || !slices.Equal(first[:12], texts(12, 1, table)) {
		t.Error("the sample depends on the order of the rows or its own size, or not on the seed")
	}
	if all := texts(1000, 1, table); len(all) < 20 || len(all) > 60 {
		t.Errorf("%d networks of 60 rows", len(all))
	}
	if _, err := (drawn{20, 1}).from(tableOf(t, of, rows[:9]), net); err == nil || !strings.Contains(err.Error(), "some.csv") {
		t.Errorf("nine rows: %v", err)
	}
	cells, err := rankingCells(of)
	if err != nil {
		t.Fatal(err)
	}
	var texts3 [3]string
	for i, table := range []*Truth{table, other, tableOf(t, of, rows[1:])} {
		text, err := cells[0].settings(ranking.Name, "", table)
		if err != nil {
			t.Fatal(err)
		}
		texts3[i] = string(text)
	}
	if texts3[0] != texts3[1] || texts3[0] == texts3[2] || !strings.Contains(texts3[0], "table_rows_sha256") {
		t.Errorf("settings: %q", texts3)
	}
	if _, err := ranking.Do(t.Context(), of, Options{Dir: t.TempDir()}); !errors.Is(err, ErrNoTable) {
		t.Errorf("without a table: %v", err)
	}
}

// plantedRanking has networks whose accuracy is the sum of two terms of the composite, of which the third is noise, and two seeds.
func plantedRanking(t *testing.T) *rankingPage {
	t.Helper()
	const side = 12
	const n = side * side
	of := tiny(ranking)
	d := &rankingData{Results: &Results{Settings: of, Truth: &Truth{Truth: &indicator.Truth{}, Name: "planted.csv"}}}
	d.composite = indicator.Composite{Name: "planted", Terms: []string{"naswot", "isometry", "bn_noise"}}
	names := indicator.TermNames()
	for i := range n {
		d.truth = append(d.truth, float64(i%side+i/side))
	}
	for seed := range 2 {
		noise := map[string]*rand.Rand{} // of a term, whatever other terms there are
		for _, name := range names {
			noise[name] = rand.New(rand.NewPCG(uint64(seed), crc64.Checksum([]byte(name), crc64.MakeTable(crc64.ISO))))
		}
		var scores []indicator.Scores
		for i := range n {
			s := indicator.Scores{Arch: fmt.Sprint(i), Canonical: fmt.Sprint(i), Values: make([]float64, len(names))}
			for k, name := range names {
				s.Values[k] = noise[name].NormFloat64()
			}
			s.Values[slices.Index(names, "naswot")], s.Values[slices.Index(names, "isometry")] = float64(i%side), float64(i/side)
			scores = append(scores, s)
		}
		d.fair = append(d.fair, scores)
	}
	d.terms = indicator.TermNames()
	if err := d.list(d.fair); err != nil {
		t.Fatal(err)
	}
	return &rankingPage{rankingData: d, out: &Outcome{}, taus: map[string]estimate{}, less: map[string]estimate{}}
}

// TestRankingFigures: differences, ablation and choice of a planted set have the signs that were planted.
func TestRankingFigures(t *testing.T) {
	p := plantedRanking(t)
	p.measure()
	ours := p.ours().name
	if ours != "composite planted" || !(p.taus[ours].mean >= .5) || !math.IsNaN(p.less[ours].mean) {
		t.Errorf("%s has τ %+v", ours, p.taus[ours])
	}
	for name, surely := range map[string]bool{"naswot": false, "isometry": false, "bn_noise": true, "macs": true, "composite az-nas": true} {
		e, ok := p.less[name]
		if !ok || e.mean < .02 || surely && e.Low <= 0 || !(math.Abs(e.mean-(p.taus[ours].mean-p.taus[name].mean)) <= 1e-12) {
			t.Errorf("%s less %s: %+v", ours, name, e)
		}
	}
	kinds := map[string]string{}
	for _, s := range p.scores {
		kinds[s.name] = s.kind
	}
	for name, want := range map[string]string{
		ours: composedKind, "composite az-nas": publishedKind, "composite bnas": composedKind, "naswot": termKind, "live_macs": countKind,
		"snip": baselineKind, "gamma_sum, standard": baselineKind, ours + ", standard": composedKind, "composite planted without E": partKind,
	} {
		if kinds[name] != want {
			t.Errorf("%s is a %q, want %q", name, kinds[name], want)
		}
	}
	changes := map[string]float64{}
	for _, v := range p.variations() {
		values, err := fused(v.composite, p.fair)
		if err != nil {
			t.Fatal(err)
		}
		changes[v.composite.Name] = p.difference(values, p.ours().values).mean
	}
	if !(changes["planted − naswot"] <= -.1 && changes["planted − isometry"] <= -.1 && changes["planted − bn_noise"] >= .1) {
		t.Errorf("changes %v", changes)
	}
	if _, ok := changes["planted + snip"]; !ok || len(changes) < len(p.terms) {
		t.Errorf("%d changes", len(changes))
	}
	halves, all, err := p.choices()
	if err != nil {
		t.Fatal(err)
	}
	if len(halves) != 20 || len(all) != 2 {
		t.Fatalf("%d halves, %d choices", len(halves), len(all))
	}
	for _, h := range halves {
		if !slices.Contains(h.terms, "naswot") || !(h.other >= .4 && h.chosen >= h.other-.2) || h.best[countKind].other > h.other || h.best[termKind].name == "" {
			t.Errorf("%+v", h)
		}
		if !(h.fitted[compositeFitted] >= .6 && h.fitted[countsFitted] <= .3 && h.fitted[allFitted] >= h.fitted[countsFitted]) {
			t.Errorf("fitted: %v", h.fitted)
		}
	}
}

// TestLeftOut: the quick form leaves out what takes long, in wide spaces `near` too, but no term of its composite.
func TestLeftOut(t *testing.T) {
	for _, c := range []struct {
		space, composite string
		quick            bool
		want             []string
	}{
		{"nas-bench-201", "bnas", true, []string{"te_ntk", "vkdnw_entropy"}},
		{"nas-bench-macro", "bnas", true, []string{"te_ntk", "vkdnw_entropy", "near"}},
		{"nas-bench-201", "te-nas", true, []string{"vkdnw_entropy"}},
		{"nas-bench-macro", "bnas", false, nil},
	} {
		of := ranking.Base(c.quick)
		of.Run.Supernet.Space, of.Run.Objective.Composite = c.space, c.composite
		composite, err := indicator.LookupComposite(c.composite)
		if err != nil {
			t.Fatal(err)
		}
		terms, out, err := rankingTerms(of, composite)
		if err != nil || !slices.Equal(out, c.want) || len(terms)+len(out) != len(indicator.TermNames()) {
			t.Errorf("%s, %s, quick %t: left out %v, %v; want %v", c.space, c.composite, c.quick, out, err, c.want)
		}
	}
}

// TestTermLess: a composite with one term less or more keeps the signs of the others.
func TestTermLess(t *testing.T) {
	c, err := indicator.ParseComposite("naswot-depth+bn_noise")
	if err != nil {
		t.Fatal(err)
	}
	if less := without(c, "depth"); !slices.Equal(less.Terms, []string{"naswot", "bn_noise"}) || len(less.Against) != 0 || less.Validate() != nil {
		t.Errorf("%+v", less)
	}
	if more := with(c, "ntk"); len(more.Terms) != 4 || !slices.Equal(more.Against, []string{"depth"}) || more.Validate() != nil || len(c.Terms) != 3 {
		t.Errorf("%+v", more)
	}
}

// TestCountTwin: a composite with a measured term has a variation with its count.
func TestCountTwin(t *testing.T) {
	p := plantedRanking(t)
	p.composite = indicator.Composite{Name: "planted", Terms: []string{"naswot", "identity_gain"}}
	var got []varied
	for _, v := range p.variations() {
		if v.change == countInstead {
			got = append(got, v)
		}
	}
	if len(got) != 1 || got[0].composite.Name != "planted − identity_gain + free_paths" || !slices.Equal(got[0].composite.Terms, []string{"naswot", "free_paths"}) {
		t.Errorf("%+v", got)
	}
}
