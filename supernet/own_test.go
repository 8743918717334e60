package supernet

import (
	"encoding/json"
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
		{"classes: 10", "classes: 1", "classes: 1: must be 2…65536"},
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
