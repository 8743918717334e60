package indicator

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// CheckColumn is the last column of a score file: the check of the row. Files of older versions do not have it.
const CheckColumn = "check"

// rowCheck returns the check of a row: the CRC-32 (IEEE) of its text, as eight hexadecimal digits. The text has a line
// "name=value\n" for each cell that is not empty, except the check. The lines are sorted, so that the check does not depend
// on the order of the columns. A CRC-32 finds every change within four successive bytes.
func rowCheck(columns, row []string) string {
	var lines []string
	for i, name := range columns {
		if name != CheckColumn && row[i] != "" {
			lines = append(lines, name+"="+row[i]+"\n")
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(strings.Join(lines, ""))))
}

// verifyRow returns an error if a row was changed after it was written. A row without the column has no check.
func verifyRow(columns, row []string) error {
	i := slices.Index(columns, CheckColumn)
	if i < 0 || row[i] == rowCheck(columns, row) {
		return nil
	}
	return fmt.Errorf("the row of %s is damaged: its check %q is not that of its cells; delete the row, and it is computed again",
		row[slices.Index(columns, "arch")], row[i])
}
