package study

import (
	"context"
	"fmt"
	"slices"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/run"
	"bnas.example/supernet"
)

// ranking judges the composite beside its terms, the counts and the published indicators.
var ranking = Study{
	Name: "indicator",
	Claim: "The composite of expressivity, trainability, uncertainty and cost ranks networks better than each of its terms, the older BatchNorm indicator, " +
		"counting alone and the published training-free indicators do. A composite that is chosen on one half of the networks holds on the other half.",
	QuickCells: 2,
	QuickTime:  "5 minutes", FullTime: "2 hours",
	NeedsTable: true,
	Base:       rankingBase,
	Cells:      rankingCells,
	Sample: func(s Settings, net *supernet.Net, table *Truth) ([]supernet.Arch, error) {
		return s.drawn().from(table, net)
	},
	Show: showRanking,
}

func rankingBase(quick bool) Settings {
	s := Settings{Run: run.Default(), Quick: quick, Seeds: 3, Networks: 1000}
	s.Run.Train.RankEvery, s.Run.Train.Epochs = 0, 2
	if quick {
		s.Seeds, s.Networks = 2, 200
		s.Run.Train.Steps = 300
		s.Run.Score.Images = 32
	}
	return s
}

// slowBaselines take longer than all other terms together. So does nearBaseline where a layer has more than wideLayer channels. The
// quick form leaves them out.
var slowBaselines = []string{"te_ntk", "vkdnw_entropy"}

const (
	nearBaseline = "near"
	wideLayer    = 1000
)

// rankingTerms are the terms that the fair supernets score, and those that the form leaves out.
func rankingTerms(s Settings, composite indicator.Composite) (terms, out []string, err error) {
	if s.Quick {
		wide, err := hasWideLayer(s.Run.Supernet)
		if err != nil {
			return nil, nil, err
		}
		out = slices.Clone(slowBaselines)
		if wide {
			out = append(out, nearBaseline)
		}
		out = slices.DeleteFunc(out, func(name string) bool { return slices.Contains(composite.Terms, name) })
	}
	return slices.DeleteFunc(indicator.TermNames(), func(name string) bool { return slices.Contains(out, name) }), out, nil
}

// hasWideLayer reports whether nearBaseline takes seconds a network in a supernet.
func hasWideLayer(c supernet.Config) (bool, error) {
	net, err := supernet.New(c)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(net.BNs(), func(b supernet.BNInfo) bool { return net.Params()[b.Gamma].Len() > wideLayer }), nil
}

func rankingCell(bn supernet.Placement, seed uint64) string { return fmt.Sprintf("%s-%d", bn, seed) }

func rankingCells(s Settings) ([]Cell, error) {
	composite, err := indicator.LookupComposite(s.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	terms, _, err := rankingTerms(s, composite)
	if err != nil {
		return nil, err
	}
	sample := s.drawn()
	var cells []Cell
	for _, bn := range []supernet.Placement{supernet.Fair, supernet.Standard} {
		for _, seed := range s.seeds() {
			cfg := s.Run
			cfg.SetSeed(seed)
			if cfg.Supernet.BN, cfg.Score.Terms = bn, terms; bn == supernet.Standard {
				cfg.Score.Terms = fairnessTerms(composite)
			}
			cells = append(cells, Cell{Name: rankingCell(bn, seed), Run: cfg, With: sample, FromTable: true, Compute: computeRanking(sample)})
		}
	}
	return cells, nil
}

func computeRanking(sample drawn) func(context.Context, *Site) (any, error) {
	return func(ctx context.Context, s *Site) (any, error) {
		r, err := s.Trained(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		archs, err := sample.from(s.Truth, r.Net)
		if err != nil {
			return nil, err
		}
		scores, err := s.Scores(ctx, r, ledgerOf(s.Dir), archs)
		out := scoredNetworks{Net: r.Net.Config, Steps: r.Position.Step}
		for _, of := range scores {
			out.Networks = append(out.Networks, of.Arch)
		}
		return out, err
	}
}

// fewest is the smallest number of networks that a study ranks.
const fewest = 10

// from draws live networks that are all different among the rows of a table. It draws fewer if the table has fewer. The order of the
// rows does not matter.
func (d drawn) from(table *Truth, net *supernet.Net) ([]supernet.Arch, error) {
	texts := table.sorted()
	var sample []supernet.Arch
	seen := map[string]bool{}
	for _, i := range philox.New(d.Seed, "study networks of a table", 0).Perm(len(texts)) {
		if len(sample) == d.Networks {
			break
		}
		a, err := net.Space.Parse(texts[i])
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", table.Name, err)
		}
		if key := net.Space.Canonical(a); !net.Dead(a) && !seen[key] {
			seen[key] = true
			sample = append(sample, a)
		}
	}
	if len(sample) < fewest {
		return nil, fmt.Errorf("table %s has %d different live networks; a study of rankings needs %d", table.Name, len(sample), fewest)
	}
	return sample, nil
}
