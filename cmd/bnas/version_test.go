package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestIdentity: a program whose version does not name its sources is not taken for another one.
func TestIdentity(t *testing.T) {
	program := func(text string) string {
		path := filepath.Join(t.TempDir(), "bnas")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, other := program("one"), program("other")
	for _, c := range []struct {
		version, revision string
		named             bool
	}{
		{"v1.2.3", "", true},
		{"v0.0.0-20261130030600-675bd9b2fe79", "675bd9b2fe79", true},
		{"(devel), revision 675bd9b2fe79", "675bd9b2fe79", true},
		{"(devel), source tree at revision 675bd9b2fe79", "675bd9b2fe79", true},
		{"v0.0.0-20261130030600-675bd9b2fe79+dirty", "675bd9b2fe79+dirty", false},
		{"(devel), source tree at revision 675bd9b2fe79+dirty", "675bd9b2fe79+dirty", false},
		{"(devel)", "", false},
		{"unknown", "", false},
	} {
		a, b := identityOf(c.version, c.revision, one), identityOf(c.version, c.revision, other)
		if (a == b) != c.named || (a == c.version) != c.named {
			t.Errorf("version %q, revision %q: %q and %q", c.version, c.revision, a, b)
		}
		if again := identityOf(c.version, c.revision, one); again != a {
			t.Errorf("version %q: %q and %q of one program", c.version, a, again)
		}
	}
	if got := identityOf("unknown", "", filepath.Join(t.TempDir(), "none")); got != "unknown" {
		t.Errorf("a program without a file is %q", got)
	}
}
