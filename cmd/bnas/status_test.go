package main

import (
	"strings"
	"testing"
)

// TestStatusOfUnknownLength: the time that is left is given only where it is known.
func TestStatusOfUnknownLength(t *testing.T) {
	for _, c := range []struct {
		s    status
		want string
	}{
		{status{Phase: "prune"}, "time left unknown"},
		{status{Phase: "search", Total: 9}, "time left unknown"},
		{status{Phase: "search", Done: 3, Total: 9, Rate: 1, Left: 6}, "\t6s left"},
		{status{Phase: "search", Done: 9, Total: 9, Rate: 1}, "\t0s left"},
	} {
		var text strings.Builder
		if statusTable(&text, "dir", &c.s); !strings.Contains(text.String(), c.want) {
			t.Errorf("%s, want %s", text.String(), c.want)
		}
	}
}
