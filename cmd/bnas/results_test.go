package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/supernet"
)

// TestResultsTables compares the tables of docs/results.md with the figures kept beside it, and sees a figure that was changed, and a table
// that no mark says the figures of.
func TestResultsTables(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"scripts", "docs"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("..", "..", name))); err != nil {
			t.Fatal(err)
		}
	}
	check := func() ([]byte, error) {
		return exec.Command("python3", filepath.Join(dir, "scripts", "results_table.py"), "check").CombinedOutput()
	}
	if out, err := check(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	page := filepath.Join(dir, "docs", "results.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []struct{ name, old, new, want string }{
		{"a changed figure", "| `composite bnas` | +0.", "| `composite bnas` | +1.", "the table differs from its figures"},
		{"a mistyped mark", "<!-- figures ", "<!-- figure ", "no mark of a table: <!-- figure results/"},
		{"a mark of another file", "<!-- sorted results/darts.csv", "<!-- sorted result/darts.csv", "no mark of a table"},
	} {
		changed := bytes.Replace(text, []byte(fault.old), []byte(fault.new), 1)
		if bytes.Equal(changed, text) {
			t.Fatalf("%s: docs/results.md has no %q", fault.name, fault.old)
		}
		if err := os.WriteFile(page, changed, 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := check(); err == nil || !bytes.Contains(out, []byte("docs/results.md:")) || !bytes.Contains(out, []byte(fault.want)) {
			t.Errorf("%s: %v: %s", fault.name, err, out)
		}
	}
}

// TestTablesOfNTK: the tables of the study ntk, with a figure that no network has, and with one seed, which has no intervals.
func TestTablesOfNTK(t *testing.T) {
	dir := t.TempDir()
	rates := []string{"quantity,statistics,trained,when,exponent,low,high,at_widest,widest_low,widest_high"}
	for _, statistics := range []string{"batch", "frozen"} {
		for _, quantity := range []string{"drift", "linearised error"} {
			for _, trained := range []string{"bn", "all"} {
				of := quantity + "," + statistics + "," + trained
				rates = append(rates, of+",loss −⅓,,,,,,", of+",step 4,-1,-2,-3,4,5,6", of+",step 64,-.5,,,.25,,", of+",largest,-.75,-1,-.5,.5,.4,.6")
			}
		}
		rates = append(rates, "distance,"+statistics+",,largest,-1,,,.125,,")
	}
	files := map[string]string{
		"rates.csv": strings.Join(append(rates, `"deviation, linear",batch,,start,-.5,-.6,-.4,.1,.1,.1`), "\n"),
		"widths.csv": `figure,of,channels,value,low,high
alignment,batch,8,.5,.4,.6
centred alignment,batch,8,,,
alignment,batch,16,.75,,
centred alignment,batch,16,1,1,1
alignment,frozen,8,1,,
alignment,frozen,16,1,,
centred alignment,frozen,8,1,,
centred alignment,frozen,16,1,,
ratio,linear,8,1,1,1
alignment,linear,8,.75,.7,.8
deviation,linear,8,.1,.1,.1
`,
		"condition.csv": "pair,tau_b,low,high\nlog κ before and after,.5,-.25,1\n",
	}
	for name, text := range files {
		write(t, filepath.Join(dir, "docs", "results", name), text)
	}
	script, err := os.ReadFile(filepath.Join("..", "..", "scripts", "results_table.py"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "scripts", "results_table.py"), string(script))
	page := filepath.Join(dir, "docs", "results.md")
	write(t, page, `<!-- rates results/rates.csv -->

<!-- alignments results/widths.csv -->

<!-- cases results/widths.csv results/rates.csv -->

<!-- condition results/condition.csv -->
`)
	if out, err := exec.Command("python3", filepath.Join(dir, "scripts", "results_table.py"), "write").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(got), "\n")
	for _, want := range []string{
		"| drift | batch | γ, β | – | – | 0.25 | −0.50 | 0.50 [0.40, 0.60] | −0.75 [−1.00, −0.50] |",
		"| distance | frozen | both | – | – | – | – | 0.12 | −1.00 |",
		"| alignment | batch | 0.50 [0.40, 0.60] | 0.75 |",
		"| centred alignment | batch | – | 1.00 [1.00, 1.00] |",
		"| linear | 1.00 [1.00, 1.00] | 0.75 [0.70, 0.80] | 0.10 [0.10, 0.10] | −0.50 [−0.60, −0.40] |",
		"| log κ before and after | +0.500 | -0.250 … +1.000 |",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no row %s in\n%s", want, got)
		}
	}
}

// write writes a file, and the folder that it is in.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestDARTSTable: the accuracies of a pickle of genotypes become a table whose architectures bnas reads. A pickle that calls something else
// runs nothing.
func TestDARTSTable(t *testing.T) {
	dir := t.TempDir()
	script, err := filepath.Abs(filepath.Join("..", "..", "scripts", "darts_table.py"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(pickled string) (string, error) {
		write(t, filepath.Join(dir, "genotypes.pkl"), pickled)
		c := exec.Command("python3", script, "genotypes.pkl")
		c.Dir = dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	const (
		genotype = `Genotype(normal=[[('sep_conv_3x3', 0), ('sep_conv_3x3', 1)], [('max_pool_3x3', 2), ('sep_conv_3x3', 1)], [('sep_conv_3x3', 1), ('skip_connect', 0)], [('skip_connect', 0), ('dil_conv_3x3', 2)]], normal_concat=range(2, 6), reduce=[[('max_pool_3x3', 0), ('max_pool_3x3', 1)], [('skip_connect', 2), ('max_pool_3x3', 1)], [('max_pool_3x3', 0), ('skip_connect', 2)], [('skip_connect', 2), ('max_pool_3x3', 4)]], reduce_concat=range(2, 6))`
		accuracy = `cnumpy.core.multiarray
scalar
(cnumpy
dtype
(S'f8'
I0
I1
tR(I3
S'<'
NNNI-1
I-1
I0
tbS'\x00\x00\x00\x00\x00 X@'
tR`
	)
	out, err := read("(l(VGENOTYPE=" + genotype + "\n" + accuracy + "ta.")
	if want := "arch,accuracy\n\"" + genotype + "\",96.5\n"; err != nil || out != want {
		t.Errorf("%v:\n%s\nwant\n%s", err, out, want)
	}
	darts, err := supernet.Lookup("darts")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := darts.Parse(genotype); err != nil {
		t.Error(err)
	}
	if out, err := read("cos\nsystem\n(S'touch ran'\ntR."); err == nil || !strings.Contains(out, "os.system: this is another file") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the pickle has run a command")
	}
}
