// Command instructions counts the warp instructions of the training steps that the documents show, by the PTX of the kernels,
// and keeps them in cuda/cost/instructions.csv and docs/gpu.md. It needs no GPU. Run it in the repository's root:
//
//	go run ./tools/instructions                # print the counts
//	go run ./tools/instructions -write         # and write the tables
//	go run ./tools/kernels -file conv_bf16 -arch 80 -o /tmp/x
//	go run ./tools/instructions -ptx /tmp/x    # with PTX that is not among the compiled kernels
//	pip install nvidia-cuda-nvdisasm
//	go run ./tools/instructions -sass …/nvdisasm   # and the machine instructions that ptxas makes of the PTX
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"bnas.example/cuda/cost"
	"bnas.example/internal/gpusim/ptx"
	"bnas.example/internal/wholefile"
	"bnas.example/kernels/gpu"
)

const tableFile = "cuda/cost/instructions.csv"

type options struct {
	write, all      bool
	step, precision string
	loose, sass     string
}

func main() {
	var o options
	flag.BoolVar(&o.write, "write", false, "write "+tableFile+" and the tables of "+docsFile)
	flag.BoolVar(&o.all, "all", false, "print each launch, not each kernel")
	flag.StringVar(&o.step, "step", "", "only all3x3, mixed, darts or macro")
	flag.StringVar(&o.precision, "precision", "", "only one precision: bf16 (with half storage), tf32, fp32")
	flag.StringVar(&o.loose, "ptx", "", "a folder with NAME.80.ptx that take the place of compiled kernels")
	flag.StringVar(&o.sass, "sass", "", "count machine instructions too, with this `nvdisasm`")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "instructions:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	part := o.step != "" || o.precision != "" || o.loose != ""
	if o.write && part {
		return fmt.Errorf("-write is for all steps with the compiled kernels")
	}
	modules, err := modulesOf(o.loose)
	if err != nil {
		return err
	}
	var machine disassembly
	if o.sass != "" {
		if machine, err = disassemble(o.sass, o.loose); err != nil {
			return err
		}
	}
	var counts []*cost.Count
	for _, d := range cost.DocumentedSteps() {
		if o.step != "" && o.step != d.Name || o.precision != "" && o.precision != string(d.Precision) {
			continue
		}
		c, err := d.Count(modules)
		if err != nil {
			return err
		}
		counts = append(counts, c)
		name := fmt.Sprintf("%s, %s, %d images", d.Name, d.Precision, c.Images)
		if d.Half {
			name += ", half storage"
		}
		show(name, c, o.all)
		if machine != nil {
			machine.show(c)
		}
	}
	if len(counts) == 0 {
		return fmt.Errorf("no step %s in %s", o.step, o.precision)
	}
	if !o.write {
		return nil
	}
	compiled, err := gpu.PTX()
	if err != nil {
		return err
	}
	cost.Unify(counts)
	text, err := cost.Table(counts, compiled)
	if err != nil {
		return err
	}
	return errors.Join(wholefile.Write(tableFile, []byte(text)), writeDocs(counts, wholefile.Write))
}

// modulesOf returns the compiled kernels, or those of a folder where it has them.
func modulesOf(loose string) ([]*ptx.Module, error) {
	texts, err := ptxOf(loose)
	if err != nil {
		return nil, err
	}
	var modules []*ptx.Module
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		m, err := ptx.Parse(string(texts[name]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		modules = append(modules, m)
	}
	return modules, nil
}

// ptxOf returns the PTX of each source file.
func ptxOf(loose string) (map[string][]byte, error) {
	kept, err := gpu.PTX()
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, m := range kept {
		texts[m.Name] = m.Image
	}
	if loose == "" {
		return texts, nil
	}
	extension := fmt.Sprintf(".%d.ptx", gpu.Portable)
	files, err := filepath.Glob(filepath.Join(loose, "*"+extension))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no NAME%s", loose, extension)
	}
	for _, f := range files {
		text, readErr := os.ReadFile(f)
		err = errors.Join(err, readErr)
		texts[strings.TrimSuffix(filepath.Base(f), extension)] = text
	}
	return texts, err
}

// line is a line of the table that is printed: some launches.
type line struct {
	launches                int
	instructions            int64
	blockCycles, tailCycles int
}

func (l line) plus(n cost.Instructions) line {
	return line{l.launches + 1, l.instructions + n.WarpInstructions, l.blockCycles + n.BlockCycles, l.tailCycles + n.TailCycles}
}

func show(name string, c *cost.Count, all bool) {
	lines := map[string]line{}
	var total line
	for _, l := range c.Kernels {
		key := l.Kernel
		if all {
			key += " " + l.Shape
		}
		lines[key], total = lines[key].plus(l.Instructions), total.plus(l.Instructions)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tlaunches\tM warp instructions\tk cycles of a block\tk cycles of the tails\n", name)
	row := func(name string, l line) {
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.1f\t%.1f\n", name, l.launches, float64(l.instructions)/1e6, float64(l.blockCycles)/1e3, float64(l.tailCycles)/1e3)
	}
	keys := slices.Collect(maps.Keys(lines))
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(-cmp.Compare(lines[a].instructions, lines[b].instructions), cmp.Compare(a, b))
	})
	for _, k := range keys {
		row(k, lines[k])
	}
	row("all", total)
	fmt.Fprintln(w)
	w.Flush()
}
