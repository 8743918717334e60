package report

import (
	"strings"
	"testing"
)

// TestPruningSection: the page of a search by pruning has what was removed, in order; another page has no such section.
func TestPruningSection(t *testing.T) {
	d, _ := sampleArchs(30, 10)
	if strings.Contains(render(t, d), `id="pruning"`) {
		t.Error("a section without a pruning")
	}
	d.Pruned = []Pruned{{1, "1<-0", "skip", -0.25, 0.015}, {2, "2<-1", "pool", 0.5, 0}}
	_, text, _ := strings.Cut(render(t, d), `<section id="pruning">`)
	text, _, _ = strings.Cut(text, "</section>")
	for _, want := range []string{"1&lt;-0", "skip", "−25.0 %", "+1.5 %", "2&lt;-1", "pool", "+50.0 %", "+0.0 %"} {
		before, after, ok := strings.Cut(strings.ReplaceAll(text, "<wbr>", ""), want)
		if !ok {
			t.Errorf("no %q after what is before it in\n%s", want, before)
		}
		text = after
	}
}
