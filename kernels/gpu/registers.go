package gpu

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	_ "embed"
)

// registersCSV is what ptxas reports of every kernel for every architecture; tools/kernels writes it.
//
//go:embed registers.csv
var registersCSV string

// Usage is what a block of a kernel takes of a multiprocessor beside its dynamic shared memory.
type Usage struct {
	Registers int // a thread
	Shared    int // bytes of static shared memory
}

// UsageOf returns the usage of every kernel on a GPU of a compute capability (10·major + minor) that there are cubins for.
func UsageOf(capability int) (map[string]Usage, error) {
	rows, err := csv.NewReader(strings.NewReader(registersCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("registers.csv: %w", err)
	}
	arch := fmt.Sprintf("sm_%d", architectureOf(capability))
	usage := map[string]Usage{}
	for i, row := range rows {
		if len(row) < 4 || row[1] != arch {
			continue
		}
		registers, err := strconv.Atoi(row[2])
		if err != nil {
			return nil, fmt.Errorf("registers.csv: line %d: %w", i+1, err)
		}
		shared, err := strconv.Atoi(row[3])
		if err != nil {
			return nil, fmt.Errorf("registers.csv: line %d: %w", i+1, err)
		}
		usage[row[0]] = Usage{registers, shared}
	}
	if len(usage) == 0 {
		return nil, fmt.Errorf("registers.csv: no kernels for compute capability %d.%d", capability/10, capability%10)
	}
	return usage, nil
}
