package report

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"bnas.example/philox"
)

// good are the words for networks of which more is better.
var good = Comparison{Higher: "better than", Lower: "worse than", Same: "as good as"}

var cellOps = []string{"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"}

// read reads some architectures.
func read(archs ...Arch) iter.Seq2[Arch, error] {
	return func(yield func(Arch, error) bool) {
		var a Arch
		for _, next := range archs {
			a.Values, a.Choice = append(a.Values[:0], next.Values...), append(a.Choice[:0], next.Choice...) // as a file is read
			next.Values, next.Choice = a.Values, a.Choice
			if !yield(next, nil) {
				return
			}
		}
	}
}

// sampleData is a run of n architectures with everything that the page shows.
func sampleData(n, steps int) Data {
	d, _ := sampleArchs(n, steps)
	return d
}

// sampleArchs is sampleData, and its architectures.
func sampleArchs(n, steps int) (Data, []Arch) {
	r := philox.New(7, "report sample", 0)
	d := Data{
		Title:   "nas-bench-201, a BatchNorm on every operator",
		Summary: "A supernet trained in γ and β alone, then searched.",
		Command: "bnas run --space nas-bench-201 --bn fair --seed 1 --data fashion",
		Config:  "supernet:\n  space: nas-bench-201\n  bn: fair\nsearch:\n  strategy: evolution\n",
		Facts:   []Fact{{"bnas", "v0.1.0"}, {"data set", "fashion, 10 000 images, sha256 3f6c1c"}, {"seed", "1"}},
		Terms: []Term{{Name: "cell_spectrum", Fused: true}, {Name: "naswot", Fused: true},
			{Name: "ntk", Fused: true}, {Name: "bn_noise", Fused: true}, {Name: "gamma_sum"}, {Name: "macs"}, {Name: "oneshot"}},
		Score: "bnas",
		Perspectives: []Perspective{
			{Name: "expressivity", Asks: "How differently does the network see different images?", Compared: good, Standing: Standing{93, 0, 7}, Terms: []TermStanding{
				{"cell_spectrum", "how many directions its features fill", 1, Standing{95, 0, 5}}, {"naswot", "how its rectifiers switch", 2, Standing{40, 20, 40}},
			}},
			{Name: "uncertainty", Asks: "How sure can it be?", Compared: good, Standing: Standing{40, 20, 40}, Terms: []TermStanding{
				{"bn_noise", "how little a batch matters", 3, Standing{40, 20, 40}},
			}},
		},
		Others:      "random networks",
		WithoutCost: &WithoutCost{Terms: []string{"live_macs"}, Networks: 280, With: Ranked{Rank: 1}, Without: Ranked{Rank: 12, Equal: 1, First: "|a|+|b|"}},
	}
	for _, g := range []string{"1<-0", "2<-0", "2<-1", "3<-0", "3<-1", "3<-2"} {
		d.Places = append(d.Places, Place{g, cellOps})
	}
	var archs []Arch
	found := 0
	for i := range n {
		a := Arch{Choice: make([]int, 6)}
		var text []string
		conv := 0.0
		for g := range a.Choice {
			a.Choice[g] = r.IntN(5)
			conv += []float64{0, .2, 1, 1.6, .1}[a.Choice[g]]
			text = append(text, fmt.Sprintf("%s~%d", cellOps[a.Choice[g]], g))
		}
		a.Text = "|" + strings.Join(text, "|") + "|"
		noise := make([]float32, 8)
		r.Normal(noise, 1)
		for t := range d.Terms {
			a.Values = append(a.Values, conv*float64(3-t)+2*float64(noise[t]))
		}
		a.Values[6] = math.NaN()
		a.Score = -math.Exp(1.4 - conv/3 + 0.2*float64(noise[7]))
		a.MACs, a.Params = int64(7e6+2.4e7*conv), int64(7e4+1.6e5*conv)
		if a.Dead = conv < 0.3; a.Dead {
			a.Score = math.Inf(-1)
		}
		archs = append(archs, a)
		if a.Score > archs[found].Score {
			found = i
		}
	}
	d.Archs, d.Found = read(archs...), &archs[found]
	d.Search = Search{Strategy: "evolution", Wall: 132 * time.Second, Pareto: frontOf(archs)}
	var genes, ops, names []string
	for g, o := range d.Found.Choice {
		genes, ops = append(genes, d.Places[g].Name), append(ops, cellOps[o])
	}
	d.Graph, _ = GraphOf("The cell, repeated in all three stages.", genes, ops)
	var columns [][]float64
	for t, term := range d.Terms {
		names = append(names, term.Name)
		var column []float64
		for _, a := range archs {
			column = append(column, a.Values[t])
		}
		columns = append(columns, column)
	}
	d.Agreement = NewMatrix(names, columns)
	d.Calibration, d.AgreementOver = 100, "the 100 random live architectures of the calibration sample"
	loss, rate := Curve{Name: "train"}, Curve{}
	for s := range steps {
		x := float64(s) / float64(steps)
		loss.X, loss.Y = append(loss.X, float64(s)), append(loss.Y, 0.8+1.5*math.Exp(-4*x)+0.2*r.Float64())
		rate.X, rate.Y = append(rate.X, float64(s)), append(rate.Y, 0.1*(1+math.Cos(math.Pi*x)))
	}
	accuracy := Curve{Name: "train", X: loss.X}
	for _, l := range loss.Y {
		accuracy.Y = append(accuracy.Y, math.Exp(-l))
	}
	d.Training = Training{Loss: []Curve{loss}, Accuracy: []Curve{accuracy}, Rate: rate, EarlyBirdBound: 0.9, EarlyBirdCount: 64, Classes: 10,
		EarlyBird: Curve{X: []float64{100, 200, 300, 400}, Y: []float64{.5, .7, .82, .93}}}
	for o, op := range cellOps[1:] {
		c := Curve{Name: op}
		for k := range 20 {
			c.X, c.Y = append(c.X, float64(k*steps/20)), append(c.Y, 1+float64(k)*0.01*float64(o-1))
		}
		d.Training.Gamma = append(d.Training.Gamma, c)
	}
	return d, archs
}

// frontOf returns the architectures that score higher than all with as few MACs, by rising MACs.
func frontOf(archs []Arch) (front []Arch) {
	for _, a := range archs {
		best := !a.Dead
		for _, b := range archs {
			best = best && !(b.MACs <= a.MACs && b.Score > a.Score)
		}
		if best {
			front = append(front, a)
		}
	}
	slices.SortFunc(front, func(a, b Arch) int { return cmp.Compare(a.MACs, b.MACs) })
	return front
}
