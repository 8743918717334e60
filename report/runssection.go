package report

import (
	"fmt"
	"strconv"
)

// runsSection lists the runs over which the terms are averaged, if there are several.
func runsSection(v *view) (Section, string) {
	if len(v.Runs) == 0 {
		return Section{}, ""
	}
	s := Section{ID: "runs", Title: "The runs"}
	s.Lead = fmt.Sprintf("The scores are averages over %d runs, each with a supernet of its own: a term of a network is the mean over the runs of its rank in the calibration sample, as the share of the sample that it exceeds.", len(v.Runs))
	s.Table = &Table{Head: []Header{{Text: "run", Left: true}, {Text: "data", Left: true}, {Text: "seed", Left: true}, {Text: "training steps"}}}
	for _, r := range v.Runs {
		s.Table.Rows = append(s.Table.Rows, Row{Cells: []Cell{
			{Text: r.Folder, Class: "left text"}, {Text: r.Data, Class: "left"}, {Text: r.Seeds, Class: "left words"}, {Text: strconv.Itoa(r.Steps)},
		}})
	}
	return s, ""
}
