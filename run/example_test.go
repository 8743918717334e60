package run_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"bnas.example/indicator"
	"bnas.example/run"
)

// A run is made and trained, opened again, and scores an architecture.
func Example() {
	temp, err := os.MkdirTemp("", "bnas")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "tiny")

	cfg := run.Default()
	cfg.Supernet.Channels, cfg.Supernet.Cells, cfg.Supernet.Height, cfg.Supernet.Width = 4, 1, 8, 8
	cfg.Train.Steps, cfg.Train.Batch = 4, 8
	cfg.Score.Images, cfg.Score.NTKImages = 8, 2
	trained, err := run.Create(dir, cfg, run.Options{})
	if err != nil {
		log.Fatal(err)
	}
	training, err := trained.Train(context.Background(), nil)
	trained.Close()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("steps:", training.Step)

	cfg, err = run.ReadConfig(dir)
	if err != nil {
		log.Fatal(err)
	}
	r, err := run.Open(dir, cfg, run.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	scorer, err := r.Scorer()
	if err != nil {
		log.Fatal(err)
	}
	arch, err := r.Net.Space.Parse("|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")
	if err != nil {
		log.Fatal(err)
	}
	scores, err := scorer.Score(arch)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("architecture:", scores.Arch)
	fmt.Println("a value for each term:", len(scores.Values) == len(indicator.TermNames()))
	fmt.Println("convs:", scores.Values[slices.Index(indicator.TermNames(), "convs")])
	// Output:
	// steps: 4
	// architecture: |nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|
	// a value for each term: true
	// convs: 2
}
