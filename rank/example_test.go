package rank_test

import (
	"fmt"
	"math/rand/v2"

	"bnas.example/rank"
)

// Scores of four networks against their accuracies when trained on their own.
var (
	score    = []float64{0.9, 0.4, 0.7, 0.1}
	accuracy = []float64{94.1, 91.0, 93.2, 91.5}
)

func ExampleKendallTauB() {
	fmt.Printf("τ-b %.3f, ρ %.1f\n", rank.KendallTauB(score, accuracy), rank.Spearman(score, accuracy))
	fmt.Println("ranks of the scores", rank.Ranks(score))
	// Output:
	// τ-b 0.667, ρ 0.8
	// ranks of the scores [4 2 3 1]
}

func ExampleTopK() {
	top := rank.TopK(score, accuracy, 2)
	fmt.Printf("the %d highest scores: mean %.2f, best %.1f, precision %.0f %%\n", top.K, top.Mean, top.Best, 100*top.Precision)
	// Output: the 2 highest scores: mean 93.65, best 94.1, precision 100 %
}

func ExampleKendallInterval() {
	source := func(resample int) rank.Source { return rand.New(rand.NewPCG(1, uint64(resample))) }
	i := rank.KendallInterval(score, score, 100, .95, source)
	fmt.Printf("%.0f to %.0f\n", i.Low, i.High)
	// Output: 1 to 1
}
