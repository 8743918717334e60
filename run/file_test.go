package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFile: a file sets its settings and no others. Its errors are one line with the line's number, the setting and the
// reason.
func TestFile(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"# nothing but a comment\n", ""},
		{"train:\n", ""},
		{"train:\n  lr: 1\n", ""},
		{"train: {lr: 0.5, batch: 32, max_time: 90s}\nscore:\n  terms: [naswot]\n", ""},
		{"data:\n  dir: 123\n", ""},
		{"train:\n  batch: 8.9\n", `line 2: train.batch: "8.9" is not a whole number`},
		{"train:\n  batch: 010\n", `line 2: train.batch: "010" is not a whole number`},
		{"train:\n  batch: 0x10\n", `line 2: train.batch: "0x10" is not a whole number`},
		{"train:\n  batch: many\n", `line 2: train.batch: "many" is not a whole number`},
		{"train:\n  batch: 1_0\n", `line 2: train.batch: "1_0" is not a whole number`},
		{"train:\n  batch: 99999999999999999999\n", `line 2`},
		{"train:\n  batch: 9223372036854775808\n", `line 2: train.batch: "9223372036854775808" is not a whole number`},
		{"seed: -1\n", `line 1: seed: "-1" is not a whole number of at least 0`},
		{"seed: +1\n", ""},
		{"train:\n  batch:\n", "line 2: train.batch has no value"},
		{"train:\n  lr: fast\n", `line 2: train.lr: "fast" is not a number`},
		{"train:\n  flip: 1\n", `line 2: there is no setting "train.flip"`},
		{"train:\n  early_bird: 1\n", `line 2: train.early_bird: "1" is not true or false`},
		{"train:\n  max_time: 90\n", `line 2: train.max_time: "90" is not a duration (90s, 10m, 2h)`},
		{"data:\n  name: 1.5\n", `line 2: data.name: "1.5" is not a text`},
		{"score:\n  terms: naswot\n", "line 2: score.terms must be a list: [a, b]"},
		{"train: 3\n", "line 1: train must have settings under it, one a line"},
		{"- 1\n", "line 1: the file must have settings under it, one a line"},
		{"seed: 1\n---\nseed: 2\n", "more than one document"},
		{"seed: 1\nseed: 2\n", "already defined"},
		{"a: 1\nb: 2\n", `line 1: there is no setting "a"; line 2: there is no setting "b"`},
		{strings.Repeat("x: 1\n", 20_000), "and 19995 more"},
		{"seed: [\n", "line 1"},
	} {
		c := Default()
		f, err := parseFile("file.yaml", []byte(test.text))
		if err == nil {
			err = f.Apply(&c)
		}
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%q: %v", test.text, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%.40q: %v, want %q", test.text, err, test.want)
		case err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 400):
			t.Errorf("%.40q: not one short line: %.500q", test.text, err)
		}
	}
}

func TestFileKeepsOtherSettings(t *testing.T) {
	c, want := Default(), Default()
	want.Train.LR, want.Train.MaxTime = 0.5, 90*time.Second
	f, err := parseFile("file.yaml", []byte("train: {lr: 0.5, max_time: 90s}\n"))
	if err == nil {
		err = f.Apply(&c)
	}
	if err != nil || c.Train != want.Train || c.Seed != want.Seed {
		t.Errorf("%+v, %v", c.Train, err)
	}
	for path, has := range map[string]bool{"train.lr": true, "train": true, "train.batch": false, "seed": false, "train.lr.x": false} {
		if f.Has(path) != has {
			t.Errorf("Has(%q) = %v", path, !has)
		}
	}
}

// TestEndlessFile: a file that does not end is refused.
func TestEndlessFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(path, []byte(strings.Repeat("#", 1<<20+1)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, "/dev/zero"} {
		if _, err := OpenFile(path); err == nil {
			t.Errorf("%s was read", path)
		}
	}
}
