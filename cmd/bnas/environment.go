package main

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// A variable of the environment stands for a flag: BNAS_THREADS for --threads. The command line decides over it, and it decides over
// the file of --config. One that is empty is none.

// environmentKey is the place in the metadata of the program of the flags that are from the environment.
const environmentKey = "environment"

// variableOf returns the variable of a flag.
func variableOf(flag string) string {
	return "BNAS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// withEnvironment adds the flags of variables to a command line of intersperse, before the flags that it has, and returns their names.
func withEnvironment(app *cli.App, line []string) (_ []string, added []string) {
	head, flags := commandOf(app, line)
	given, help := givenFlags(line[head:], flags)
	if help {
		return line, nil
	}
	var more []string
	for _, f := range runsFirst(flags) {
		name := f.Names()[0]
		value := os.Getenv(variableOf(name))
		if value == "" || slices.ContainsFunc(f.Names(), func(n string) bool { return given[n] }) || displaced(line[1:head], name, given) {
			continue
		}
		more = append(more, "--"+name+"="+value)
		added = append(added, name)
		if namesRun(name) {
			given[name] = true // the run has its own settings, whoever names it
		}
	}
	return slices.Insert(slices.Clone(line), head, more...), added
}

// runsFirst returns flags with those before that name a run: they displace others.
func runsFirst(flags []cli.Flag) []cli.Flag {
	first := func(f cli.Flag) bool { return namesRun(f.Names()[0]) }
	rest := slices.DeleteFunc(slices.Clone(flags), first)
	return append(slices.DeleteFunc(slices.Clone(flags), func(f cli.Flag) bool { return !first(f) }), rest...)
}

func namesRun(flag string) bool { return flag == "run" || flag == "resume" }

// commandOf returns how many words at the start of a command line are bnas and its command, and the flags of that.
func commandOf(app *cli.App, line []string) (head int, flags []cli.Flag) {
	commands := app.Commands
	for head = 1; head < len(line); head++ {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(line[head]) })
		if i < 0 {
			break
		}
		flags, commands = commands[i].Flags, commands[i].Subcommands
	}
	return min(head, len(line)), flags
}

// givenFlags returns the names of the flags at the start of words, with that of the arguments, and whether the help is asked for.
func givenFlags(words []string, flags []cli.Flag) (given map[string]bool, help bool) {
	takes := takesValue(flags)
	given = map[string]bool{}
	for i := 0; i < len(words); i++ {
		if words[i] == "--" {
			given[arguments] = i+1 < len(words)
			break
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(words[i], "-"), "=")
		given[name] = true
		if takes[name] && !hasValue {
			i++
		}
	}
	return given, given["help"] || given["h"]
}

// takesValue reports, by each name of some flags, whether a value follows it.
func takesValue(flags []cli.Flag) map[string]bool {
	takes := map[string]bool{}
	for _, f := range flags {
		_, isBool := f.(*cli.BoolFlag)
		for _, name := range f.Names() {
			takes[name] = !isBool
		}
	}
	return takes
}

// exclusive are flags of which the command line can have one. The last two are ways to name architectures, and so are arguments.
var exclusive = [][]string{
	{"epochs", "steps"}, {"clip-norm", "clip-value"}, {"run", "resume"}, {"resume", "out"}, {"gpu", "gpus"},
	{"workers", "cell"}, {"gpus", "cell"}, {"listen", "nats"},
	{"all", "sample", "file", arguments}, {"from", "index", "file", arguments},
}

// arguments is the key of the arguments in the map of the flags that are given.
const arguments = "ARCH"

// displaced reports whether the variable of a flag has no say in a command beside the flags that are given: another flag that excludes
// it, or a run that has its own settings.
func displaced(command []string, name string, given map[string]bool) bool {
	for _, group := range exclusive {
		if slices.Contains(group, name) && slices.ContainsFunc(group, func(other string) bool { return given[other] }) {
			return true
		}
	}
	switch strings.Join(command, " ") {
	case "plan":
		if name == "device" { // a plan is for a GPU
			return true
		}
	case "space info":
		if name == "space" && given[arguments] {
			return true
		}
	case "retrain":
		if given["resume"] {
			return ofRetraining(name)
		}
	}
	return (given["run"] || given["resume"]) && ofNewRuns(name)
}

// ofNewRuns reports whether a flag is a setting that a run keeps from its start, or a preset of them.
func ofNewRuns(flag string) bool {
	is := func(s setting) bool { return s.flag == flag }
	kept := joined(supernetSettings, imageSettings, augmentSettings, trainSettings, recipeSetting, networkSeeds)
	return flag == presetFlag.Name || slices.ContainsFunc(kept, is) && !slices.ContainsFunc(keptSettings, is) && flag != "data-dir"
}

// onCommandLine reports whether the command line gave a flag, and no variable.
func onCommandLine(c *cli.Context, flag string) bool {
	added, _ := c.App.Metadata[environmentKey].([]string)
	return c.IsSet(flag) && !slices.Contains(added, flag)
}

// byVariable reports whether a variable gave a flag.
func byVariable(c *cli.Context, flag string) bool { return c.IsSet(flag) && !onCommandLine(c, flag) }

// namesVariables adds to the text of an error the variables that gave the flags in it.
func namesVariables(text string, added []string) string {
	var from []string
	for _, flag := range added {
		if i := strings.Index(text, "--"+flag); i >= 0 && !strings.HasPrefix(text[i+2+len(flag):], "-") {
			from = append(from, variableOf(flag))
		}
	}
	if len(from) == 0 {
		return text
	}
	return text + " (the environment has " + strings.Join(from, " and ") + ")"
}

// plainFlag is the help of a flag as the cli package writes it.
var plainFlag = cli.FlagStringer

// flagHelp is the help of a flag, with its variable.
func flagHelp(f cli.Flag) string {
	if name := f.Names()[0]; name != "help" && name != "version" {
		return plainFlag(f) + " [$" + variableOf(name) + "]"
	}
	return plainFlag(f)
}
