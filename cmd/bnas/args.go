package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/wholefile"
	"bnas.example/run"
)

// needs returns an error if one of the flags is not given, or is empty, or if --out is "-", which elsewhere is stdin.
func needs(c *cli.Context, names ...string) error {
	for _, name := range names {
		if !c.IsSet(name) || c.String(name) == "" {
			return usagef("%s needs --%s; see %s --help", c.Command.HelpName, name, c.Command.HelpName)
		}
		if name == "out" && c.String(name) == "-" {
			return usagef("%s writes a file, and --out - names none", c.Command.HelpName)
		}
		if name == "out" {
			if err := notKept(c.String(name)); err != nil {
				return err
			}
			if isPipe(c.String(name), os.Stdout) {
				return usagef("--out %s: the result is on stdout too, and would be in the file; name another file, such as >(COMMAND) in bash", c.String(name))
			}
		}
	}
	return nil
}

// isPipe reports whether a path leads to the pipe, or the socket, that is open as a file.
func isPipe(path string, open *os.File) bool {
	named, err := os.Stat(path)
	if err != nil || named.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 {
		return false
	}
	is, err := open.Stat()
	return err == nil && os.SameFile(named, is)
}

// notKept returns an error if a file to write is one of a run or of a ledger, which would be lost. Beside a Python file are its weights.
func notKept(path string) error {
	for _, file := range []string{path, strings.TrimSuffix(path, ".py") + ".safetensors"} {
		if run.Keeps(file) {
			return usagef("--out %s: the folder %s is of bnas, which keeps its own %s there; name another file", path, filepath.Dir(file), filepath.Base(file))
		}
	}
	return nil
}

// canWrite returns an error if a file cannot be written where it shall be. It is called before long work whose result goes there.
func canWrite(file string) error {
	if err := wholefile.Check(file); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// commandLine is the command line of this process.
func commandLine(c *cli.Context) []string { return c.App.Metadata[argsKey].([]string) }

// wordsWithout returns the words of the command of a command line, without the name of the program, and the rest without some flags.
func wordsWithout(app *cli.App, line, names []string) (command, rest []string) {
	head, known := commandOf(app, line)
	return line[1:head], without(line[head:], known, names)
}

// without leaves some flags, with their values, out of the words of a command line.
func without(words []string, known []cli.Flag, names []string) (left []string) {
	takes := takesValue(known)
	for i := 0; i < len(words); i++ {
		if words[i] == "--" {
			return append(left, words[i:]...)
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(words[i], "-"), "=")
		isFlag := strings.HasPrefix(words[i], "-")
		end := i
		if isFlag && takes[name] && !hasValue && i+1 < len(words) {
			end++
		}
		if !isFlag || !slices.Contains(names, name) {
			left = append(left, words[i:end+1]...)
		}
		i = end
	}
	return left
}

// intersperse moves the flags of a command before its arguments, because the cli package stops at the first argument.
// `bnas score ARCH --json` then works. Arguments after "--" stay in place. "-1 0 4" is an architecture and no flag. Where the help is asked
// for, nothing else is left: the cli package would look for a topic of the name of an argument.
func intersperse(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	head, flags := commandOf(app, args)
	takes := takesValue(flags)
	var options, rest []string
	for i := head; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' || strings.Contains(digits, a[1:2]) {
			rest = append(rest, a)
			continue
		}
		if a == "--help" || a == "-h" {
			return append(slices.Clone(args[:head]), a)
		}
		options = append(options, a)
		if takes[strings.TrimLeft(a, "-")] && i+1 < len(args) {
			i++
			options = append(options, args[i])
		}
	}
	out := slices.Clone(args[:head])
	out = append(out, options...)
	if len(rest) > 0 {
		out = append(out, "--")
	}
	return append(out, rest...)
}
