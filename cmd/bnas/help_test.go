package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestDidYouMean: a mistyped command or flag is wrong use, and the error has the right name.
func TestDidYouMean(t *testing.T) {
	for line, want := range map[string]string{
		"trian":                       `there is no command "trian", did you mean train?; see bnas --help`,
		"trian --help":                `there is no command "trian", did you mean train?; see bnas --help`,
		"space lst":                   `there is no command "lst", did you mean list?; see bnas space --help`,
		"space lst --help":            `there is no command "lst", did you mean list?; see bnas space --help`,
		"help trian":                  `there is no command "trian", did you mean train?; see bnas --help`,
		"help bench stp":              `there is no command "stp", did you mean step?; see bnas bench --help`,
		"help train x":                `bnas train has no command "x"; see bnas train --help`,
		"train --epoch 3":             "there is no flag --epoch, did you mean --epochs?; see bnas train --help",
		"train --epcohs=3":            "there is no flag --epcohs, did you mean --epochs?; see bnas train --help",
		"train --xyzzy":               "there is no flag --xyzzy; see bnas train --help",
		"bench step --repeat 1":       "there is no flag --repeat, did you mean --repeats?; see bnas bench step --help",
		"train --epochs":              "--epochs needs a value; see bnas train --help",
		"ntk --sample x":              `--sample: "x" is not a whole number; see bnas ntk --help`,
		"ntk --sample 1e99":           `--sample: "1e99" is not a whole number; see bnas ntk --help`,
		"ntk --json=x":                `--json is on or off: give it without "x", or as --json=false; see bnas ntk --help`,
		"score --columns nasw all3x3": `--columns "nasw": there is no such term`,
		"score --sort naswat all3x3":  `did you mean naswot?`,
		"--nonsense":                  "there is no flag --nonsense; see bnas --help",
	} {
		code, stdout, stderr := inProcess(strings.Fields(line)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %q", line, code, stdout, stderr, want)
		}
	}
}

// leaves calls f for each command without subcommands, with its words.
func leaves(f func(words []string, c *cli.Command)) {
	var walk func(words []string, commands []*cli.Command)
	walk = func(words []string, commands []*cli.Command) {
		for _, c := range commands {
			at := append(words[:len(words):len(words)], c.Name)
			if len(c.Subcommands) > 0 {
				walk(at, c.Subcommands)
			} else {
				f(at, c)
			}
		}
	}
	walk(nil, newApp(os.Stdout, os.Stderr).Commands)
}

// TestExtraArguments: a command without arguments refuses one, a command with one architecture refuses two.
func TestExtraArguments(t *testing.T) {
	leaves(func(words []string, c *cli.Command) {
		line := append(words[:len(words):len(words)], "all3x3", "all3x3")
		switch {
		case strings.HasSuffix(c.ArgsUsage, "…]"), strings.HasSuffix(c.ArgsUsage, "…"):
			return
		case c.Name == "export", c.Name == "trace":
			line = append(line, "-o", "x", "--channels", "2", "--cells", "1")
		}
		if c.Name == "import" {
			line = append(line, "all3x3")
		}
		if c.Name == "trace" {
			line = append(line, "--images", "x", "--labels", "x")
		}
		code, stdout, stderr := inProcess(line...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "argument") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	})
}

// TestHelpOfEveryCommand: bnas help COMMAND is the help of the command, with the default of each setting, and its flags in
// categories.
func TestHelpOfEveryCommand(t *testing.T) {
	leaves(func(words []string, c *cli.Command) {
		if c.Name == "help" { // the cli package shows the general help
			return
		}
		_, want, _ := inProcess(append(words[:len(words):len(words)], "--help")...)
		code, got, stderr := inProcess(append([]string{"help"}, words...)...)
		if code != exitOK || got != want || !strings.Contains(got, strings.Join(words, " ")+" - ") {
			t.Errorf("help %q: exit code %d, %q, %q", words, code, got, stderr)
		}
	})
	_, help, _ := inProcess("train", "--help")
	for _, want := range []string{
		"--epochs N ", "; 0…1000000 (default: 2)", "--data-dir DIR ", "--lr X ", "above 0 (default: ", "--max-time T ", "(default: none)",
		"\n   Training\n", "\n   Images\n", "\n   Machine\n", "\n   Output\n",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("the help of train has no %q:\n%s", want, help)
		}
	}
	if strings.Contains(help, "--max-macs") || strings.Contains(help, " value ") {
		t.Errorf("the help of train has a flag of another command, or one without a placeholder:\n%s", help)
	}
}

// TestVersion: the command, the flag and a program started by `go run` name the revision.
func TestVersion(t *testing.T) {
	code, stdout, _ := inProcess("version", "--json")
	if code != exitOK || !strings.Contains(stdout, `"version": "`+version()) {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if _, plain, _ := inProcess("--version"); !strings.Contains(plain, version()) {
		t.Errorf("--version is %q, version %q", plain, version())
	}
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		t.Skip("the sources are not in a git repository")
	}
	if revision := strings.TrimSpace(string(out)); !strings.Contains(version(), revision) && strings.Contains(os.Args[0], "go-build") {
		t.Errorf("version %q does not name the revision %s", version(), revision)
	}
}
