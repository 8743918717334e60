package report

import "strconv"

// Pruned is an operator that a search by pruning has removed. Condition and Regions are the relative changes of the condition number and of
// the number of linear regions where it is left out: 0.1 is a tenth more.
type Pruned struct {
	Round              int
	Place, Operator    string
	Condition, Regions float64
}

// pruningSection shows what a search by pruning has removed, if it was one.
func pruningSection(v *view) (Section, string) {
	if len(v.Pruned) == 0 {
		return Section{}, ""
	}
	s := Section{ID: "pruning", Title: "Pruning"}
	s.Lead = "The search began with all operators at each place. A round left out each operator alone, and removed from each place what is least important: operators without which the condition number of the tangent kernel falls most, and the number of linear regions least, by the sum of both ranks."
	s.Table = &Table{Head: []Header{{Text: "round"}, {Text: "place", Left: true}, {Text: "operator", Left: true}, {Text: "condition number"}, {Text: "linear regions"}}}
	for _, p := range v.Pruned {
		s.Table.Rows = append(s.Table.Rows, Row{Cells: []Cell{
			{Text: strconv.Itoa(p.Round)}, {Text: p.Place, Class: "left words"}, {Text: p.Operator, Class: "left words"},
			{Text: change(p.Condition)}, {Text: change(p.Regions)},
		}})
	}
	return s, ""
}

// change writes a relative change in percent, with its sign.
func change(x float64) string {
	if x < 0 {
		return "−" + percent(-x)
	}
	return "+" + percent(x)
}
