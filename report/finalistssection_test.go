package report

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestFinalists: the page orders the finalists by accuracy, marks the answer, and says what they cost.
func TestFinalists(t *testing.T) {
	d, archs := sampleArchs(30, 10)
	if strings.Contains(render(t, d), `id="finalists"`) {
		t.Error("a section without finalists")
	}
	for i, accuracy := range []float64{.8, .9, .7} {
		d.Finalists = append(d.Finalists, Finalist{Text: archs[i].Text, Score: archs[i].Score, Accuracy: accuracy, NLL: 1.25, Images: 100, Recipe: "darts", Epochs: 3,
			Took: 30 * time.Second, Answer: i == 1})
	}
	text := render(t, d)
	if strings.Contains(text, `id="missing"`) {
		t.Error("a section is missing")
	}
	_, text, ok := strings.Cut(text, `<section id="finalists">`)
	text, _, _ = strings.Cut(text, "</section>")
	if !ok {
		t.Fatal("no section")
	}
	for _, want := range []string{"best 3 networks", "3 epochs of the recipe darts, in 1 min 30 s together", "on the 100 held-out images", "about 4.0 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("the section lacks %q", want)
		}
	}
	at := -1
	for _, accuracy := range []string{"90.0 %", "80.0 %", "70.0 %"} {
		i := strings.Index(text, accuracy)
		if i <= at {
			t.Errorf("%s is not in order", accuracy)
		}
		at = i
	}
	for k, cell := range []string{"2", "1", "3"} { // its place by score
		row := strings.Split(text, "<tr")[k+2]
		if !strings.Contains(row, "<td>"+strconv.Itoa(k+1)+"</td>") || !strings.Contains(row, "<td>1.250</td><td>"+cell+"</td>") {
			t.Errorf("row %d, want place %s by score: %s", k+1, cell, row)
		}
	}
	if row := strings.Index(text, `class="chosen"`); row < 0 || row > strings.Index(text, "90.0 %") || strings.Count(text, "chosen") != 1 {
		t.Error("the answer is not marked")
	}
}
