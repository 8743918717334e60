package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestWithEnvironment(t *testing.T) {
	app := newApp(os.Stdout, os.Stderr)
	for _, c := range []struct {
		name, line, want string
		environment      map[string]string
	}{
		{"a value", "bnas train --lr 1", "bnas train --threads=3 --lr 1", map[string]string{"BNAS_THREADS": "3"}},
		{"the command line decides", "bnas train --threads 1", "bnas train --threads 1", map[string]string{"BNAS_THREADS": "3"}},
		{"with =", "bnas train --threads=1", "bnas train --threads=1", map[string]string{"BNAS_THREADS": "3"}},
		{"another name", "bnas export -o x -- ARCH", "bnas export -o x -- ARCH", map[string]string{"BNAS_OUT": "y"}},
		{"a switch", "bnas bench step", "bnas bench step --json=1", map[string]string{"BNAS_JSON": "1"}},
		{"empty", "bnas train", "bnas train", map[string]string{"BNAS_THREADS": ""}},
		{"not of this command", "bnas version", "bnas version", map[string]string{"BNAS_THREADS": "3"}},
		{"arguments stay behind", "bnas score -- ARCH", "bnas score --space=darts -- ARCH", map[string]string{"BNAS_SPACE": "darts"}},
		{"help", "bnas train --help", "bnas train --help", map[string]string{"BNAS_THREADS": "x"}},
		{"no command", "bnas", "bnas", map[string]string{"BNAS_THREADS": "3"}},
		{"one of two", "bnas train --steps 9", "bnas train --steps 9", map[string]string{"BNAS_EPOCHS": "3"}},
		{"a run has its own", "bnas score --run x -- ARCH", "bnas score --threads=3 --run x -- ARCH", map[string]string{"BNAS_CELLS": "3", "BNAS_WEIGHT_SEED": "1", "BNAS_THREADS": "3"}},
		{"a run has its own preset", "bnas search --run x", "bnas search --run x", map[string]string{"BNAS_PRESET": "bn-nas"}},
		{"a resumed run stays", "bnas train --resume x", "bnas train --data-dir=d --resume x", map[string]string{"BNAS_OUT": "y", "BNAS_LR": "1", "BNAS_PRESET": "bn-nas", "BNAS_DATA_DIR": "d"}},
		{"architectures are named", "bnas score -- ARCH", "bnas score --threads=3 -- ARCH", map[string]string{"BNAS_SAMPLE": "3", "BNAS_ALL": "1", "BNAS_FILE": "x", "BNAS_THREADS": "3"}},
		{"architectures are drawn", "bnas score --sample 3", "bnas score --sample 3", map[string]string{"BNAS_ALL": "1", "BNAS_FILE": "x"}},
		{"architectures are found", "bnas retrain --from x", "bnas retrain --from x", map[string]string{"BNAS_INDEX": "3", "BNAS_FILE": "x"}},
		{"a retraining has its own", "bnas retrain --resume x", "bnas retrain --data-dir=d --max-time=1h --threads=3 --resume x",
			map[string]string{"BNAS_SEED": "3", "BNAS_TOP": "3", "BNAS_DATA_DIR": "d", "BNAS_METRICS_EVERY": "3", "BNAS_MAX_TIME": "1h", "BNAS_THREADS": "3"}},
		{"a run of a variable has its own", "bnas score -- ARCH", "bnas score --run=x --threads=3 -- ARCH", map[string]string{"BNAS_RUN": "x", "BNAS_CELLS": "3", "BNAS_THREADS": "3"}},
		{"a run of a variable has its own preset", "bnas search", "bnas search --run=x", map[string]string{"BNAS_RUN": "x", "BNAS_PRESET": "bn-nas"}},
		{"a new folder", "bnas train --out x", "bnas train --out x", map[string]string{"BNAS_RESUME": "y"}},
		{"a cell has one process", "bnas study --cell x -- ntk", "bnas study --cell x -- ntk", map[string]string{"BNAS_WORKERS": "2", "BNAS_GPUS": "all"}},
		{"a server is named", "bnas search --nats u", "bnas search --nats u", map[string]string{"BNAS_LISTEN": "h:1"}},
		{"a space is named", "bnas space info -- darts", "bnas space info -- darts", map[string]string{"BNAS_SPACE": "x"}},
		{"a plan is for a GPU", "bnas plan -- ARCH", "bnas plan --batch=3 -- ARCH", map[string]string{"BNAS_DEVICE": "cpu", "BNAS_BATCH": "3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.environment {
				t.Setenv(name, value)
			}
			line, added := withEnvironment(app, strings.Fields(c.line))
			if got := strings.Join(line, " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if n := len(line) - len(strings.Fields(c.line)); n != len(added) {
				t.Errorf("%d words more, and the flags %q", n, added)
			}
		})
	}
}

// TestVariablesInErrorsAndHelp: an error names the variable of a wrong value, the help that of each flag; a variable without an effect
// is no error, where the flag is one.
func TestVariablesInErrorsAndHelp(t *testing.T) {
	onlyValidate(t)
	t.Setenv("BNAS_LR", "fast")
	if code, _, stderr := inProcess("train"); code != exitUsage || stderr != "bnas: --lr: \"fast\" is not a number (the environment has BNAS_LR)\n" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if _, help, _ := inProcess("train", "--help"); !strings.Contains(help, "[$BNAS_CHECKPOINT_EVERY]") {
		t.Error("the help of train names no variable")
	}
	t.Setenv("BNAS_LR", "")
	t.Setenv("BNAS_DATA_DIR", "somewhere")
	if _, _, stderr := inProcess("train", "--out", "x"); !strings.Contains(stderr, errStopped.Error()) {
		t.Errorf("a variable without an effect: %s", stderr)
	}
	if code, _, _ := inProcess("train", "--out", "x", "--data-dir", "somewhere"); code != exitUsage {
		t.Errorf("a flag without an effect has the exit code %d", code)
	}
}

// TestVariablesWithoutEffect: where a flag would be an error because it has no effect, its variable has none.
func TestVariablesWithoutEffect(t *testing.T) {
	for _, c := range []struct{ variable, value, line, flag string }{
		{"BNAS_TOP", "5", "retrain all3x3 --out x", "--top 5"},
		{"BNAS_FORMAT", "onnx", "export all3x3 -o x.py", "--format onnx"},
		{"BNAS_FOLD", "1", "export all3x3 -o x.safetensors", "--fold"},
		{"BNAS_FINALISTS", "2", "study fairness --quick", "--finalists 2"},
		{"BNAS_PATH", "all3x3", "train --out x", "--path all3x3"},
		{"BNAS_CELLS", "2", "train --space nas-bench-macro --out x", "--cells 2"},
		{"BNAS_STEM", "cifar", "train --out x", "--stem cifar"},
		{"BNAS_NATS", "nats://127.0.0.1:2", "worker --join nats://127.0.0.1:1 --token 01234567890123456789", "--nats nats://127.0.0.1:2"},
		{"BNAS_JOIN", "nats://127.0.0.1:2", "worker --nats nats://127.0.0.1:1", "--join nats://127.0.0.1:2"},
	} {
		t.Run(c.variable, func(t *testing.T) {
			onlyValidate(t)
			if code, _, stderr := line(c.line + " " + c.flag); code != exitUsage {
				t.Errorf("the flag is no error: exit code %d: %s", code, stderr)
			}
			t.Setenv(c.variable, c.value)
			if _, _, stderr := line(c.line); !strings.Contains(stderr, errStopped.Error()) {
				t.Error(stderr)
			}
		})
	}
	t.Chdir(t.TempDir())
	t.Setenv("BNAS_WORKERS", "2")
	if _, _, stderr := line("search --run none --run other"); !strings.Contains(stderr, "none is not a run folder") {
		t.Errorf("workers for several runs: %s", stderr)
	}
	succeeds(t, "search --strategy pruning --terms te_ntk,te_regions --composite te-nas --quiet --out pruned "+netFlags+" "+fewFlags)
	t.Setenv("BNAS_WORKERS", "")
	t.Setenv("BNAS_ARCH_COLUMN", "a")
	if _, _, stderr := line("study fairness --quick --cell none"); !strings.Contains(stderr, `"none"`) {
		t.Errorf("a column without a table: %s", stderr)
	}
}

// TestDataDirOfBuiltInImages: BNAS_DATA_DIR has no effect with the built-in images, also in a run that has them.
func TestDataDirOfBuiltInImages(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("BNAS_DATA_DIR", "nowhere")
	small := " --channels 4 --cells 1 --height 8 --width 8 --batch 4 --steps 1 --rank-every 0 --quiet"
	succeeds(t, "train --out r"+small)
	succeeds(t, "train --resume r --steps 2 --quiet")
	succeeds(t, "score --run r --terms params all3x3 --quiet")
	succeeds(t, "score --terms macs all3x3 --channels 4 --cells 1 --quiet")
	succeeds(t, "retrain all3x3 --test-images 4 --out own"+strings.ReplaceAll(small, " --rank-every 0", ""))
	succeeds(t, "retrain --resume own --quiet")
}

// TestLogFormat: the log and the last error are JSON, one object a line, also if the flags are wrong.
func TestLogFormat(t *testing.T) {
	for _, line := range []string{"train --lr fast --log-format json", "--nonsense --log-format=json", "score --log-format json"} {
		_, _, stderr := inProcess(strings.Fields(line)...)
		if !strings.HasPrefix(stderr, `{"time":`) || !strings.Contains(stderr, `"level":"ERROR","msg":"`) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: %s", line, stderr)
		}
	}
	if code, _, stderr := inProcess("version", "--log-format", "xml"); code != exitUsage || !strings.Contains(stderr, `--log-format "xml": there is text and json`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if got := logFormat([]string{"bnas", "score", "--", "--log-format", "json"}); got != textLog {
		t.Errorf("an argument is taken for the flag: %s", got)
	}
}

func TestSuggestions(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"fair", "fast"} {
		if err := os.MkdirAll("runs/"+name, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("runs/"+name+"/config.yaml", nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]string{
		"tra|":                           "train trace",
		"runs |":                         "ls check show compare rm gc",
		"runs show f|":                   "fair fast",
		"runs rm --yes fai|":             "fair",
		"runs show --runs elsewhere f|":  "",
		"train --ep|":                    "--epochs --eps",
		"train --space darts --schedule": "--schedule",
		"train --device c|":              "cpu",
		"train --config |":               "",
		"train --log-format |":           "text json",
		"help sp|":                       "space",
		"completion |":                   "bash zsh fish powershell",
		"export |":                       "",
	} {
		words := strings.Split(strings.TrimSuffix(line, "|"), " ")
		_, got, stderr := inProcess(append(words, suggestFlag)...)
		found, expected := strings.Fields(got), strings.Fields(want)
		slices.Sort(found)
		slices.Sort(expected)
		if !slices.Equal(found, expected) || stderr != "" {
			t.Errorf("%q: %q, want %q; %s", line, found, expected, stderr)
		}
	}
}

// TestCompletionInShells: the script of a shell completes the value of a flag, and a command. A shell that is not there is left out.
func TestCompletionInShells(t *testing.T) {
	for _, c := range []struct{ shell, flags, script string }{
		{"bash", "", `source <(bnas completion bash)
COMP_WORDS=(bnas train --space nas-bench-1) COMP_CWORD=3
_bnas; echo "${COMPREPLY[@]}"
COMP_WORDS=(bnas runs "") COMP_CWORD=2
_bnas; echo "${COMPREPLY[@]}"`},
		{"zsh", "-f", `compdef() { }; compadd() { shift; echo "$@" }
source <(bnas completion zsh)
words=(bnas train --space nas-bench-1) CURRENT=4; _bnas
words=(bnas runs "") CURRENT=3; _bnas`},
		{"fish", "--no-config", `bnas completion fish | source
complete -C "bnas train --space nas-bench-1"
echo (complete -C "bnas runs ")
complete -C "bnas score --file environ"`},
	} {
		t.Run(c.shell, func(t *testing.T) {
			shell, err := exec.LookPath(c.shell)
			if err != nil {
				t.Skip("it is not there")
			}
			out, err := exec.Command(shell, append(strings.Fields(c.flags), "-c", c.script)...).CombinedOutput()
			commands := "ls check show compare rm gc"
			if c.shell == "fish" { // it sorts them, and completes a file
				commands = "check compare gc ls rm show\nenvironment.go\nenvironment_test.go"
			}
			if want := "nas-bench-101\n" + commands + "\n"; err != nil || string(out) != want {
				t.Errorf("%v: %q, want %q", err, out, want)
			}
		})
	}
}
