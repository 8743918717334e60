package train

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTruncateLines(t *testing.T) {
	long := strings.Repeat("x", 70_000) // longer than the reader's buffer
	tests := []struct {
		name, text string
		lines      int
		want       string
	}{
		{"none", "a\nb\n", 0, ""},
		{"some", "a\nb\nc\n", 2, "a\nb\n"},
		{"all", "a\nb\n", 2, "a\nb\n"},
		{"half a line after them", "a\nb\nha", 2, "a\nb\n"},
		{"half a line among them", "a\nha", 2, "a\n"},
		{"too few", "a\n", 5, "a\n"},
		{"empty", "", 3, ""},
		{"long", long + "\nb\nc\n", 2, long + "\nb\n"},
		{"half a long one", "a\n" + long, 2, "a\n"},
	}
	for _, test := range tests {
		dir := t.TempDir()
		name := filepath.Join(dir, MetricsName)
		if err := os.WriteFile(name, []byte(test.text), 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := openMetrics(dir, test.lines)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := m.write(1); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := m.close(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := string(readFile(t, name)); got != test.want+"1\n" {
			t.Errorf("%s: the file is %.40q (%d bytes), want %.40q and a line", test.name, got, len(got), test.want)
		}
	}
}

func TestMetricsCannotBeWritten(t *testing.T) {
	tr := fresh(t, quick(10), t.TempDir())
	err := tr.Run(context.Background(), func(p Progress) {
		if p.Step == 3 {
			tr.metrics.file.Close()
		}
	})
	if err == nil || !strings.Contains(err.Error(), "train: metrics: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Run gave %v, want one line about the metrics", err)
	}
	if c, err := loadFile(checkpointPath(tr.dir)); err != nil || c.State.Step != 0 {
		t.Errorf("the checkpoint is %v, %v; want that of step 0", c, err)
	}
}
