package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"bnas.example/internal/amount"
)

// finalistsSection shows the best networks by score after a training of their own, if there are any.
func finalistsSection(v *view) (Section, string) {
	if len(v.Finalists) == 0 {
		return Section{}, ""
	}
	s := Section{ID: "finalists", Title: "Finalists"}
	n, first := len(v.Finalists), v.Finalists[0]
	var took time.Duration
	order := make([]int, n)
	for i, f := range v.Finalists {
		order[i], took = i, took+f.Took
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(v.Finalists[j].Accuracy, v.Finalists[i].Accuracy) })
	s.Lead = fmt.Sprintf("The best %s by score were each trained on their own: all weights, BatchNorm where its authors have it, %s of the recipe %s, in %s together. The answer is the one with the best accuracy on the %s held-out images; no test image was used.",
		amount.Of(n, "network"), amount.Of(first.Epochs, "epoch"), first.Recipe, duration(took), integer(first.Images))
	s.Notes = []string{fmt.Sprintf("An accuracy on %s images has a standard error of about %s; finalists that are closer than that are not told apart. A few epochs rank networks by how fast they learn too.",
		integer(first.Images), percent(math.Sqrt(first.Accuracy*(1-first.Accuracy)/float64(max(first.Images, 1)))))}
	s.Table = &Table{Head: []Header{{Text: "#"}, {Text: "architecture", Left: true}, {Text: "accuracy"}, {Text: "NLL"}, {Text: "by score"}, {Text: v.Score}, {Text: "time"}}}
	for k, i := range order {
		f := v.Finalists[i]
		r := Row{Cells: []Cell{
			{Text: strconv.Itoa(k + 1)}, {Text: f.Text, Class: "left text"}, {Text: percent(f.Accuracy)}, {Text: number(f.NLL)},
			{Text: strconv.Itoa(i + 1)}, {Text: number(f.Score)}, {Text: duration(f.Took)},
		}}
		if f.Answer {
			r.Mark, r.Cells[1].Note = "chosen", "found"
		}
		s.Table.Rows = append(s.Table.Rows, r)
	}
	return s, ""
}
