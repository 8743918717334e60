package cost

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Executed is what a profiler counted of a kernel.
type Executed struct {
	Launches     int
	Instructions float64 // warp instructions of all launches
}

// executedMetric is Nsight Compute's count of the warp instructions that were executed.
const executedMetric = "smsp__inst_executed.sum"

// mostInstructions of a launch is more than a GPU executes in a year.
const mostInstructions = 1e18

// ReadNCU reads the instructions of each kernel from what Nsight Compute writes with --csv and the metric
// smsp__inst_executed.sum: a line for each launch, or with --print-summary per-kernel one for each form of a launch. The lines of
// the table begin with a quote; what the profiler and its program say beside it does not, and is passed over.
func ReadNCU(r io.Reader) (map[string]Executed, error) {
	var t ncuTable
	executed := map[string]Executed{}
	for lines := bufio.NewReader(r); ; {
		line, end := lines.ReadString('\n')
		if end != nil && end != io.EOF {
			return nil, end
		}
		if strings.HasPrefix(line, `"`) && (t.header != 0 || strings.Contains(line, `"Metric Name"`)) {
			row, err := csv.NewReader(strings.NewReader(line)).Read()
			if err == nil && t.header == 0 {
				t, err = newNCUTable(row)
			} else if err == nil {
				err = t.add(executed, row)
			}
			if err != nil {
				return nil, fmt.Errorf("the table of Nsight Compute: %w", err)
			}
		}
		if end != nil {
			break
		}
	}
	switch {
	case t.header == 0:
		return nil, errors.New("there is no table of Nsight Compute in it (ncu --csv --metrics " + executedMetric + ")")
	case len(executed) == 0:
		return nil, errors.New("the table of Nsight Compute has no " + executedMetric)
	}
	return executed, nil
}

// ncuTable has the places of the columns in a table, and their number, header. There is no column launches if a line is one.
type ncuTable struct{ header, kernel, metric, launches, value int }

func newNCUTable(header []string) (ncuTable, error) {
	column := func(name string) int { return slices.Index(header, name) }
	t := ncuTable{len(header), column("Kernel Name"), column("Metric Name"), column("Invocations"), column("Metric Value")}
	if t.launches >= 0 {
		t.value = column("Average")
	}
	if min(t.kernel, t.metric, t.value) < 0 {
		return t, errors.New(`it has no column "Kernel Name", or none of metrics and their values`)
	}
	return t, nil
}

// add adds the launches of a line.
func (t ncuTable) add(executed map[string]Executed, row []string) error {
	if len(row) != t.header {
		return fmt.Errorf("a line has %d fields, the header has %d", len(row), t.header)
	}
	if row[t.metric] != executedMetric {
		return nil
	}
	name, _, _ := strings.Cut(row[t.kernel], "(")
	launches := 1
	if t.launches >= 0 {
		var err error
		if launches, err = strconv.Atoi(strings.ReplaceAll(row[t.launches], ",", "")); err != nil || launches < 1 || launches > 1e9 {
			return fmt.Errorf("%s has %q launches", name, row[t.launches])
		}
	}
	each, err := strconv.ParseFloat(strings.ReplaceAll(row[t.value], ",", ""), 64)
	if err != nil || !(each >= 0 && each <= mostInstructions) {
		return fmt.Errorf("%s has %q instructions", name, row[t.value])
	}
	e := executed[name]
	executed[name] = Executed{e.Launches + launches, e.Instructions + float64(launches)*each}
	return nil
}

// Compared is a kernel of a step by the count and by a profiler.
type Compared struct {
	Kernel   string  `json:"kernel"`
	Launches int     `json:"launches"`
	Counted  int64   `json:"warp_instructions"` // of PTX
	Executed float64 `json:"executed"`          // of the machine, by the profiler, in one step
	Ratio    float64 `json:"ratio"`             // executed/counted
}

// The machine instructions that ptxas makes of an instruction of PTX are few or many: by tools/instructions -sass 1.0 to 1.5 over a
// documented step, and 1.0 to 2.2 over a kernel that has 1 % of the step. A count that is beyond these bounds is wrong.
const (
	kernelShare                 = 0.01
	leastOfStep, mostOfStep     = 0.8, 1.8
	leastOfKernel, mostOfKernel = 0.7, 3.0
)

// updateKernels begin the names of the kernels of an update, which a profile of bnas bench step does not have.
var updateKernels = []string{"gradient_norm", "update_"}

// Against compares the count with what a profiler saw of whole steps. The error says which kernels were launched another number of
// times, and where the instructions are beyond what ptxas makes of PTX. Kernels that no step has are not compared.
func (c *Count) Against(executed map[string]Executed) ([]Compared, error) {
	var all []Compared
	for _, l := range c.Kernels {
		i := slices.IndexFunc(all, func(k Compared) bool { return k.Kernel == l.Kernel })
		if i < 0 {
			i = len(all)
			all = append(all, Compared{Kernel: l.Kernel})
		}
		all[i].Launches++
		all[i].Counted += l.WarpInstructions
	}
	all = slices.DeleteFunc(all, func(k Compared) bool {
		return executed[k.Kernel].Launches == 0 && slices.ContainsFunc(updateKernels, func(name string) bool { return strings.HasPrefix(k.Kernel, name) })
	})
	total := Compared{Kernel: "step"}
	steps := 0
	for _, k := range all {
		steps = max(steps, executed[k.Kernel].Launches/k.Launches)
		total.Counted += k.Counted
		total.Launches += k.Launches
	}
	var wrong []string
	for i := range all {
		k := &all[i]
		e := executed[k.Kernel]
		if e.Launches != steps*k.Launches || steps == 0 {
			wrong = append(wrong, fmt.Sprintf("%s was launched %d times in %d steps of %d launches", k.Kernel, e.Launches, steps, k.Launches))
			continue
		}
		k.Executed = e.Instructions / float64(steps)
		k.Ratio = k.Executed / float64(k.Counted)
		total.Executed += k.Executed
		if float64(k.Counted) >= kernelShare*float64(total.Counted) && (k.Ratio < leastOfKernel || k.Ratio > mostOfKernel) {
			wrong = append(wrong, fmt.Sprintf("%s executed %.2f times the instructions counted, not %g to %g", k.Kernel, k.Ratio, leastOfKernel, mostOfKernel))
		}
	}
	if wrong == nil {
		if total.Ratio = total.Executed / float64(total.Counted); total.Ratio < leastOfStep || total.Ratio > mostOfStep {
			wrong = append(wrong, fmt.Sprintf("the step executed %.2f times the instructions counted, not %g to %g", total.Ratio, leastOfStep, mostOfStep))
		}
	}
	if wrong != nil {
		return all, errors.New(strings.Join(wrong, "; "))
	}
	return append(all, total), nil
}
