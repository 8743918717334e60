package main

import (
	"flag"
	"fmt"
	"strconv"

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
	catWorkers  = "Workers"
	catOutput   = "Output"
	catCommand  = "Command" // what only this command has
)

// most is the upper limit of numbers that have no natural one. It keeps sums and products of them in range.
const most = 1_000_000

// intFlag returns the flag of a whole number in a range. It is checked before the command starts.
func intFlag(name, usage string, value, low, high int) *wholeFlag {
	return &wholeFlag{&cli.IntFlag{
		Name: name, Usage: fmt.Sprintf("%s; %d…%d", usage, low, high), Value: value, Category: catCommand,
		Action: func(_ *cli.Context, n int) error {
			if n < low || n > high {
				return usagef("--%s %d: must be %d…%d", name, n, low, high)
			}
			return nil
		},
	}}
}

// wholeFlag is an IntFlag that reads whole numbers as the settings do: 1000, 1e3 or 1k.
type wholeFlag struct{ *cli.IntFlag }

// Apply adds the flag to a set.
func (f *wholeFlag) Apply(set *flag.FlagSet) error {
	for _, name := range f.Names() {
		n := whole(f.Value)
		set.Var(&n, name, f.Usage)
	}
	return nil
}

// whole is the value of a wholeFlag.
type whole int

func (n *whole) String() string { return strconv.Itoa(int(*n)) }

func (n *whole) Set(text string) error {
	v, err := parseWhole(text)
	if err == nil && int64(int(v)) != v {
		err = strconv.ErrRange
	}
	*n = whole(v)
	return err
}

// optionalInt returns the flag of a whole number without a default.
func optionalInt(name, usage string, low, high int) *wholeFlag {
	f := intFlag(name, usage, 0, low, high)
	f.DefaultText = "none"
	return f
}

// numberFlag is an intFlag from 0, without a value if it is not given.
func numberFlag(name, usage string, high int, without string) *wholeFlag {
	f := intFlag(name, usage, 0, 0, high)
	f.DefaultText = without
	return f
}

// textFlag returns the flag of a text that is no setting of a run; empty names the state without it.
func textFlag(name, usage, empty string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Usage: usage, DefaultText: empty, Category: catCommand}
}
