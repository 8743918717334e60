// Package run is a run folder and what can be done with it: train a supernet, score architectures, search, report.
//
// A Config describes everything that a run depends on. Create makes the folder and saves the Config there; Train trains
// the supernet and leaves checkpoint and metrics; Open restores the trained supernet; Untrained and Network do without a
// folder. A Run then gives a scorer (Scorer), a scorer with a ledger of its scores (Evaluator), and a search (Search).
//
// Files of a run folder:
//
//	config.yaml    the Config
//	checkpoint     what was trained (package train), and checkpoint.prev, the one before
//	metrics.jsonl  the metrics of training (package train)
//	scores.csv     the ledger: every score, and scores.json, the setup that produced them (package search)
//	result.json    the result of the last search
//	report.html    the report (package report)
//
// The package prints nothing. Progress goes to callbacks, the choice of the device to Options.Log. Errors that a
// command line may want to word in its own way have types: see errors.go.
package run
