// Command library uses bnas from another module: it opens a run, scores architectures, adds a baseline of its own, and
// compares the rankings.
//
//	go run . ../../run/testdata/old-run
package main

import (
	"fmt"
	"log"
	"os"

	"bnas.example/philox"
	"bnas.example/rank"
	"bnas.example/run"
	"bnas.example/supernet"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("library: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: library RUN-FOLDER")
	}
	if err := compare(os.Args[1], 8); err != nil {
		log.Fatal(err)
	}
}

// compare scores n random architectures of a run, and ranks them by one term and by their MACs.
func compare(dir string, n int) error {
	cfg, err := run.ReadConfig(dir)
	if err != nil {
		return err
	}
	cfg.Score.Terms = []string{"naswot"}
	r, err := run.Open(dir, cfg, run.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	scorer, err := r.Scorer()
	if err != nil {
		return err
	}
	draw := philox.New(1, "library example", 0)
	var naswot, macs []float64
	for len(naswot) < n {
		arch := supernet.Random(r.Net.Space, draw)
		if r.Net.Dead(arch) {
			continue
		}
		scores, err := scorer.Score(arch)
		if err != nil {
			return err
		}
		score, err := scores.Term("naswot")
		if err != nil {
			return err
		}
		naswot = append(naswot, score)
		macs = append(macs, float64(r.Net.Space.Cost(arch, r.Net.Config).MACs))
		fmt.Printf("%8.2f  %s\n", score, scores.Arch)
	}
	fmt.Printf("Kendall τ-b with the number of MACs: %+.3f\n", rank.KendallTauB(naswot, macs))
	return nil
}
