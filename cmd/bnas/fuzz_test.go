package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/supernet"
)

// errStopped ends a command before its work.
var errStopped = errors.New("stopped before the work")

// onlyValidate makes all commands end before they open an image, a device or a folder.
func onlyValidate(t testing.TB) {
	kept := beforeWork
	beforeWork = func() error { return errStopped }
	t.Cleanup(func() { beforeWork = kept })
}

// validates runs a command line up to its work. It must end soon, with an exit code of the help, and without a panic.
func validates(t *testing.T, args []string) (code int, stderr string) {
	t.Helper()
	start := time.Now()
	code, _, stderr = inProcess(args...)
	if code != exitOK && code != exitFailure && code != exitUsage {
		t.Errorf("%q: exit code %d: %s", args, code, stderr)
	}
	if strings.Contains(stderr, "internal error") || code != exitOK && strings.Count(stderr, "bnas: ") < 1 {
		t.Errorf("%q: %s", args, stderr)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("%q took %v", args, took)
	}
	return code, stderr
}

// needed are arguments without which a command does not look at the others.
var needed = map[string]string{
	"score": "all3x3", "eval": "all3x3", "ntk": "all3x3 --run x", "export": "all3x3 -o x", "plan": "all3x3", "bench": "",
	"trace": "all3x3 -o x --images x --labels x", "correlate": "--scores x --table x", "study": "fairness", "tensorboard": "x",
}

// extremes are numbers that overflow, or are below every range.
var extremes = []string{"9223372036854775807", "9223372036854775808", "0", "-5", "1e308", "NaN"}

// TestExtremeNumbers gives extreme numbers to each flag that takes a value. The largest and a negative one are wrong use,
// except where the value is a text. A setting is tried at the first command that has it, another flag at every command.
func TestExtremeNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand command lines")
	}
	onlyValidate(t)
	t.Chdir(t.TempDir())
	if err := os.Mkdir("x", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("x/config.yaml", []byte("seed: 0\n"), 0o666); err != nil { // the default settings
		t.Fatal(err)
	}
	tried := map[string]bool{}
	leaves(func(words []string, c *cli.Command) {
		if c.Name == "help" || c.Name == "version" {
			return
		}
		base := append(words[:len(words):len(words)], strings.Fields(needed[words[0]])...)
		for _, f := range c.Flags {
			d, ok := f.(interface {
				cli.DocGenerationFlag
				cli.CategorizableFlag
			})
			name := f.Names()[0]
			if !ok || !d.TakesValue() || name == "config" || d.GetCategory() != catCommand && tried[name] {
				continue
			}
			tried[name] = true
			_, placeholder, _ := strings.Cut(d.GetUsage(), "`")
			placeholder, _, _ = strings.Cut(placeholder, "`")
			for _, value := range extremes {
				line := append(base[:len(base):len(base)], "--"+name+"="+value)
				if name == "sample" {
					line = strings.Fields(strings.ReplaceAll(strings.Join(line, " "), "all3x3", ""))
				}
				code, stderr := validates(t, line)
				wrong := placeholder == "N" && (value == "9223372036854775808" && !strings.HasSuffix(name, "seed") || value == "-5" || value == "NaN") ||
					placeholder == "X" && (value == "NaN" || value == "-5")
				if wrong && code != exitUsage {
					t.Errorf("%q: exit code %d, want wrong use: %s", line, code, stderr)
				}
			}
		}
	})
}

// FuzzCommandLine runs command lines up to their work.
func FuzzCommandLine(f *testing.F) {
	for _, c := range commandCases {
		f.Add(c.args)
	}
	f.Add("score --top 9223372036854775807 --sample -5")
	f.Add("search --max-macs 1e999999999 --budget 9999999999999h")
	f.Add("-- -- --")
	f.Add("train --lr= --epochs=3 --=x -= - --- -h")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Fields(strings.ReplaceAll(line, "ARCH", cellArch))
		for _, a := range args {
			if strings.Contains(a, "config") || strings.Contains(a, "generate-bash-completion") {
				return // it reads the file that the value names
			}
		}
		onlyValidate(t)
		validates(t, args)
	})
}

// FuzzIndices: a list of indices is an error or architectures of the space, in ascending runs, as many as its ranges have.
func FuzzIndices(f *testing.F) {
	for _, seed := range []string{"0", "1-100,205", "3-3", "5-3", "-1", "1-", "15624", "15625", "0-99999999999999999999", " 7 ", ",", "1e3", "0x1", "+4"} {
		f.Add(seed)
	}
	space, err := supernet.Lookup("nas-bench-201")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 40 {
			return // many whole spaces
		}
		archs, err := ofIndices(space, text)
		if (err == nil) != (len(archs) > 0) {
			t.Errorf("%q: %d architectures, error %v", text, len(archs), err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q: the error has several lines: %v", text, err)
		}
		for _, a := range archs {
			if err := supernet.Validate(space, a); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
