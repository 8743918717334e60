package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// The help lists the flags of a command in these categories. The cli package sorts them by name.
const (
	catSupernet = "Supernet"
	catImages   = "Images"
	catTraining = "Training"
	catScoring  = "Scoring"
	catSearch   = "Search"
	catMachine  = "Machine"
	catOutput   = "Output"
	catCommand  = "Command" // what only this command has
)

// most is the upper limit of numbers that have no natural one. It keeps sums and products of them in range.
const most = 1_000_000

// intFlag returns the flag of a whole number in a range. It is checked before the command starts.
func intFlag(name, usage string, value, low, high int) *cli.IntFlag {
	return &cli.IntFlag{
		Name: name, Usage: fmt.Sprintf("%s; %d…%d", usage, low, high), Value: value, Category: catCommand,
		Action: func(_ *cli.Context, n int) error {
			if n < low || n > high {
				return usagef("--%s %d: must be %d…%d", name, n, low, high)
			}
			return nil
		},
	}
}

// optionalInt returns the flag of a whole number without a default.
func optionalInt(name, usage string, low, high int) *cli.IntFlag {
	f := intFlag(name, usage, 0, low, high)
	f.DefaultText = "none"
	return f
}

// textFlag returns the flag of a text that is no setting of a run; empty names the state without it.
func textFlag(name, usage, empty string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Usage: usage, DefaultText: empty, Category: catCommand}
}
