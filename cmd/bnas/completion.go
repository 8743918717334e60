package main

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/data"
	"bnas.example/indicator"
	"bnas.example/inventory"
	"bnas.example/run"
	"bnas.example/search"
)

// shells are those that the folder completion has a script for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

//go:embed completion
var completionScripts embed.FS

func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "a script that completes the command line in a shell", ArgsUsage: "SHELL",
		Flags: outputFlags(),
		Description: "bnas completion bash > bnas.bash" +
			"\n\nSHELL is " + either(shells) + ". The first lines of a script say where it belongs. It completes commands, flags, names of\nspaces, strategies and the like, and the names of runs.",
		Action: func(c *cli.Context) error {
			shell := c.Args().First()
			if c.NArg() != 1 || !slices.Contains(shells, shell) {
				return usagef("completion takes one argument, %s; got %q", either(shells), c.Args().Slice())
			}
			script, err := completionScripts.ReadFile("completion/" + shell)
			if err != nil {
				return err
			}
			result := struct {
				Shell  string `json:"shell"`
				Script string `json:"script"`
			}{shell, string(script)}
			if c.Bool("json") {
				return output(c, result, nil)
			}
			_, err = io.WriteString(c.App.Writer, result.Script)
			return err
		},
	}
}

// suggestFlag ends the command line by which the scripts ask for the words that may stand in the place of the last one.
const suggestFlag = "--suggest-words"

// suggest prints what may stand in the place of the last word, one a line. Nothing stands for names of files.
func suggest(w io.Writer, app *cli.App, words []string) {
	if len(words) == 0 {
		return
	}
	last := words[len(words)-1]
	for _, word := range suggestions(app, words[:len(words)-1], last) {
		if strings.HasPrefix(word, last) {
			fmt.Fprintln(w, word)
		}
	}
}

// suggestions returns the words that may follow some words. last is the beginning of the next one.
func suggestions(app *cli.App, words []string, last string) []string {
	head, flags := commandOf(app, append([]string{"bnas"}, words...))
	if len(words) > 0 {
		if name := strings.TrimLeft(words[len(words)-1], "-"); name != words[len(words)-1] && takesValue(flags)[name] {
			return valuesOfFlag(name)
		}
	}
	command := &cli.Command{Subcommands: app.Commands}
	for _, word := range words[:head-1] {
		i := slices.IndexFunc(command.Subcommands, func(c *cli.Command) bool { return c.HasName(word) })
		command = command.Subcommands[i]
	}
	var found []string
	switch {
	case strings.HasPrefix(last, "-"):
		for _, f := range append(flags, cli.HelpFlag) {
			found = append(found, "--"+f.Names()[0])
		}
	case len(command.Subcommands) > 0, command.Name == "help":
		commands := command.Subcommands
		if command.Name == "help" {
			commands = app.Commands
		}
		for _, c := range commands {
			found = append(found, c.Name)
		}
	case command.Name == "completion":
		found = shells
	case strings.Contains(command.ArgsUsage, "NAME"):
		found = runNames(words)
	}
	return found
}

// valuesOfFlag returns the values that a flag may have, if they are names.
func valuesOfFlag(flag string) (names []string) {
	switch flag {
	case "space":
		return spaceNames()
	case "device":
		return run.Devices()
	case "numerics":
		return run.Numerics()
	case "strategy":
		return search.Strategies()
	case "data":
		return data.Names()
	case "recipe":
		return run.Recipes()
	case "preset":
		return run.Presets()
	case "composite":
		for _, c := range indicator.Composites() {
			names = append(names, c.Name)
		}
		return names
	case logFlag.Name:
		return []string{textLog, jsonLog}
	}
	return nil
}

// runNames returns the names of the runs in the folder of --runs.
func runNames(words []string) (names []string) {
	dir := "runs"
	if i := slices.Index(words, "--runs"); i >= 0 && i+1 < len(words) {
		dir = words[i+1]
	}
	all, err := inventory.List(dir)
	if err != nil {
		return nil // a completion has no place for an error
	}
	for _, e := range all {
		names = append(names, e.Name)
	}
	return names
}
