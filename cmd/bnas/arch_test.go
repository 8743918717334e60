package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/supernet"
)

// archForms are the forms of two architectures, and texts that are none.
var archForms = []struct {
	space, text string
	want        []int  // nil: wrong
	problem     string // a part of the error
}{
	{"nas-bench-201", cellArch, []int{3, 1, 0, 4, 0, 2}, ""},
	{"nas-bench-201", "all3x3", []int{3, 3, 3, 3, 3, 3}, ""},
	{"nas-bench-201", "mixed", []int{3, 2, 3, 1, 0, 2}, ""},
	{"nas-bench-201", "0", []int{4, 2, 1, 2, 1, 1}, ""},
	{"nas-bench-201", "6111", []int{3, 3, 3, 1, 3, 2}, ""},
	{"nas-bench-201", "4,0,3,1,4,3", []int{4, 0, 3, 1, 4, 3}, ""},
	{"nas-bench-201", "4, 0, 3, 1, 4, 3", []int{4, 0, 3, 1, 4, 3}, ""},
	{"nas-bench-201", "15625", nil, "0…15624"},
	{"nas-bench-201", "99999999999999999999", nil, "0…15624"},
	{"nas-bench-201", "-1", nil, "byte 1"},
	{"nas-bench-201", "5,0,0,0,0,0", nil, "option 5 is not in 0…4"},
	{"nas-bench-201", "4,0,3", nil, "3 genes, want 6"},
	{"nas-bench-201", "4,,3", nil, `"" is not the number of an option`},
	{"nas-bench-201", "", nil, "byte 1"},
	{"nas-bench-macro", "01020012", []int{0, 1, 0, 2, 0, 0, 1, 2}, ""},
	{"nas-bench-macro", "6560", []int{2, 2, 2, 2, 2, 2, 2, 2}, ""},
	{"nas-bench-macro", "00000001", []int{0, 0, 0, 0, 0, 0, 0, 1}, ""}, // the text comes before the index
	{"nas-bench-macro", "00000003", nil, `byte 8: found "3"`},          // as long as a text, and no index
	{"nas-bench-macro", "0000000", nil, "byte 8: found nothing"},
	{"nas-bench-macro", "000000000", nil, "want the end"},
	{"nas-bench-macro", "6561", nil, "0…6560"},
	{"nas-bench-macro", "0 1 2 3", nil, `byte 2: found " "`},
	{"nas-bench-macro", cellArch, nil, "; it is an architecture of nas-bench-201"},
	{"darts", "110|01|1|3m", nil, "; it is an architecture of nas-bench-101"},
	{"fairnas", "0 1 2 3 4 5 0 1 2 3 4 5 0 1 2 3 4 5 0", []int{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0}, ""},
	{"proxylessnas", "1,0,1,2,3,-1,1,2,3,0,1,2,3,0,1,2,3,0,1,2,3", []int{1, 1, 2, 3, 3, 0, 2, 3, 3, 1, 2, 3, 3, 1, 2, 3, 3, 1, 2, 3, 3}, ""}, // those of its text
	{"proxylessnas", "6,0,1,2,3,-1,1,2,3,0,1,2,3,0,1,2,3,0,1,2,3", nil, `found "6", want one of 0, 1`},
	{"bn-nas", "2 -1", nil, "found nothing"},
	{"bn-nas", "6111", nil, `found "6111"`},
	{"nas-bench-macro", "all3x3", nil, "no architecture of this name"},
}

func TestParseArch(t *testing.T) {
	for _, c := range archForms {
		s, err := supernet.Lookup(c.space)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseArch(s, c.text)
		switch {
		case c.want != nil && (err != nil || !slices.Equal(got, c.want)):
			t.Errorf("%s: %q is %v, %v, want %v", c.space, c.text, got, err, c.want)
		case c.want == nil && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: %q: error %v, want %q", c.space, c.text, err, c.problem)
		}
	}
}

// TestOneParserOfArchitectures gives each form to each command that takes an architecture. The error names the argument.
func TestOneParserOfArchitectures(t *testing.T) {
	dir := t.TempDir()
	writeBatch(t, dir)
	net := strings.Fields(netFlags)
	tiny := append(slices.Clone(net), "--batch", "1", "--repeats", "1", "--warmup", "0", "--quiet", "--arch")
	commands := map[string][]string{
		"space show": append([]string{"space", "show"}, net...),
		"plan":       append([]string{"plan"}, net...),
		"bench step": append([]string{"bench", "step"}, tiny...),
		"export":     append([]string{"export", "-o", filepath.Join(dir, "net"), "--quiet"}, net...),
		"trace": append([]string{"trace", "-o", filepath.Join(dir, "trace"), "--quiet",
			"--images", filepath.Join(dir, "x.npy"), "--labels", filepath.Join(dir, "y.npy")}, net...),
		"score": append([]string{"score", "--terms", "params", "--quiet"}, append(net, strings.Fields(fewFlags)...)...),
		"eval":  append([]string{"eval", "--calibration-images", "2", "--validation-images", "1", "--quiet"}, net...),
	}
	for name, args := range commands {
		for _, form := range []string{cellArch, "all3x3", "6111", "4,0,3,1,4,3"} {
			var stdout, stderr bytes.Buffer
			if code := execute(append([]string{"bnas"}, append(slices.Clone(args), form)...), &stdout, &stderr); code != exitOK {
				t.Errorf("%s %s: exit code %d: %s", name, form, code, &stderr)
			}
		}
		var stdout, stderr bytes.Buffer
		code := execute(append([]string{"bnas"}, append(slices.Clone(args), "|nor_conv_9x9~0")...), &stdout, &stderr)
		where := `argument "|nor_conv_9x9~0"`
		if name == "bench step" {
			where = `--arch "|nor_conv_9x9~0"`
		}
		if code != exitUsage || !strings.Contains(stderr.String(), where) || !strings.Contains(stderr.String(), "byte 2") {
			t.Errorf("%s: exit code %d, the error must name %s: %s", name, code, where, &stderr)
		}
	}
}

// TestFileIsStdin: --file - and --table - read stdin.
func TestFileIsStdin(t *testing.T) {
	from := func(text string, args string) (int, string, string) {
		t.Helper()
		in := filepath.Join(t.TempDir(), "stdin")
		if err := os.WriteFile(in, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(in)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		kept := os.Stdin
		os.Stdin = f
		defer func() { os.Stdin = kept }()
		var stdout, stderr bytes.Buffer
		code := execute(append([]string{"bnas"}, strings.Fields(args)...), &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	out := filepath.Join(t.TempDir(), "scores.csv")
	score := "score " + netFlags + " " + fewFlags + " --terms params --quiet --file - --out " + out
	if code, stdout, stderr := from("all3x3\n6111\n\n4,0,3,1,4,3\n0\n1\n", score); code != exitOK || strings.Count(stdout, "~") != 6*5 {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := from("\xef\xbb\xbfall3x3\r\n6111\r\n", strings.TrimSuffix(score, " --out "+out)); code != exitOK || strings.Count(stdout, "~") != 2*6 {
		t.Errorf("with a byte-order mark and CRLF: exit code %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := from("all3x3\nnonsense\n", score); code != exitFailure || !strings.Contains(stderr, `stdin: line 2: "nonsense"`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	table, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	correlate := "correlate --resamples 5 --accuracy-column params --table - --scores " + out
	if code, stdout, stderr := from(string(table), correlate); code != exitOK || !strings.Contains(stdout, "params") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := from("arch\n", correlate); code != exitFailure || !strings.Contains(stderr, "stdin: no column") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestWholeNumbers reads the whole numbers of flags.
func TestWholeNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "100000000": 1e8, "100e6": 1e8, "1e8": 1e8, "1e3": 1000, "007": 7, "100M": 1e8, "500k": 5e5, "1.5G": 15e8, "-5": -5, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := parseWhole(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "M", "1e", "0.5", "1.5", "9223372036854775808", "10e18", "1e999999999", "1e-999999999", "1/1", "0x10", "0b1", "0o7", "1_0", "1m", "1K", "1e3M", "NaN", "Inf", strings.Repeat("9", 100000)} {
		if got, err := parseWhole(text); err == nil {
			t.Errorf("%q is %d, want an error", cut(text, 40), got)
		}
	}
}

// TestIndexOfARowOfNumbers: where the text is a row of numbers, one number alone is an index, if the space has an order.
func TestIndexOfARowOfNumbers(t *testing.T) {
	text := listed(t, readPage(t, addingPage), "name: six-layers").code
	t.Chdir(t.TempDir())
	if err := os.WriteFile(sixLayers, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var net supernet.Config
	var err error
	if net.Space, net.Chain, err = supernet.ReadSpace(sixLayers); err != nil {
		t.Fatal(err)
	}
	space, err := net.Lookup()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		got, err := parseArch(space, []string{"0", "1", "107"}[i])
		if want := space.(supernet.Ordered).At([]int{0, 1, 107}[i]); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	for text, says := range map[string]string{"108": "0…107", "1 0 2": "found nothing", "9 0 2 0 1 0": `found "9"`} {
		if _, err := parseArch(space, text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
