package indicator

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"slices"
)

// CheckColumn is the last column of a score file: the check of the row. Files of older versions do not have it.
const CheckColumn = "check"

// checkOrder returns the columns that a check covers, in its order: that of the names, each followed by "=".
func checkOrder(columns []string) []int {
	var order []int
	for i, name := range columns {
		if name != CheckColumn {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(columns[i]+"=", columns[j]+"=") })
	return order
}

// check returns the check of a row: the CRC-32 (IEEE) of its text, as eight hexadecimal digits. The text has a line
// "name=value\n" for each cell that is not empty, except the check. The lines are sorted, so that the check does not depend
// on the order of the columns. A CRC-32 finds every change within four successive bytes.
func (l *scoreLayout) check(row []string) string {
	text := l.text[:0]
	for _, i := range l.order {
		if row[i] != "" {
			text = append(append(append(append(text, l.columns[i]...), '='), row[i]...), '\n')
		}
	}
	l.text = text
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(text))
}

// verify returns an error if a row was changed after it was written. A row without the column has no check.
func (l *scoreLayout) verify(row []string) error {
	if l.checks < 0 || row[l.checks] == l.check(row) {
		return nil
	}
	return fmt.Errorf("the row of %s is damaged: its check %q is not that of its cells; delete the row, and it is computed again",
		row[l.arch], row[l.checks])
}
