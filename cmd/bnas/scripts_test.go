package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"bnas.example/run"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bnas": main, "natsServer": natsServer})
}

// TestScripts runs the scripts in testdata/script. They call the program as a user does.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"json":   isJSON,
			"await":  await,
			"losses": sameLosses,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "gpu":
				return run.GPUPresent(), nil
			case "emulator":
				return emulates(), nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
	})
}

// emulates reports whether this build has the emulated GPU.
func emulates() bool {
	cfg := run.Default()
	cfg.Device = "gpu-emulated"
	d, err := run.OpenDevice(cfg, run.Options{})
	if err == nil {
		d.Close()
	}
	return err == nil
}

// sameLosses FILE FILE TOLERANCE checks that the losses of two metrics files agree at each step.
func sameLosses(ts *testscript.TestScript, neg bool, args []string) {
	a, b := losses(ts, args[0]), losses(ts, args[1])
	tolerance, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	if len(a) == 0 || len(a) != len(b) {
		ts.Fatalf("%d losses and %d", len(a), len(b))
	}
	for i := range a {
		if !(math.Abs(a[i]-b[i]) <= tolerance) {
			ts.Fatalf("line %d: loss %v and %v", i, a[i], b[i])
		}
	}
}

// losses returns the losses in a metrics file.
func losses(ts *testscript.TestScript, file string) (list []float64) {
	for line := range strings.Lines(ts.ReadFile(file)) {
		var m struct{ Loss *float64 }
		ts.Check(json.Unmarshal([]byte(line), &m))
		if m.Loss != nil {
			list = append(list, *m.Loss)
		}
	}
	return list
}

// exits CODE COMMAND… runs a command and checks its exit code. stdout and stderr then check its output, as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	var exit *exec.ExitError
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			exit = e
		}
		if exit == nil {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// isJSON [KEY=VALUE…] checks that the stdout of the last command is one JSON object with these top-level values.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	var got map[string]any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &got); err != nil {
		ts.Fatalf("stdout is not one JSON object: %v", err)
	}
	for _, a := range args {
		key, want := keyValue(a)
		text, err := json.Marshal(got[key])
		ts.Check(err)
		if string(text) != want {
			ts.Fatalf("%s is %s, want %s", key, text, want)
		}
	}
}

// await FILE waits until the file exists.
func await(ts *testscript.TestScript, neg bool, args []string) {
	for range 600 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s is not there after 30 s", args[0])
}

func keyValue(a string) (key, value string) {
	i := slices.Index([]byte(a), '=')
	if i < 0 {
		return a, "null"
	}
	return a[:i], a[i+1:]
}

func TestSettingsNameFields(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range allSettings() {
		c := run.Default()
		if _, _, err := fieldAt(reflect.ValueOf(&c).Elem(), s.path); err != nil {
			t.Errorf("--%s: %v", s.flag, err)
		}
		if seen[s.flag] {
			t.Errorf("--%s twice", s.flag)
		}
		seen[s.flag] = true
	}
}

func TestIntersperse(t *testing.T) {
	app := newApp(os.Stdout, os.Stderr)
	for _, c := range []struct{ in, want []string }{
		{[]string{"bnas"}, []string{"bnas"}},
		{[]string{"bnas", "space", "show", "ARCH", "--json"}, []string{"bnas", "space", "show", "--json", "--", "ARCH"}},
		{[]string{"bnas", "export", "ARCH", "-o", "F", "--seed", "3"}, []string{"bnas", "export", "-o", "F", "--seed", "3", "--", "ARCH"}},
		{[]string{"bnas", "export", "-o=F", "A", "B"}, []string{"bnas", "export", "-o=F", "--", "A", "B"}},
		{[]string{"bnas", "eval", "--", "--json"}, []string{"bnas", "eval", "--", "--json"}},
		{[]string{"bnas", "score", "-1 0 4", "--seed", "-1"}, []string{"bnas", "score", "--seed", "-1", "--", "-1 0 4"}},
		{[]string{"bnas", "nonsense", "--json"}, []string{"bnas", "--json", "--", "nonsense"}},
	} {
		if got := intersperse(app, c.in); !slices.Equal(got, c.want) {
			t.Errorf("intersperse(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// TestEveryCommand checks that each command has a usage line, an example, the common flags, and for each flag a category and
// a placeholder.
func TestEveryCommand(t *testing.T) {
	var walk func(commands []*cli.Command)
	walk = func(commands []*cli.Command) {
		for _, c := range commands {
			if len(c.Subcommands) > 0 {
				walk(c.Subcommands)
				continue
			}
			if c.Usage == "" || len(c.Description) < len(exitHelp)+10 {
				t.Errorf("%s: no usage or no example", c.Name)
			}
			var names []string
			for _, f := range c.Flags {
				names = append(names, f.Names()...)
			}
			for _, want := range []string{"json", "quiet"} {
				if !slices.Contains(names, want) {
					t.Errorf("%s has no --%s", c.Name, want)
				}
			}
			for _, f := range c.Flags {
				d, ok := f.(interface {
					cli.DocGenerationFlag
					cli.CategorizableFlag
				})
				if !ok || d.GetCategory() == "" {
					t.Errorf("%s: --%s has no category", c.Name, f.Names()[0])
					continue
				}
				if d.TakesValue() && strings.Count(d.GetUsage(), "`") != 2 {
					t.Errorf("%s: --%s has no placeholder: %s", c.Name, f.Names()[0], d.GetUsage())
				}
			}
		}
	}
	walk(newApp(os.Stdout, os.Stderr).Commands)
}
