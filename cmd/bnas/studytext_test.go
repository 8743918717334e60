package main

import (
	"math"
	"strings"
	"testing"

	"bnas.example/study"
)

// TestStudyText: a figure that is undefined is no number on the terminal, nor are bounds that it lacks.
func TestStudyText(t *testing.T) {
	nan := math.NaN()
	var text strings.Builder
	studyText(&text, &study.Summary{Study: "s", Figures: []study.Figure{{Name: "a", Value: .25, Low: -.5, High: nan}, {Name: "b", Value: nan, Low: nan, High: nan}}})
	for _, want := range []string{"a\t+0.250\t-0.500 … undefined\n", "b\tundefined\t\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in %q", want, text.String())
		}
	}
}
