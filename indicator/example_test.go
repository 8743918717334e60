package indicator_test

import (
	"fmt"

	"bnas.example/indicator"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// The terms of a composite.
func ExampleLookupComposite() {
	composite, err := indicator.LookupComposite("etu")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, term := range indicator.Terms() {
		for _, name := range composite.Terms {
			if term.Name == name {
				fmt.Printf("%s: perspective %s, gauge-invariant %v\n", term.Name, term.Perspective, term.Gauge)
			}
		}
	}
	// Output:
	// naswot: perspective E, gauge-invariant true
	// ntk_gauge: perspective T, gauge-invariant true
	// mc_mi: perspective U, gauge-invariant true
}

// One architecture of an untrained supernet, scored on random images with two terms.
func ExampleScorer() {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Classes: 4, Height: 8, Width: 8, Channels: 4, Cells: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	dev := ref.New()
	defer dev.Close()
	store, err := dev.NewStore(net.Params())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := net.Fill(store); err != nil {
		fmt.Println(err)
		return
	}
	cfg := indicator.Config{Images: 8, NTKImages: 4, MCBatches: 2, MCBatch: 4, MCQueries: 4, Terms: []string{"convs", "one_shot_accuracy"}}
	pixels := make([]float32, cfg.ImagesNeeded()*3*8*8)
	philox.New(1, "images", 0).Normal(pixels, 1)
	scorer, err := indicator.NewScorer(net, dev, store, indicator.Inputs{Images: pixels, Labels: make([]int, cfg.ImagesNeeded())}, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	arch, err := net.Space.Parse("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")
	if err != nil {
		fmt.Println(err)
		return
	}
	scores, err := scorer.Score(arch)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, name := range indicator.TermNames() {
		if name == "convs" {
			fmt.Println("convolutions:", scores.Values[i])
		}
	}
	fmt.Println("dead:", scores.Dead)
	// Output:
	// convolutions: 3
	// dead: false
}
