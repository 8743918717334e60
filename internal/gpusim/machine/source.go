//go:build cgo && linux && gpusim

package machine

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"io"
	"path/filepath"
)

// source names the line that holds the instruction before pc, an address from the start of the program: " (conv.cu:12)".
// It is empty where the program has no debug information, as most test binaries.
func source(pc uint64) string {
	if pc == 0 {
		return ""
	}
	program, err := elf.Open("/proc/self/exe")
	if err != nil {
		return ""
	}
	defer program.Close()
	data, err := program.DWARF()
	if err != nil {
		return ""
	}
	line, ok := lineOf(data, pc-1)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", filepath.Base(line.File.Name), line.Line)
}

func lineOf(data *dwarf.Data, pc uint64) (dwarf.LineEntry, bool) {
	var line dwarf.LineEntry
	unit, err := data.Reader().SeekPC(pc)
	if err != nil {
		return line, false
	}
	lines, err := data.LineReader(unit)
	if err != nil || lines == nil {
		return line, false
	}
	if err := lines.SeekPC(pc, &line); err != nil && err != io.EOF {
		return line, false
	}
	return line, line.File != nil
}
