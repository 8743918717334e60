package search_test

import (
	"context"
	"fmt"
	"strings"

	"bnas.example/indicator"
	"bnas.example/search"
	"bnas.example/supernet"
)

// unscored is an evaluator without a device: it computes no terms.
type unscored struct{ space supernet.Space }

func (u unscored) Score(a supernet.Arch) (indicator.Scores, error) {
	return indicator.Scores{Arch: u.space.Format(a), Canonical: u.space.Canonical(a), Dead: !u.space.Alive(a)}, nil
}

// The network with the most convolutions; of equals the one with the fewest MACs.
func ExampleRun() {
	space, err := supernet.Lookup("nas-bench-201")
	if err != nil {
		fmt.Println(err)
		return
	}
	sizes, err := supernet.Config{Space: space.Name()}.WithDefaults()
	if err != nil {
		fmt.Println(err)
		return
	}
	problem := search.Problem{
		Space: space, Sizes: sizes, Evaluator: unscored{space},
		Objective: search.Objective{Name: "convolutions", Of: func(s indicator.Scores) float64 {
			return float64(strings.Count(s.Arch, "nor_conv"))
		}},
	}
	result, err := search.Run(context.Background(), problem, search.Config{Strategy: "exhaustive", Top: 1}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Evaluations, "networks,", result.Dead, "dead, stopped:", result.Stopped)
	fmt.Println(result.Best[0].Score, result.Best[0].Scores.Arch)
	// Output:
	// 6466 networks, 5 dead, stopped: complete
	// 6 |nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_1x1~2|
}
