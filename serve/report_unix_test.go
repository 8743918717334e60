//go:build unix

package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bnas.example/internal/sampleruns"
	"bnas.example/run"
)

// A folder or a pipe is no report: the one would be listed, the other would block.
func TestAReportIsAFile(t *testing.T) {
	dir := sampleruns.New(t)
	at := filepath.Join(dir, "fair", run.ReportName)
	if err := os.Mkdir(at, 0o777); err != nil {
		t.Fatal(err)
	}
	sampleruns.Write(t, filepath.Join(at, "inside"), "")
	refused := func(what string) {
		if status, body := get(t, New(dir, true), "/runs/fair/"+run.ReportName); status != http.StatusNotFound || !strings.Contains(body, "fair has no report.html") {
			t.Errorf("%s: status %d: %.200s", what, status, body)
		}
	}
	refused("a folder")
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at, 0o666); err != nil {
		t.Fatal(err)
	}
	refused("a pipe")
}
