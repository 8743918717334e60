package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

// output writes the result of a command: one JSON object with --json, otherwise the output of text.
func output(c *cli.Context, result any, text func(w io.Writer)) error {
	if c.Bool("json") {
		text, err := jsonText(result, "")
		if err == nil {
			_, err = fmt.Fprintln(c.App.Writer, string(text))
		}
		return err
	}
	return outputText(c.App.Writer, func(w io.Writer) error {
		text(w)
		return nil
	})
}

// outputText writes a text whose columns, divided by tabs, stand below each other.
func outputText(w io.Writer, text func(w io.Writer) error) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	return errors.Join(text(t), t.Flush())
}

// jsonText returns indented JSON. Every line but the first has a prefix.
func jsonText(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// outputFlags are the flags of every command.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "one JSON object on stdout and nothing else there", Category: catOutput},
		&cli.BoolFlag{Name: "quiet", Usage: "no progress and no logs but errors", Category: catOutput},
		logFlag,
	}
}

// number is a float64 that is null in JSON if it is not finite.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(f)
}

// byteSize formats a number of bytes for reading.
func byteSize(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// count formats a number of MACs or parameters for reading.
func count(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f G", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.2f M", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f k", n/1e3)
	}
	return fmt.Sprintf("%.0f", n)
}
