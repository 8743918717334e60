package supernet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ownText is a space of a user: six layers, two of them without a choice.
const ownText = `# three stages
name: six-layers
images: {height: 32, width: 32}
classes: 10
activation: relu6
stem: {out: 16, kernel: 3, stride: 1}
first: {operator: mb1_k3, out: 8}
operators: [identity, mb3_k3, mb6_k5]
fixed: {0: mb3_k3, 5: identity}
stages:
  - {out: 16, layers: 2, stride: 1}
  - {out: 24, layers: 2, stride: 2}
  - {out: 32, layers: 2, stride: 2}
head: 64
`

func ownFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "space.yaml")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// A user's space needs its file once: the configuration has its content.
func TestOwnSpace(t *testing.T) {
	path := ownFile(t, ownText)
	name, chain, err := ReadSpace(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	n := build(t, Config{Space: name, Chain: chain, Channels: 8})
	// Layer 0: 1, layers 1 and 3: 3, layers 2 and 4: 2, because an identity does not fit them; layer 5: 1.
	if got := n.Space.Count().Int64(); got != 36 {
		t.Errorf("%d architectures, want 36", got)
	}
	a, err := n.Space.Parse("1 0 2 0 1 0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Program(a); err != nil {
		t.Error(err)
	}
	if about := n.Space.About(); about != "a chain of layers of your own" {
		t.Errorf("about it: %s", about)
	}
	again, same, err := ReadSpace(ownFile(t, "# another comment\n"+strings.Replace(ownText, "head: 64", "text: {form: numbers}\nhead: 64", 1)))
	if err != nil || again != name || same != chain {
		t.Errorf("another way to write the file gives another space: %v\n%s", err, cmp.Diff(chain, same))
	}
	var described chainFile
	m := n.Metadata(a)
	if err := json.Unmarshal([]byte(m["chain"]), &described); err != nil || described.Name != "six-layers" || described.Fixed[5] != "identity" {
		t.Errorf("the metadata have %s, %v", m["chain"], err)
	}
	if known, _, err := ParseMetadata(m); err != nil || known != n.Config {
		t.Errorf("the metadata give %+v, %v, want %+v", known, err, n.Config)
	}
	if named(t, "nas-bench-macro").(orderedChain).content() != "" {
		t.Error("a space of bnas is a user's own")
	}
}

func TestOwnSpaceErrors(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"name: six-layers", "name: bn-nas", `name: "bn-nas" is a space of bnas; choose another`},
		{"name: six-layers", "name: Six Layers", `name: "Six Layers": must be of a-z`},
		{"name: six-layers", "", "name is missing"},
		{"name: six-layers", "name: six-layers\nabout: \"a\\nb\"", "about: must be one line"},
		{"mb6_k5]", "mb3_k3]", `operators: "mb3_k3" stands twice`},
		{"head: 64", "head: 64\nchoices: [mb3_k3, mb3_k3]", `choices: "mb3_k3" stands twice`},
		{"head: 64", "head: 64\ntext: {first: -9223372036854775808}", "text.first: -9223372036854775808: must be -1000…1000"},
		{"head: 64", "head: 64\nhead: 32", `line 15: mapping key "head" already defined at line 14`},
		{"head: 64", "head: 8.9", `line 14: head: "8.9" is not a whole number`},
		{"head: 64", "head: 0", "head: 0: must be 1…65536"},
		{"head: 64", "head: 64\n" + strings.Repeat("#", 1<<20), "space.yaml: more than 1048576 bytes"},
		{"head: 64", "heads: 64", `line 14: there is no setting "heads"`},
		{"stride: 1}\n  - {out: 24", "stride: 010}\n  - {out: 24", `line 11: stages[0].stride: "010" is not a whole number`},
		{"mb6_k5]", "mb6_k4]", `operator "mb6_k4": the expansion must be 1…16, the kernel odd`},
		{"mb6_k5]", "conv3]", `operator "conv3": there are identity and mbT_kK`},
		{"{0: mb3_k3,", "{0: mb9_k9,", `layer 0: "mb9_k9" is none of the operators`},
		{"{0: mb3_k3,", "{0: identity,", "layer 0: an identity does not fit 8→16 channels"},
		{"{0: mb3_k3,", "{9: mb3_k3,", "fixed: there is no layer 9"},
		{"{0: mb3_k3,", "{first: mb3_k3,", `line 9: fixed: "first" is not a whole number`},
		{"activation: relu6", "activation: gelu", `activation: "gelu": there are relu and relu6`},
		{"layers: 2, stride: 1", "layers: 2000, stride: 1", "stage 0: layers: 2000: must be 1…1000"},
		{ownText, "", "the file is empty"},
		{ownText, "[]", "the file must have settings under it"},
		{ownText, ownText + "---\n" + ownText, "more than one document"},
		{ownText, "\x00", "control characters"},
	} {
		_, _, err := ReadSpace(ownFile(t, strings.Replace(ownText, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q instead of %q: %v, want an error with %s", c.to, c.from, err, c.want)
		}
	}
	if _, _, err := ReadSpace("missing.yaml"); err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Error(err)
	}
	_, chain, err := ReadSpace(ownFile(t, ownText))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{Space: "bn-nas", Chain: chain}, {Space: "six-layers", Chain: "name: x"}, {Space: "six-layers"}} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), "supernet.") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestOwnSpaceBounds: the smallest and the largest values of a space's file are read, and those beyond them are not.
func TestOwnSpaceBounds(t *testing.T) {
	about := func(bytes int) string { return "head: 64\nabout: " + strings.Repeat("a", bytes) }
	// digits has n operators, whose numbers begin at first.
	digits := func(n, first int) string {
		operators := []string{"identity", "mb3_k3", "mb6_k5"}
		for len(operators) < n {
			operators = append(operators, fmt.Sprintf("mb%d_k7", len(operators)))
		}
		return fmt.Sprintf("operators: [%s]\ntext: {form: digits, first: %d}", strings.Join(operators, ", "), first)
	}
	const operators = "operators: [identity, mb3_k3, mb6_k5]"
	for _, c := range []struct{ from, to, want string }{ // want: of the error; "": it is read
		{"mb6_k5]", "mb16_k15]", ""},
		{"mb6_k5]", "mb1_k1]", ""},
		{"mb6_k5]", "mb17_k3]", "the expansion must be 1…16"},
		{"mb6_k5]", "mb0_k3]", "the expansion must be 1…16"},
		{"mb6_k5]", "mb3_k17]", "the kernel odd and 1…15"},
		{"head: 64", about(200), ""},
		{"head: 64", about(201), "about: must be one line of at most 200 bytes"},
		{"head: 64", "head: 65536", ""},
		{"head: 64", "head: 65537", "head: 65537: must be 1…65536"},
		{"classes: 10", "classes: 2", ""},
		{"classes: 10", "classes: 1", "classes: 1: must be 2…65536"},
		{"height: 32", "height: 0", "images.height: 0: must be 1…4096"},
		{"width: 32", "width: 4097", "images.width: 4097: must be 1…4096"},
		{"{out: 16, kernel: 3", "{out: 0, kernel: 3", "stem.out: 0: must be"},
		{"kernel: 3, stride: 1", "kernel: 15, stride: 4", ""},
		{"kernel: 3, stride: 1", "kernel: 4, stride: 1", "stem.kernel: 4: must be odd"},
		{"kernel: 3, stride: 1", "kernel: 3, stride: 5", "stem.stride: 5: must be 1…4"},
		{"{operator: mb1_k3, out: 8}", "{operator: mb1_k3, out: 0}", "first.out: 0: must be"},
		{"{operator: mb1_k3, out: 8}", "{operator: identity, out: 8}", "first: it must be a block"},
		{"{0: mb3_k3, 5: identity}", "{6: mb3_k3}", "fixed: there is no layer 6"},
		{"{0: mb3_k3, 5: identity}", "{-1: mb3_k3}", "fixed: there is no layer -1"},
		{"{out: 24, layers: 2, stride: 2}", "{out: 24, layers: 2, stride: 5}", "stage 1: stride: 5: must be 1…4"},
		{"head: 64", "head: 64\ntext: {first: -1000}", ""},
		{"head: 64", "head: 64\ntext: {first: -1001}", "text.first: -1001: must be"},
		{"head: 64", "head: 64\ntext: {first: 1000}", ""},
		{"head: 64", "head: 64\ntext: {first: 1001}", "text.first: 1001: must be"},
		{"head: 64", "head: 64\ntext: {form: words}", `text.form: "words"`},
		{operators, digits(10, 0), ""},
		{operators, digits(11, 0), "digits are for operators with the numbers 0…9"},
		{operators, digits(9, 1), ""},
		{operators, digits(10, 1), "digits are for operators with the numbers 0…9"},
		{operators, digits(3, -1), "digits are for operators with the numbers 0…9"},
		{"six-layers", strings.Repeat("a", 64), ""},
		{"six-layers", strings.Repeat("a", 65), "at most 64"},
		// With equal channels an identity fits, but not with a stride.
		{"5: identity}", "4: identity}", "layer 4: an identity does not fit 24→32 channels with stride 2"},
		{"{out: 32, layers", "{out: 24, layers", ""},
		{"5: identity}\nstages:\n  - {out: 16, layers: 2, stride: 1}\n  - {out: 24, layers: 2, stride: 2}\n  - {out: 32,",
			"4: identity}\nstages:\n  - {out: 16, layers: 2, stride: 1}\n  - {out: 24, layers: 2, stride: 2}\n  - {out: 24,", "layer 4: an identity does not fit 24→24 channels with stride 2"},
	} {
		if !strings.Contains(ownText, c.from) {
			t.Fatalf("no %q in the space", c.from)
		}
		_, err := parseOwn(strings.Replace(ownText, c.from, c.to, 1))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q instead of %q: %v, want %q", c.to, c.from, err, c.want)
		}
	}
}

func TestIsSpaceFile(t *testing.T) {
	for name, want := range map[string]bool{"my.yaml": true, "folder/my.yml": true, "yaml": false, "my.yaml.txt": false, "nas-bench-201": false} {
		if IsSpaceFile(name) != want {
			t.Errorf("%s is a file of a space: %v", name, !want)
		}
	}
}

// FuzzReadSpace: no text of a space's file panics. An accepted one has architectures whose text it reads again, and whose
// networks are valid Programs or an error.
func FuzzReadSpace(f *testing.F) {
	f.Add(ownText)
	for _, name := range []string{"nas-bench-macro", "bn-nas"} {
		text, err := chainFiles.ReadFile("spaces/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseOwn(text)
		if err != nil {
			return
		}
		var n *Net
		if len(c.layers) <= 8 && len(c.Operators) <= 8 { // others take long
			n, _ = New(Config{Space: c.Name(), Chain: text})
		}
		for _, a := range spread(c, 2) {
			if back, err := c.Parse(c.Format(a)); err != nil || !cmp.Equal(a, back) {
				t.Fatalf("%v: %s is read as %v, %v", a, c.Format(a), back, err)
			}
			if n == nil {
				continue
			}
			p, err := n.Program(a)
			if err == nil {
				err = p.Validate()
			}
			if err != nil {
				t.Fatalf("%s: %v", c.Format(a), err)
			}
		}
	})
}
