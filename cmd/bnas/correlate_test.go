package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// Terms that most architectures have alike are named; those that all have alike are so already.
func TestEqualText(t *testing.T) {
	var b strings.Builder
	equalText(&b, []indicator.Correlation{
		{Name: "te_regions", N: 10, Equal: 6, Tau: 0.1},
		{Name: "depth", N: 10, Equal: 5, Tau: 0.1},
		{Name: "flat", N: 10, Equal: 10, Tau: math.NaN()},
	})
	if want := "te_regions has one value in 6 of 10\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// TestTermsThatSomeLackAreNamed: correlate says which terms it leaves out, because some of the architectures lack them. A column of the user's own
// that has no value for any of them is an error.
func TestTermsThatSomeLackAreNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	var scores, table strings.Builder
	scores.WriteString("arch,canonical,dead,macs,naswot\n")
	table.WriteString("arch,test_accuracy,mine,unknown\n")
	for i, op := range []string{"nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3"} {
		naswot := ""
		if i > 0 {
			naswot = strconv.Itoa(i)
		}
		fmt.Fprintf(&scores, "%s,%s,false,%d,%s\n", edge(op), canonicalOf(t, edge(op)), i, naswot)
		fmt.Fprintf(&table, "%s,%d,%s,\n", edge(op), i, naswot)
	}
	writeFiles(t, map[string]string{"scores.csv": scores.String(), "table.csv": table.String()})
	correlate := "correlate --scores scores.csv --table table.csv --resamples 3"
	if out := succeeds(t, correlate+" --proxy-column mine"); !strings.Contains(out, "\nnaswot is left out: only 3 of 4 live architectures have it;") || !strings.Contains(out, "\nproxy mine (of 3)") {
		t.Errorf("%s", out)
	}
	var got struct{ Partial []indicator.Partial }
	if err := json.Unmarshal([]byte(succeeds(t, correlate+" --json")), &got); err != nil || len(got.Partial) != 1 || got.Partial[0] != (indicator.Partial{Name: "naswot", N: 3, Of: 4}) {
		t.Errorf("%+v, %v", got, err)
	}
	if code, _, stderr := line(correlate + " --proxy-column unknown"); code != exitFailure || !strings.Contains(stderr, `table.csv: column "unknown" has no value for any of the 4 scored architectures`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestEqualSubsetsAreJudgedOnce: a subset that is the one before it has its figures.
func TestEqualSubsetsAreJudgedOnce(t *testing.T) {
	live, twin, other, dead := indicator.Scores{Canonical: "a"}, indicator.Scores{Canonical: "a"}, indicator.Scores{Canonical: "b"}, indicator.Scores{Dead: true}
	for _, c := range []struct {
		scores []indicator.Scores
		sizes  []int // of the subsets
		judged int
	}{
		{[]indicator.Scores{live, other}, []int{2, 2, 2}, 1},
		{[]indicator.Scores{live, other, dead}, []int{3, 2, 2}, 2},
		{[]indicator.Scores{live, twin, other}, []int{3, 3, 2}, 2},
		{[]indicator.Scores{live, twin, other, dead}, []int{4, 3, 2}, 3},
	} {
		for i := range c.scores {
			c.scores[i].Arch = fmt.Sprint(i)
		}
		judged := 0
		var told []int
		done := func(n int) { told = append(told, n) }
		all, err := judgeSubsets(indicator.SetOf(c.scores), make([]float64, len(c.scores)), done, func(some indicator.ScoreSet, truth []float64) (correlated, error) {
			judged++
			return correlated{Architectures: some.Len(), Terms: []indicator.Correlation{{N: len(truth)}}}, nil
		})
		if err != nil || len(all) != len(c.sizes) || judged != c.judged {
			t.Fatalf("%+v, %v: judged %d times, want %d", all, err, judged, c.judged)
		}
		if !slices.Equal(told, []int{1, 2, 3}) {
			t.Errorf("told of %v subsets", told)
		}
		for i, one := range all {
			if one.Subset != indicator.Subsets()[i] || one.Architectures != c.sizes[i] || one.Terms[0].N != c.sizes[i] {
				t.Errorf("%+v, want %d architectures of %s", one, c.sizes[i], indicator.Subsets()[i])
			}
		}
	}
}

// TestTermsThatSomeRunLacks: the counts of several runs are of the architectures that are judged, as those of one are.
func TestTermsThatSomeRunLacks(t *testing.T) {
	t.Chdir(t.TempDir())
	a, b, table := "arch,canonical,dead,macs,naswot\n", "arch,canonical,dead,macs,naswot\n", "arch,test_accuracy\n"
	for i, op := range []string{"nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3"} {
		row := fmt.Sprintf("%s,%s,false,%d,", edge(op), canonicalOf(t, edge(op)), i)
		a += row + map[bool]string{true: "", false: "1"}[i == 1] + "\n"
		b += row + map[bool]string{true: "", false: "1"}[i == 3] + "\n"
		if i < 3 {
			table += fmt.Sprintf("%s,%d\n", edge(op), i)
		}
	}
	writeFiles(t, map[string]string{"a.csv": a, "b.csv": b, "table.csv": table})
	correlate := "correlate --scores a.csv --scores b.csv --table table.csv --resamples 3"
	var got struct{ Partial []indicator.Partial }
	if err := json.Unmarshal([]byte(succeeds(t, correlate+" --json")), &got); err != nil || len(got.Partial) != 1 || got.Partial[0] != (indicator.Partial{Name: "naswot", N: 2, Of: 3, Scores: "a.csv"}) {
		t.Errorf("%+v, %v", got, err)
	}
	if out := succeeds(t, correlate); !strings.Contains(out, "\nnaswot is left out: only 2 of 3 live architectures have it in a.csv;") {
		t.Errorf("%s", out)
	}
}

// TestRowsOfScoresThatTheSpaceDenies: a score file is believed only where the space says the same of an architecture.
func TestRowsOfScoresThatTheSpaceDenies(t *testing.T) {
	t.Chdir(t.TempDir())
	ops := []string{"nor_conv_3x3", "nor_conv_1x1", "skip_connect", "none"}
	good := "arch,canonical,dead,macs\n"
	for i, op := range ops {
		good += fmt.Sprintf("%s,%s,%v,%d\n", edge(op), canonicalOf(t, edge(op)), op == "none", i)
	}
	third := fmt.Sprintf("%s,%s,false,2\n", edge("skip_connect"), canonicalOf(t, edge("skip_connect")))
	for name, c := range map[string]struct{ row, want string }{
		"no architecture":  {"rubbish,rubbish,false,2\n", `line 4: "rubbish" is no architecture of nas-bench-201: `},
		"another space":    {"00000000,00000000,false,2\n", "it is an architecture of nas-bench-macro"},
		"canonical form":   {edge("skip_connect") + "," + canonicalOf(t, edge("nor_conv_3x3")) + ",false,2\n", "line 4: the canonical form of "},
		"dead":             {edge("skip_connect") + "," + canonicalOf(t, edge("skip_connect")) + ",true,2\n", "is false, and not true"},
		"other figures":    {third + strings.Replace(third, ",2\n", ",3\n", 1), "lines 4 and 5 have different scores"},
		"the same figures": {third + third, ""},
	} {
		writeFiles(t, map[string]string{"scores.csv": strings.Replace(good, third, c.row, 1), "table.csv": "arch,test_accuracy\n" + edge(ops[0]) + ",1\n" + edge(ops[1]) + ",2\n" + edge(ops[3]) + ",3\n"})
		code, stdout, stderr := line("correlate --scores scores.csv --table table.csv --resamples 3 --quiet")
		if c.want == "" {
			if code != exitOK {
				t.Errorf("%s: exit code %d: %s", name, code, stderr)
			}
			continue
		}
		if code != exitFailure || stdout != "" || !strings.Contains(stderr, "scores.csv: line") || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d: %s%s", name, code, stdout, stderr)
		}
	}
}

// TestScoresOfAnotherSpace: two spaces can write their architectures alike. The setup of the scores tells them apart.
func TestScoresOfAnotherSpace(t *testing.T) {
	t.Chdir(t.TempDir())
	succeeds(t, "score --space proxylessnas --terms params --images 8 --ntk-images 2 --channels 8 --height 32 --width 32 --sample 4 --out s.csv --quiet")
	correlate := "correlate --scores s.csv --table s.csv --accuracy-column params --resamples 3 --quiet --space "
	code, _, stderr := line(correlate + "fairnas")
	if want := "bnas: s.csv: the scores are of the space proxylessnas, and not of fairnas: add --space proxylessnas\n"; code != exitFailure || stderr != want {
		t.Errorf("exit code %d: %s, want %s", code, stderr, want)
	}
	succeeds(t, correlate+"proxylessnas")
}

// edge is the cell of NAS-Bench-201 with an operator at every place.
func edge(op string) string {
	return strings.ReplaceAll("|OP~0|+|OP~0|OP~1|+|OP~0|OP~1|OP~2|", "OP", op)
}

func canonicalOf(t *testing.T, arch string) string {
	t.Helper()
	space, err := supernet.Lookup("nas-bench-201")
	if err != nil {
		t.Fatal(err)
	}
	a, err := space.Parse(arch)
	if err != nil {
		t.Fatal(err)
	}
	return space.Canonical(a)
}

func writeFiles(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
