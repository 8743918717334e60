package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// scoreFew scores architectures with all that takes no time.
const scoreFew = "score --terms params,macs --sample 12 --seed 3 --quiet " + netFlags + " " + fewFlags

// TestProvenanceOfScores: a ledger and a file of scores say where they come from, and bnas correlate says it of both, as text and as JSON.
func TestProvenanceOfScores(t *testing.T) {
	t.Chdir(t.TempDir())
	var program versionResult
	for _, args := range []string{" --out ledger", " --out own.csv", " --workers 1 --out far.csv"} {
		if out, err := exec.Command("bnas", strings.Fields(scoreFew+" --threads 2"+args)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, out)
		}
	}
	if out, err := exec.Command("bnas", "version", "--json").Output(); err != nil || json.Unmarshal(out, &program) != nil || program.Version == "" {
		t.Fatalf("%v: %s", err, out)
	}
	liveTable(t, "own.csv", "table.csv")
	for _, test := range []struct {
		scores  string
		threads int
	}{{"ledger", 2}, {"own.csv", 2}, {"far.csv", 0}} {
		correlate := "correlate --resamples 5 --table table.csv --scores " + test.scores
		var result struct {
			Scored []struct{ Setup run.Setup }
		}
		if err := json.Unmarshal([]byte(succeeds(t, correlate+" --json")), &result); err != nil {
			t.Fatal(err)
		}
		got := result.Scored[0].Setup
		if got.Device == "reference" && test.threads > 0 {
			test.threads = runtime.GOMAXPROCS(0) // it takes every core
		}
		if len(got.Made) != 1 || !strings.HasPrefix(got.Made[0].Version, program.Version) || got.Made[0].Threads != test.threads {
			t.Fatalf("%s: made by %+v, want %s with %d threads", test.scores, got.Made, program.Version, test.threads)
		}
		if got.Arithmetic == "" || len(got.Data) != 64 || got.Seed != 3 || got.ScoreSeed != 3 {
			t.Errorf("%s: %+v", test.scores, got)
		}
		stdout := succeeds(t, correlate)
		for _, want := range []string{fmt.Sprintf("device %s, %s; data %s\n", got.Device, got.Arithmetic, got.Data[:12]), "\nmade by  " + got.Made[0].String() + "\n"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: no %q in\n%s", test.scores, want, stdout)
			}
		}
	}
}

// TestSetupOfOlderScores: what an older program did not say is null, and what lies beside a file of one's own is no fault.
func TestSetupOfOlderScores(t *testing.T) {
	t.Chdir(t.TempDir())
	succeeds(t, scoreFew+" --out own.csv")
	liveTable(t, "own.csv", "table.csv")
	from, err := search.ReadProvenance("own.csv")
	if err != nil {
		t.Fatal(err)
	}
	from.Made = nil
	delete(from.Key, "arithmetic")
	older, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	for beside, want := range map[string]string{
		string(older): `"made": null`, "": `"setup": null`, `[1]`: `"setup": null`, `{"networks":"12"}`: `"setup": null`,
	} {
		if err := os.WriteFile("own.json", []byte(beside), 0o666); err != nil {
			t.Fatal(err)
		}
		if stdout := succeeds(t, "correlate --resamples 5 --table table.csv --scores own.csv --json"); !strings.Contains(stdout, want) {
			t.Errorf("beside it %q: no %s", beside, want)
		}
		if stdout := succeeds(t, "correlate --resamples 5 --table table.csv --scores own.csv"); strings.Contains(stdout, "made by") {
			t.Errorf("beside it %q:\n%s", beside, stdout)
		}
	}
}

// TestScoresFileIsWhole: where --out FILE.csv or its provenance cannot be written, the command says so in one line, and leaves what is there.
func TestScoresFileIsWhole(t *testing.T) {
	for _, test := range []struct {
		name  string
		there map[string]string // files; a name that ends in / is a folder
		out   string
		code  int
		says  string
	}{
		{"no folder", nil, "none/own.csv", exitFailure, "none"},
		{"a list of one's own", map[string]string{"own.json": "[1]"}, "own.csv", exitUsage, "own.json"},
		{"an empty file", map[string]string{"own.json": ""}, "own.csv", exitUsage, "own.json"},
		{"a folder", map[string]string{"own.json/": ""}, "own.csv", exitUsage, "own.json"},
		{"a folder with the name in capitals", map[string]string{"own.json/": ""}, "own.CSV", exitUsage, "own.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for name, text := range test.there {
				var err error
				if dir, ok := strings.CutSuffix(name, "/"); ok {
					err = os.Mkdir(dir, 0o777)
				} else {
					err = os.WriteFile(name, []byte(text), 0o666)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			code, stdout, stderr := line(scoreFew + " --out " + test.out)
			wantOneLine(t, stderr)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.says) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			left, err := os.ReadDir(".")
			if err != nil || len(left) != len(test.there) {
				t.Errorf("%v is left, %v", left, err)
			}
			for name, text := range test.there {
				if got, err := os.ReadFile(name); !strings.HasSuffix(name, "/") && (err != nil || string(got) != text) {
					t.Errorf("%s has %q, %v", name, got, err)
				}
			}
		})
	}
}

// TestReplacedScoresFile: the provenance is that of the scores beside it. Where it cannot be replaced, the older scores stay.
func TestReplacedScoresFile(t *testing.T) {
	t.Chdir(t.TempDir())
	succeeds(t, scoreFew+" --out own.csv")
	succeeds(t, strings.Replace(scoreFew, "--seed 3", "--seed 4", 1)+" --out own.csv")
	if setup, err := run.ReadSetup("own.csv"); err != nil || setup.Seed != 4 {
		t.Errorf("the setup of the second scores: %+v, %v", setup, err)
	}
	before := readPage(t, "own.csv")
	l := scoredList{archs: &supernet.List{}, from: func() (search.Provenance, error) { return search.Provenance{}, nil }}
	if err := errors.Join(os.Remove("own.json"), os.MkdirAll("own.json/full", 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := l.save("own.csv", 1); err == nil || !strings.Contains(err.Error(), "own.json") {
		t.Errorf("a provenance that cannot be replaced: %v", err)
	}
	if after := readPage(t, "own.csv"); after != before {
		t.Errorf("the scores became %q", after)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) != 2 {
		t.Errorf("%v is left, %v", left, err)
	}
}
