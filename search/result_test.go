package search

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// TestDecide: the finalist with the best accuracy is the answer, of equals the one with the best score.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		accuracies []float64
		want       int
	}{{nil, 0}, {[]float64{.1}, 0}, {[]float64{.1, .3, .2}, 1}, {[]float64{.1, .3, .3}, 1}, {[]float64{.2, .2}, 0}, {[]float64{0, 0, .1}, 2}} {
		var all []Finalist
		for place, a := range c.accuracies {
			all = append(all, Finalist{Place: place, Accuracy: a})
		}
		r := Result{Best: make([]Found, len(all)+1)}
		for i := range r.Best {
			r.Best[i].Cost.Depth = i
		}
		if r.Decide(all); r.Answer != c.want || len(r.Finalists) != len(all) {
			t.Errorf("%v: answer %d of %d, want %d", c.accuracies, r.Answer, len(r.Finalists), c.want)
		}
		if ranked := r.Ranked(); ranked[0].Cost.Depth != c.want || ranked[len(all)].Cost.Depth != len(all) {
			t.Errorf("%v: ranked %v", c.accuracies, ranked)
		}
	}
}

// TestScoreOfFinalist: a score that is not finite is null in JSON, and the other figures stay.
func TestScoreOfFinalist(t *testing.T) {
	for score, want := range map[float64]string{math.Inf(1): "null", math.Inf(-1): "null", -0.5: "-0.5"} {
		text, err := json.Marshal(Finalist{Place: 1, Arch: "a", Score: score, Accuracy: .25, Folder: "f"})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(text); !strings.Contains(got, `"score":`+want+`,`) && !strings.HasSuffix(got, `"score":`+want+`}`) || !strings.Contains(got, `"validation_accuracy":0.25`) {
			t.Errorf("%v: %s", score, got)
		}
	}
}
