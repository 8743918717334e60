package main

import (
	"encoding/csv"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// registers is what ptxas reports of one kernel: registers a thread; bytes of static shared memory a block; bytes of
// registers put into memory and fetched from there; bytes of local arrays.
type registers struct {
	Kernel, Arch                                      string
	Registers, Shared, SpillStores, SpillLoads, Stack int
}

var (
	entryLine = regexp.MustCompile(`Compiling entry function '([^']+)'`)
	frameLine = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
	usedLine  = regexp.MustCompile(`Used (\d+) registers`)
	smemLine  = regexp.MustCompile(`(\d+) bytes smem`)
)

// parseRegisters reads the report of ptxas -v. A function that is not inlined has its stack frame and its spills added
// to those of the kernel before it.
func parseRegisters(report, arch string) ([]registers, error) {
	var rows []registers
	for line := range strings.Lines(report) {
		if m := entryLine.FindStringSubmatch(line); m != nil {
			rows = append(rows, registers{Kernel: m[1], Arch: arch})
			continue
		}
		if m := frameLine.FindStringSubmatch(line); m != nil {
			if len(rows) == 0 {
				return nil, fmt.Errorf("ptxas reports a stack frame of no kernel: %q", line)
			}
			row := &rows[len(rows)-1]
			row.Stack += number(m[1])
			row.SpillStores += number(m[2])
			row.SpillLoads += number(m[3])
		}
		if m := usedLine.FindStringSubmatch(line); m != nil && len(rows) > 0 {
			row := &rows[len(rows)-1]
			row.Registers = number(m[1])
			if m := smemLine.FindStringSubmatch(line); m != nil {
				row.Shared = number(m[1])
			}
		}
	}
	for _, row := range rows {
		if row.Registers == 0 {
			return nil, fmt.Errorf("ptxas reports no registers of %s:\n%s", row.Kernel, report)
		}
	}
	return rows, nil
}

// number reads digits that a pattern has matched.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// spills names the kernels that put registers into memory.
func spills(rows []registers) error {
	var text []string
	for _, r := range rows {
		if r.SpillStores > 0 || r.SpillLoads > 0 {
			text = append(text, fmt.Sprintf("%s on sm_%s spills: %d bytes stored, %d loaded", r.Kernel, r.Arch, r.SpillStores, r.SpillLoads))
		}
	}
	if text == nil {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(text, "\n"))
}

// table is the register table as CSV, in order of kernels, then of architectures.
func table(rows []registers) (string, error) {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b registers) int {
		return strings.Compare(a.Kernel+" "+a.Arch, b.Kernel+" "+b.Arch)
	})
	var text strings.Builder
	w := csv.NewWriter(&text)
	records := [][]string{{"kernel", "arch", "registers", "static_shared", "spill_stores", "spill_loads", "stack"}}
	for _, r := range rows {
		record := []string{r.Kernel, "sm_" + r.Arch}
		for _, n := range []int{r.Registers, r.Shared, r.SpillStores, r.SpillLoads, r.Stack} {
			record = append(record, strconv.Itoa(n))
		}
		records = append(records, record)
	}
	err := w.WriteAll(records)
	return text.String(), err
}

// difference lists the lines of two tables that are in one only.
func difference(kept, made string) string {
	before, now := strings.Split(kept, "\n"), strings.Split(made, "\n")
	var text []string
	for _, line := range before {
		if !slices.Contains(now, line) {
			text = append(text, "- "+line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			text = append(text, "+ "+line)
		}
	}
	return strings.Join(text, "\n")
}
