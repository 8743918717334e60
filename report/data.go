// Package report writes a run as one HTML page. The page is self-contained: it has no script and makes no network request.
package report

import (
	"iter"
	"time"

	"bnas.example/rank"
)

// Data holds the content of the page. The page leaves out a section without data and states the reason.
type Data struct {
	Title   string // "nas-bench-201, a BatchNorm on every operator"
	Summary string // one sentence under the title

	Command string // command line that repeats the run
	Config  string // the resolved configuration, YAML
	Facts   []Fact // versions, data set and its hash, seed, device, times

	Training Training

	Perspectives []Perspective // of the fused score, on the architecture found; empty: none
	Others       string        // those that the perspectives compare it with, in words: "random networks"
	WithoutCost  *WithoutCost  // nil: unknown

	Terms     []Term  // the columns of Arch.Values
	Score     string  // name of the fused score
	Places    []Place // of the space's operators
	Runs      []Run   // over which the terms are averaged; empty: there is one
	Found     *Arch   // the architecture that the search found, one of Archs; nil: none
	Graph     Graph   // the found architecture, drawn
	Search    Search
	Finalists []Finalist // by score; empty: there was no second stage
	Pruned    []Pruned   // in order; empty: the search did not prune
	Agreement Matrix     // of the terms and the fused score

	Linear        bool   // the score adds quantiles, and not their logarithms
	Calibration   int    // live networks of the random sample in which the quantiles of the score are taken; 0: no quantiles
	AgreementOver string // the networks of Agreement, in words

	Repeats int // of the scoring, over which terms are averaged; 0 or 1: one measurement

	// Archs reads every scored architecture, in one order. It is read several times, so that the architectures need not be in memory;
	// the next one may change the slices of an Arch. nil: none was scored.
	Archs iter.Seq2[Arch, error]
}

// Fact is one line of "what was run".
type Fact struct{ Name, Value string }

// Curve is a line, mostly over training steps. X and Y have equal lengths; points that are not finite are left out.
type Curve struct {
	Name      string
	X, Y      []float64
	Low, High []float64 // a band around the line, such as an interval; nil: none
}

// Training holds the curves of the supernet's training.
type Training struct {
	Loss, Accuracy []Curve // one each, or several: "train", "validation"
	Rate           Curve   // learning rate
	EarlyBird      Curve   // Kendall τ of the ranking between snapshots
	EarlyBirdBound float64 // training stops above it; 0: no bound
	EarlyBirdCount int     // architectures whose ranking the early bird compares; 0: unknown
	Gamma          []Curve // mean |γ| of each operator; Name is the operator
	StepsPerEpoch  int     // 0: unknown
	Classes        int     // of the images; 0: unknown
	Learns         string  // which parameters learn, in a sentence; empty: unknown, or not the same in all runs
}

// Term is one term of the indicator.
type Term struct {
	Name  string
	Fused bool // it is part of the fused score
	// Against: it counts with the opposite sign, less of it is better.
	Against bool
}

// Run is a trained supernet.
type Run struct {
	Folder, Data, Seeds string
	Steps               int // of training
}

// Place is a spot of the network with one of several operators.
type Place struct {
	Name      string
	Operators []string
}

// Arch is a scored architecture.
type Arch struct {
	Text      string
	Canonical string // equal for the same network; empty: the text
	Choice    []int  // the operator of each place, or −1
	Dead      bool
	Score     float64
	Values    []float64 // aligned with Data.Terms
	Spread    []float64 // their standard deviations over repeats, likewise; nil or NaN: none
	MACs      int64
	Params    int64
	Latency   float64 // in ms; 0: it was not measured
}

// Search holds the facts of the search.
type Search struct {
	Strategy string
	Wall     time.Duration
	Pareto   []Arch // by rising cost: none that the search has proposed has a better score for as low a cost
	Cost     string // of Pareto: macs, params or latency; empty: macs
	Better   *Arch  // the best of the calibration sample within the limits, if it scores higher than the one found
}

// Finalist is one of the best architectures by score, trained on its own.
type Finalist struct {
	Text     string
	Score    float64
	Accuracy float64 // on the held-out images
	NLL      float64 // in nats
	Images   int     // that were held out
	Recipe   string
	Epochs   int
	Took     time.Duration // of training
	Answer   bool          // it is the architecture found
}

// Matrix holds the rank agreement of every pair of columns: Spearman's ρ and Kendall's τ-b.
type Matrix struct {
	Names             []string
	Spearman, Kendall [][]float64
}

// NewMatrix computes the rank agreement of every pair of columns; columns[i] holds the values of names[i], one for each
// architecture. All columns have one length.
func NewMatrix(names []string, columns [][]float64) Matrix {
	m := Matrix{Names: names, Spearman: square(len(names)), Kendall: square(len(names))}
	for i := range names {
		m.Spearman[i][i], m.Kendall[i][i] = 1, 1
		for j := range i {
			r, t := rank.Spearman(columns[i], columns[j]), rank.KendallTauB(columns[i], columns[j])
			m.Spearman[i][j], m.Spearman[j][i] = r, r
			m.Kendall[i][j], m.Kendall[j][i] = t, t
		}
	}
	return m
}

func square(n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n)
	}
	return rows
}
