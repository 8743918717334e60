package report

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"bnas.example/internal/amount"
)

func trainingSection(v *view) (Section, string) {
	s := Section{ID: "training", Title: "Training"}
	t := v.Training
	g := Group{Class: "figures"}
	add := func(title string, curves []Curve, caption string, levels ...Level) {
		hues := make([]string, len(curves))
		for i, c := range curves {
			hues[i] = hue(i)
			if len(curves) > 1 {
				if i > 0 {
					caption += ", "
				}
				caption += c.Name + " in " + hueNames[i%hueCount]
			}
		}
		g.add(lineChart(smallWidth, smallHeight, title, "step", curves, hues, levels...), caption)
	}
	var chanceLoss, chanceAccuracy []Level
	if t.Classes > 1 {
		chanceLoss = []Level{{math.Log(float64(t.Classes)), "chance"}}
		chanceAccuracy = []Level{{1 / float64(t.Classes), "chance"}}
	}
	add("Loss", t.Loss, "", chanceLoss...)
	add("Accuracy of the sampled paths", t.Accuracy, "", chanceAccuracy...)
	add("Learning rate", []Curve{t.Rate}, "")
	s.Groups = append(s.Groups, g)
	if rank := v.rankingGroup(); len(rank.Figures) > 0 {
		s.Groups = append(s.Groups, rank)
	}
	if len(g.Figures) == 0 && len(s.Groups) == 1 {
		return s, "no supernet was trained in this run"
	}
	s.Lead = t.Learns
	if len(t.Loss) > 0 && len(t.Loss[0].X) > longest {
		s.Lead = strings.TrimSpace(s.Lead + " A line is the mean of a stretch of steps, its band from the least to the greatest.")
	}
	return s, ""
}

// hueNames names the colours in words.
var hueNames = [hueCount]string{"blue", "orange", "green", "violet", "teal", "red", "brown", "pink"}

// rankingGroup shows how the ranking settles: γ, and the agreement between snapshots.
func (v *view) rankingGroup() Group {
	g := Group{Class: "figures wide"}
	hues := make([]string, len(v.Training.Gamma))
	for i, c := range v.Training.Gamma {
		hues[i] = v.hueOf(c.Name)
		if len(v.operators) == 0 {
			hues[i] = hue(i)
		}
		g.Legend = append(g.Legend, Legend{hues[i], c.Name})
	}
	g.add(lineChart(wideWidth, wideHeight-40, "Mean |γ| of each operator", "step", v.Training.Gamma, hues),
		"Within one node the sizes compare; across nodes, with a BatchNorm on every operator, a common factor changes nothing that the network computes.")
	levels := []Level{{0, "chance"}}
	if bound := v.Training.EarlyBirdBound; bound != 0 {
		levels = append(levels, Level{bound, "bound " + strconv.FormatFloat(bound, 'g', 3, 64)})
	}
	g.add(lineChart(wideWidth, wideHeight-40, "Early bird", "step", []Curve{v.Training.EarlyBird}, []string{"s0"}, levels...), v.Training.earlyBirdCaption())
	return g
}

func (t Training) earlyBirdCaption() string {
	sample := "a fixed sample of architectures"
	if t.EarlyBirdCount > 0 {
		sample = "a fixed sample of " + amount.Of(t.EarlyBirdCount, "architecture")
	}
	caption := "Kendall's τ-b between the rankings of " + sample + " at successive snapshots: near 1, more training no longer changes the order."
	if t.vanishes() {
		caption += " The learning rate almost vanishes at the end. The parameters hardly move there, so that the last points are near 1 whatever was learned."
	}
	return caption
}

// vanishes reports whether the learning rate ends below a tenth of its peak.
func (t Training) vanishes() bool {
	_, rates := finitePoints(t.Rate.X, t.Rate.Y)
	return len(rates) > 1 && rates[len(rates)-1] < slices.Max(rates)/10
}
