package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "the help of bnas or of one command", ArgsUsage: "[COMMAND…]",
		Flags:       outputFlags(),
		Description: "bnas help score",
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if err := knownWords(c.App.Commands, "bnas", words); err != nil {
				return err
			}
			return c.App.RunContext(c.Context, append(append([]string{"bnas"}, words...), "--help"))
		},
	}
}

// known returns an error if the command line names a command that is not there. The cli package would show the general help
// if --help follows.
func known(app *cli.App, args []string) error {
	if len(args) < 2 || strings.HasPrefix(args[1], "-") {
		return nil
	}
	i := slices.IndexFunc(app.Commands, func(c *cli.Command) bool { return c.HasName(args[1]) })
	if i >= 0 && len(app.Commands[i].Subcommands) > 0 && len(args) > 2 && !strings.HasPrefix(args[2], "-") {
		return knownWords(app.Commands, "bnas", args[1:3])
	}
	return knownWords(app.Commands, "bnas", args[1:2])
}

// knownWords returns an error if the words are not a command and its subcommands. parent is the command line before them.
func knownWords(commands []*cli.Command, parent string, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if len(commands) == 0 {
		return usagef("%s has no command %q; see %s --help", parent, words[0], parent)
	}
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(words[0]) })
	if i < 0 {
		return noCommand(commands, parent, words[0])
	}
	return knownWords(commands[i].Subcommands, parent+" "+words[0], words[1:])
}

func noCommand(commands []*cli.Command, parent, word string) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Names()...)
	}
	return usagef("there is no command %q%s; see %s --help", word, didYouMean(word, "", names), parent)
}

// unknownCommand handles a command line that ends before a command, or has an unknown one.
func unknownCommand(c *cli.Context) error {
	if c.Args().Present() {
		return noCommand(c.Command.Subcommands, c.Command.HelpName, c.Args().First())
	}
	return cli.ShowSubcommandHelp(c)
}

// These are the errors of the cli package and of package flag.
var (
	noFlag    = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	noValue   = regexp.MustCompile(`^flag needs an argument: -(.*)$`)
	badValue  = regexp.MustCompile(`^(?s:invalid value (".*") for flag -([^ :]*): .*)$`)
	badSwitch = regexp.MustCompile(`^(?s:invalid boolean value (".*") for -([^ :]*): .*)$`)
)

// onUsageError rewords an error of the cli package.
func onUsageError(c *cli.Context, err error, _ bool) error {
	name := "bnas"
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	text := err.Error()
	if m := noFlag.FindStringSubmatch(text); m != nil {
		return usagef("there is no flag --%s%s; see %s --help", m[1], didYouMean(m[1], "--", flagNames(c)), name)
	}
	if m := noValue.FindStringSubmatch(text); m != nil {
		return usagef("--%s needs a value; see %s --help", m[1], name)
	}
	if m := badValue.FindStringSubmatch(text); m != nil {
		return usagef("--%s: %s is not a whole number; see %s --help", m[2], m[1], name)
	}
	if m := badSwitch.FindStringSubmatch(text); m != nil {
		return usagef("--%s is on or off: give it without %s, or as --%s=false; see %s --help", m[2], m[1], m[2], name)
	}
	return usagef("%w; see %s --help", err, name)
}

func flagNames(c *cli.Context) []string {
	flags := c.App.Flags
	if c.Command != nil {
		flags = c.Command.Flags
	}
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	return names
}

// didYouMean returns the name that is nearest to a word, as the end of a sentence, or "" if none is near.
func didYouMean(word, prefix string, names []string) string {
	best, least := "", 1+len(word)/3
	for _, name := range names {
		if d := edits(word, name); d <= least && (best == "" || d < least) {
			best, least = name, d
		}
	}
	if best == "" || len(word) > 64 {
		return ""
	}
	return fmt.Sprintf(", did you mean %s%s?", prefix, best)
}

// edits is Levenshtein's distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
