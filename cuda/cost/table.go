package cost

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	_ "embed"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/supernet"
)

// The table of instructions has the launches of the steps that the documents count, as tools/instructions interprets them.
//
//go:embed instructions.csv
var instructionsCSV string

var tableHeader = []string{"kernel", "shape", "grid", "block", "shared", "warp_instructions", "block_cycles", "tail_cycles"}

// kept reads the table.
var kept = sync.OnceValues(func() (map[Key]Instructions, error) { return readTable(instructionsCSV) })

func readTable(text string) (map[Key]Instructions, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("instructions.csv: %w", err)
	}
	table := map[Key]Instructions{}
	for i, row := range rows {
		if i == 0 {
			if !slices.Equal(row, tableHeader) {
				return nil, fmt.Errorf("instructions.csv: the columns are %v, not %v", row, tableHeader)
			}
			continue
		}
		k := Key{Kernel: row[0], Shape: row[1]}
		grid := strings.Split(row[2], "x")
		if len(grid) != 3 {
			return nil, fmt.Errorf("instructions.csv: row %d: a grid %s", i, row[2])
		}
		var n [8]int
		for j, field := range append(grid, row[3:]...) {
			if n[j], err = strconv.Atoi(field); err != nil {
				return nil, fmt.Errorf("instructions.csv: row %d: %w", i, err)
			}
		}
		k.Grid, k.Block, k.Shared = [3]int(n[:3]), n[3], n[4]
		table[k] = Instructions{int64(n[5]), n[6], n[7]}
	}
	return table, nil
}

// Unify gives launches with the same key what the first of them has: where the parameters of equal launches lie differently in
// the lines of the cache, the cycles of a block differ a little.
func Unify(counts []*Count) {
	first := map[Key]Instructions{}
	for _, c := range counts {
		for i := range c.Kernels {
			l := &c.Kernels[i]
			if _, again := first[l.key()]; !again {
				first[l.key()] = l.Instructions
			}
			l.Instructions = first[l.key()]
		}
	}
}

// Table is the text of instructions.csv with the launches of some counts that are unified. ptx are the modules that were interpreted.
func Table(counts []*Count, ptx []gpu.Module) (string, error) {
	all := map[Key]Instructions{}
	for _, c := range counts {
		for _, l := range c.Kernels {
			all[l.key()] = l.Instructions
		}
	}
	var rows [][]string
	for k, n := range all {
		row := []string{k.Kernel, k.Shape, fmt.Sprintf("%dx%dx%d", k.Grid[0], k.Grid[1], k.Grid[2])}
		for _, v := range []int{k.Block, k.Shared, int(n.WarpInstructions), n.BlockCycles, n.TailCycles} {
			row = append(row, strconv.Itoa(v))
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b []string) int { return cmp.Compare(strings.Join(a, ","), strings.Join(b, ",")) })
	var text bytes.Buffer
	fmt.Fprintf(&text, "# of PTX %s: go run ./tools/instructions -write\n", digest(ptx))
	w := csv.NewWriter(&text)
	if err := w.WriteAll(append([][]string{tableHeader}, rows...)); err != nil {
		return "", err
	}
	return text.String(), nil
}

// digest is a hash of PTX.
func digest(modules []gpu.Module) string {
	h := sha256.New()
	for _, m := range modules {
		h.Write(m.Image)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Documented is a step that the documents count: an architecture in the standard placement, 256 images.
type Documented struct {
	Name, Space, Arch string
	cuda.Storage
}

// DocumentedSteps are the steps whose launches the table has: two networks of NAS-Bench-201, one of DARTS with all of its operators but one,
// and one of NAS-Bench-Macro.
func DocumentedSteps() (list []Documented) {
	half := cuda.Storage{Precision: cuda.BF16, Half: true}
	for _, a := range [][2]string{
		{"all3x3", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"},
		{"mixed", "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"},
	} {
		for _, s := range []cuda.Storage{half, {Precision: cuda.TF32}, {Precision: cuda.FP32}} {
			list = append(list, Documented{a[0], "nas-bench-201", a[1], s})
		}
	}
	return append(list, Documented{"darts", "darts", dartsPath, half}, Documented{"macro", "nas-bench-macro", "12211221", half})
}

const dartsPath = "normal avg_pool_3x3:0 sep_conv_3x3:1 skip_connect:0 dil_conv_3x3:1 avg_pool_3x3:0 skip_connect:2 sep_conv_5x5:0 skip_connect:1 " +
	"reduce skip_connect:0 max_pool_3x3:1 skip_connect:0 dil_conv_3x3:2 avg_pool_3x3:0 skip_connect:2 sep_conv_5x5:0 skip_connect:1"

// Count counts the step by the interpreter alone, without the table.
func (d Documented) Count(modules []*ptx.Module) (*Count, error) {
	p, params, err := d.Program()
	if err != nil {
		return nil, err
	}
	c, err := plan(p, params, 256, d.Storage)
	if err != nil {
		return nil, err
	}
	return c, c.countInstructions(p, params, nil, func(...string) ([]*ptx.Module, error) { return modules, nil })
}

// Program is the step's network, and its parameters.
func (d Documented) Program() (*kernels.Program, []kernels.Param, error) {
	net, err := supernet.New(supernet.Config{Space: d.Space, BN: supernet.Standard})
	if err != nil {
		return nil, nil, err
	}
	a, err := net.Space.Parse(d.Arch)
	if err != nil {
		return nil, nil, err
	}
	p, err := net.Program(a)
	return p, net.Params(), err
}
