package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"bnas.example/indicator"
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
	edge := func(op string) string { return strings.ReplaceAll("|OP~0|+|OP~0|OP~1|+|OP~0|OP~1|OP~2|", "OP", op) }
	var scores, table strings.Builder
	scores.WriteString("arch,canonical,dead,macs,naswot\n")
	table.WriteString("arch,test_accuracy,mine,unknown\n")
	for i, op := range []string{"nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3"} {
		naswot := ""
		if i > 0 {
			naswot = strconv.Itoa(i)
		}
		fmt.Fprintf(&scores, "%s,%d,false,%d,%s\n", edge(op), i, i, naswot)
		fmt.Fprintf(&table, "%s,%d,%s,\n", edge(op), i, naswot)
	}
	for name, text := range map[string]string{"scores.csv": scores.String(), "table.csv": table.String()} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
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
