package report

import (
	"fmt"
	"math"
	"strings"
)

// perspectivesTable says what each perspective says of the architecture found; nil without any.
func perspectivesTable(v *view) *Table {
	if len(v.Perspectives) == 0 {
		return nil
	}
	t := &Table{Head: []Header{{Text: "perspective", Left: true}, {Text: "better than"}, {Text: "what it asks", Left: true}, {Text: "terms", Left: true}}}
	for _, p := range v.Perspectives {
		t.Rows = append(t.Rows, Row{Cells: []Cell{
			{Text: p.Name, Class: "left"}, {Text: fmt.Sprintf("%.0f %%", math.Floor(100*p.Share))}, {Text: p.Asks, Class: "left words"}, {Text: strings.Join(p.Terms, ", "), Class: "left words"},
		}})
	}
	return t
}
