package wholefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenGrowing: what is there stays, a missing file is made, and a device or a folder is refused.
func TestOpenGrowing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rows.csv")
	for _, want := range []string{"", "first\n"} {
		f, err := OpenGrowing(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%q, %v, want %q", text, err, want)
		}
		if _, err := f.WriteString("first\n"); err != nil {
			t.Error(err)
		}
	}
	for _, no := range []string{os.DevNull, dir, filepath.Join(dir, "missing", "rows.csv")} {
		if f, err := OpenGrowing(no); err == nil || !strings.Contains(err.Error(), no) {
			t.Errorf("%s: %v, %v", no, f, err)
		}
	}
}
