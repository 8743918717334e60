package cost

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	ncuLaunches = `==PROF== Connected to process 7
{"arch": "all3x3",
  "Metric Name": 1}
"ID","Process ID","Kernel Name","Context","Metric Name","Metric Unit","Metric Value"
"0","7","conv","1","gpu__time_duration.sum","ns","9,999"
"0","7","conv","1","smsp__inst_executed.sum","inst","1,100"
"1","7","conv(int)","1","smsp__inst_executed.sum","inst","900"
"2","7","loss","1","smsp__inst_executed.sum","inst","120"
==WARNING== one more line
`
	ncuSummary = `"Process ID","Kernel Name","Block Size","Invocations","Metric Name","Metric Unit","Minimum","Maximum","Average"
"7","conv","(256, 1, 1)","1","smsp__inst_executed.sum","inst","1,100","1,100","1,100.00"
"7","conv","(128, 1, 1)","1","smsp__inst_executed.sum","inst","900","900","900.00"
"7","loss","(256, 1, 1)","1","smsp__inst_executed.sum","inst","120","120","120.00"
`
)

func TestReadNCU(t *testing.T) {
	want := map[string]Executed{"conv": {2, 2000}, "loss": {1, 120}}
	for name, text := range map[string]string{"launches": ncuLaunches, "summary": ncuSummary} {
		got, err := ReadNCU(strings.NewReader(text))
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
	for text, says := range map[string]string{
		"": "no table",
		strings.Replace(ncuSummary, `"1,100.00"`, `"n/a"`, 1):                   `conv has "n/a" instructions`,
		strings.Replace(ncuSummary, `"1","smsp`, `"0","smsp`, 1):                `conv has "0" launches`,
		strings.ReplaceAll(ncuSummary, "smsp__inst", "other"):                   "has no smsp__inst_executed.sum",
		strings.Replace(ncuSummary, `"Kernel Name"`, `"Name"`, 1):               "it has no column",
		strings.Replace(ncuSummary, `"120.00"`, `"120.00","more"`, 1):           "a line has 10 fields, the header has 9",
		strings.Replace(ncuLaunches, `"Metric Value"`, `"Metric Value", x"`, 1): "bare",
	} {
		if _, err := ReadNCU(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not said: %v", says, err)
		}
	}
}

func FuzzReadNCU(f *testing.F) {
	f.Add(ncuLaunches)
	f.Add(ncuSummary)
	f.Fuzz(func(t *testing.T, text string) {
		executed, err := ReadNCU(strings.NewReader(text))
		if (err == nil) == (len(executed) == 0) {
			t.Errorf("%v, %v", executed, err)
		}
	})
}

func TestAgainst(t *testing.T) {
	c := &Count{}
	for _, k := range []struct {
		kernel string
		n      int64
	}{{"conv", 600}, {"conv", 400}, {"small", 5}, {"update_sgd", 50}} {
		c.Kernels = append(c.Kernels, LaunchCount{Kernel: k.kernel, Instructions: Instructions{WarpInstructions: k.n}})
	}
	for _, one := range []struct {
		name     string
		executed map[string]Executed
		says     string
	}{
		{"as counted", map[string]Executed{"conv": {2, 1200}, "small": {1, 5}}, ""},
		{"two steps, another kernel, an update", map[string]Executed{"conv": {4, 2200}, "small": {2, 10}, "update_sgd": {2, 100}, "pack": {9, 9e9}}, ""},
		{"a small kernel by far", map[string]Executed{"conv": {2, 1200}, "small": {1, 50}}, ""},
		{"a kernel by far", map[string]Executed{"conv": {2, 3100}, "small": {1, 5}}, "conv executed 3.10 times the instructions counted, not 0.7 to 3"},
		{"too few", map[string]Executed{"conv": {2, 600}, "small": {1, 5}}, "conv executed 0.60 times"},
		{"the step by far", map[string]Executed{"conv": {2, 2000}, "small": {1, 5}}, "the step executed 2.00 times the instructions counted, not 0.8 to 1.8"},
		{"a launch more", map[string]Executed{"conv": {3, 1200}, "small": {1, 5}}, "conv was launched 3 times in 1 steps of 2 launches"},
		{"a kernel less", map[string]Executed{"conv": {2, 1200}}, "small was launched 0 times in 1 steps of 1 launches"},
		{"nothing", map[string]Executed{}, "conv was launched 0 times in 0 steps"},
	} {
		all, err := c.Against(one.executed)
		if said := fmt.Sprint(err); (one.says == "") != (err == nil) || !strings.Contains(said, one.says) {
			t.Errorf("%s: %v, want %q", one.name, err, one.says)
		}
		if one.name == "as counted" {
			want := []Compared{{"conv", 2, 1000, 1200, 1.2}, {"small", 1, 5, 5, 1}, {"step", 3, 1005, 1205, 1205.0 / 1005}}
			if d := cmp.Diff(want, all); d != "" {
				t.Error(d)
			}
		}
	}
}
