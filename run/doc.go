// Package run works on run folders: it trains a supernet, scores architectures, searches, and writes the report.
//
// A Config holds all settings of a run. Create makes the folder and saves the Config there. Train trains the supernet and
// writes checkpoint and metrics. Open restores the trained supernet. Untrained and Network need no folder. A Run then
// provides a scorer (Scorer), a scorer with a ledger of its scores (Evaluator), and a search (Search).
//
// Files of a run folder:
//
//	config.yaml    the Config
//	checkpoint     the trained state (package train), and checkpoint.prev, the one before
//	metrics.jsonl  the metrics of training (package train)
//	scores.csv     the ledger: every score, and scores.json, their provenance (package search)
//	result.json    the result of the last search
//	finalists.csv  the finalists of the last search, and finalists, the run folder of each
//	report.html    the report (package report)
//
// The package prints nothing. Progress goes to callbacks, the choice of the device to Options.Log. Some errors have types,
// so that a command line can word them in its own way: see errors.go.
package run
