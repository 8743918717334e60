package study

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/internal/amount"
	"bnas.example/report"
	"bnas.example/supernet"
)

// showTraining makes the tables and the page of the study.
func showTraining(r *Results) (*Outcome, error) {
	d, err := readTraining(r)
	if err != nil {
		return nil, err
	}
	p := &trainingPage{trainingData: d, out: &Outcome{}, taus: map[string]estimate{}}
	first, whole := d.first(), wholeRecipe(r.Run.Train)
	p.out.Done = []string{
		fmt.Sprintf("Two kinds of supernets of %s (BatchNorm %s, %d channels, %d×%d) trained for %s of %d images: one learned γ and β alone (bn), one all of its weights (all).",
			first.Net.Space, first.Net.BN, first.Net.Channels, first.Net.Height, first.Net.Width, amount.Of(first.Steps, "step"), r.Run.Train.Batch),
		fmt.Sprintf("bn has the optimizer %s at a rate of %v; all has %s with momentum %v at %v, and a decay of weights of %v. Schedule and length are the same.",
			r.Run.Train.Optimizer, r.Run.Train.LR, whole.Optimizer, whole.Momentum, whole.LR, whole.WeightDecayWeights),
		fmt.Sprintf("Then %s were ranked: by the accuracy on %d images that were held out, with the weights of the supernet and statistics of %d training images (one-shot accuracy), and by indicators.",
			amount.Of(len(first.Networks), "network"), imagesOf(r.Settings).Validation, imagesOf(r.Settings).Calibration),
	}
	p.cost()
	p.losses()
	p.ranks()
	p.says()
	return p.out, nil
}

type trainingPage struct {
	*trainingData
	out  *Outcome
	taus map[string]estimate // by what it is with, set and score
}

var setNames = []string{string(supernet.AllBN), string(supernet.All)}

// cost shows what a step costs.
func (p *trainingPage) cost() {
	t := p.out.table("time", "trained", "seed", "learned_parameters", "milliseconds_a_step", "images_per_second")
	shown := &report.Table{Head: []report.Header{{Text: "trained", Left: true}, {Text: "parameters that learn"}, {Text: "a step, ms: fastest seed"}, {Text: "slowest seed"}, {Text: "fastest, relative to bn"}}}
	base := slices.Min(p.speeds(supernet.AllBN))
	for _, set := range sets {
		speeds := p.speeds(set)
		for i, c := range p.cells[set] {
			t.Add(set, p.seeds()[i], c.Learned, speeds[i], c.ImagesPerSecond)
		}
		e := estimateOf(speeds)
		shown.Rows = append(shown.Rows, report.Row{Cells: []report.Cell{
			{Text: string(set), Class: "left"}, {Text: report.Count(int64(p.cells[set][0].Learned))}, {Text: fmt.Sprintf("%.1f", e.least)},
			{Text: fmt.Sprintf("%.1f", e.greatest)}, {Text: fmt.Sprintf("%.2f", e.least/base)},
		}})
	}
	p.out.add(section{ID: "cost", Title: "What a step costs", Table: shown,
		Lead: "The median over the lines of the metrics. Other work on the machine is in it, least in the fastest seed."})
}

// losses shows the training loss.
func (p *trainingPage) losses() {
	curves := map[string][]lossCurve{}
	for _, set := range sets {
		for _, c := range p.cells[set] {
			curves[string(set)] = append(curves[string(set)], c.lossCurve)
		}
	}
	g := p.out.losses(p.Settings, "trained", "Training loss of the sampled paths", setNames, curves)
	accuracies := p.out.table("oneshot", "trained", "seed", "network", "accuracy", "nll")
	for _, set := range sets {
		for i, c := range p.cells[set] {
			for k, network := range c.Networks {
				accuracies.Add(set, p.seeds()[i], network, c.Accuracy[k], c.NLL[k])
			}
		}
	}
	p.out.add(section{ID: "loss", Title: "What it learns", Groups: []report.Group{g},
		Lead: fmt.Sprintf("Seed %d. The mean one-shot accuracy over all networks and seeds is %s with bn and %s with all.", p.seeds()[0], report.Percent(p.meanAccuracy(supernet.AllBN)), report.Percent(p.meanAccuracy(supernet.All)))})
}

func (p *trainingPage) meanAccuracy(set supernet.TrainSet) float64 {
	var all []float64
	for _, c := range p.cells[set] {
		all = append(all, mean(c.Accuracy))
	}
	return mean(all)
}

// withOther compares with the supernets of the other kind.
const withOther = "the other kind of supernet"

// ranks shows how well the rankings agree.
func (p *trainingPage) ranks() {
	t := p.out.table("tau", "trained", "score", "with", "tau_b", "low", "high", "least", "greatest")
	hueOf := report.Palette(setNames)
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(setNames, hueOf)}
	for _, with := range []string{withTruth, withSeed, withOther} {
		if with == withTruth && p.truth == nil || with == withSeed && p.Seeds < 2 {
			continue
		}
		var estimates []report.Estimate
		for _, score := range p.scores {
			for i, set := range sets {
				if with == withOther && i > 0 {
					break // the same pairs
				}
				values := p.values[key(string(set), score)]
				pairs := pairsOf(values)
				switch with {
				case withTruth:
					pairs = against(values, p.truth)
				case withOther:
					pairs = paired(values, p.values[key(string(sets[1-i]), score)])
				}
				e := p.meanTau(pairs)
				p.taus[with+key(string(set), score)] = e
				t.Add(set, score, with, e.mean, e.Low, e.High, e.least, e.greatest)
				estimates = append(estimates, report.Estimate{Name: score, Group: string(set), Value: e.mean, Low: e.Low, High: e.High})
			}
		}
		g.Figures = append(g.Figures, report.Intervals("Agreement with "+with, "τ-b", estimates, hueOf, report.Level{Name: "chance"}))
	}
	points := report.Group{Class: report.WideFigures}
	if p.truth != nil {
		points.Lead = fmt.Sprintf("Each dot is a network: its one-shot accuracy, with seed %d, against its accuracy when trained on its own.", p.seeds()[0])
		for _, set := range sets {
			points.Figures = append(points.Figures, report.Scatter(string(set)+": one-shot accuracy", "true accuracy, %", p.truth, p.cells[set][0].Accuracy))
		}
	}
	p.out.add(section{ID: "ranks", Title: "How well it ranks", Groups: []report.Group{g, points},
		Lead: "Kendall's τ-b: the mean over seeds (over pairs of seeds for another seed), and its interval over networks (95 %, bootstrap)."})
}

// says words the result.
func (p *trainingPage) says() {
	bn, all := slices.Min(p.speeds(supernet.AllBN)), slices.Min(p.speeds(supernet.All))
	text := fmt.Sprintf("a step that trains all weights takes %.2f times as long as one that trains γ and β. ", all/bn)
	score := p.scores[min(1, len(p.scores)-1)]
	if p.truth == nil {
		e := p.taus[withOther+key("bn", score)]
		text += fmt.Sprintf("The rankings of the two kinds by %s agree by τ-b %s. Which is better needs a table of accuracies.", score, withInterval(e))
		p.out.figure("τ-b of "+score+", bn with all", e)
	} else {
		own, whole := p.values[key("bn", score)], p.values[key("all", oneShotAccuracy)]
		d := p.meanTauDifference(against(own, p.truth), against(whole, p.truth))
		for _, set := range setNames {
			for _, s := range p.scores {
				p.out.figure("τ-b of "+s+" with the true accuracy, "+set, p.taus[withTruth+key(set, s)])
			}
		}
		p.out.figure("difference: "+score+" of bn − one-shot accuracy of all", d)
		text += fmt.Sprintf("With the true accuracy, the one-shot accuracy has τ-b %s (all) and %s (bn); %s has %s (bn) and %s (all). The difference of %s of bn and the one-shot accuracy of all is %s: ",
			withInterval(p.taus[withTruth+key("all", oneShotAccuracy)]), withInterval(p.taus[withTruth+key("bn", oneShotAccuracy)]), score,
			withInterval(p.taus[withTruth+key("bn", score)]), withInterval(p.taus[withTruth+key("all", score)]), score, signed(d))
		switch {
		case math.IsNaN(d.Low):
			text += "undefined, because one of them does not order the networks."
		case d.Low > 0:
			text += "the indicator ranks better here."
		case d.High < 0:
			text += "the one-shot accuracy ranks better here, against the claim."
		default:
			text += "the study does not decide."
		}
	}
	p.out.Says = text
	p.out.Limits = []string{
		"A whole supernet that is trained to its end: all has as many steps as bn, and supernets of the literature have hundreds of epochs. With more training its one-shot accuracy may rank better.",
		"The best recipe for either kind: each has one usual recipe, that of all is fixed.",
		"Memory, and the time on other devices.",
		"The intervals are over networks alone; the least and the greatest value over seeds are in tau.csv.",
	}
	if p.Quick {
		p.out.Limits = append(p.out.Limits, "The quick form has smaller supernets, short training and few networks. Its figures are not those of the full form.")
	}
}
