package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v2"
)

// These are the formats of the log.
const (
	textLog = "text"
	jsonLog = "json" // each line of stderr is a JSON object
)

var logFlag = &cli.StringFlag{
	Name: "log-format", Usage: "lines of the log on stderr: `NAME` is text or json", Value: textLog, DefaultText: textLog, Category: catOutput,
	Action: func(_ *cli.Context, name string) error {
		if name != textLog && name != jsonLog {
			return usagef("--log-format %q: there is text and json", name)
		}
		return nil
	},
}

// logFormat returns the format of the log that a command line asks for. It is needed before the flags are read, because they may
// be wrong.
func logFormat(line []string) string {
	format := textLog
	for i, word := range line {
		switch name, value, hasValue := strings.Cut(word, "="); {
		case word == "--":
			return format
		case strings.TrimLeft(name, "-") != logFlag.Name:
		case hasValue:
			format = value
		case i+1 < len(line):
			format = line[i+1]
		}
	}
	return format
}

// logTo makes the default log one of lines of at least a level.
func logTo(w io.Writer, least slog.Level, format string) {
	o := &slog.HandlerOptions{Level: least}
	if format == jsonLog {
		slog.SetDefault(slog.New(slog.NewJSONHandler(w, o)))
		return
	}
	o.ReplaceAttr = dropTime
	slog.SetDefault(slog.New(slog.NewTextHandler(w, o)))
}

func dropTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

// report writes the error with which the program ends, in one line.
func report(w io.Writer, text, format string) {
	if format == jsonLog {
		slog.New(slog.NewJSONHandler(w, nil)).Error(text)
		return
	}
	fmt.Fprintln(w, "bnas: "+text)
}
