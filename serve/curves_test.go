package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/internal/sampleruns"
	"bnas.example/train"
)

// A page that is loaded again reads the metrics only if they have changed.
func TestMetricsAreReadOnce(t *testing.T) {
	dir := sampleruns.New(t)
	path := filepath.Join(dir, "fair", train.MetricsName)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	h := New(dir, true)
	const unread = "It cannot be read: metrics: "
	shows := func(what, address string, refused bool) {
		if status, body := get(t, h, address); status != 200 || strings.Contains(body, unread) != refused {
			t.Errorf("%s: status %d: %.200s", what, status, body)
		}
	}
	shows("first", "/runs/fair", false)
	sampleruns.Write(t, path, strings.Repeat("x", int(info.Size()-1))+"\n")
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	shows("the same size and time", "/runs/fair", false)
	sampleruns.Write(t, path, "no metrics\n")
	shows("changed", "/runs/fair", true)
	shows("changed, once more", "/runs/fair", true)
}
