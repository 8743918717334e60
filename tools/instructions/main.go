// Command instructions counts the warp instructions of a training step: it runs the kernels' PTX on the interpreter, on one
// image and on two, and adds what each further image adds. It needs no GPU. Run it in the repository's root:
//
//	go run ./tools/instructions                          # all-3×3 of NAS-Bench-201, 256 images, three precisions
//	go run ./tools/instructions -precision bf16 -half    # one of them
//	go run ./tools/kernels -file conv_bf16 -arch 80 -o /tmp/x && go run ./tools/instructions -ptx /tmp/x -precision bf16 -half
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"bnas.example/cuda"
	"bnas.example/cuda/cost"
	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/interpreted"
	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

const all3x3 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"

func main() {
	space := flag.String("space", "nas-bench-201", "the search space")
	arch := flag.String("arch", all3x3, "the architecture")
	batch := flag.Int("batch", 256, "images a step")
	precision := flag.String("precision", "", "one precision instead of bf16 -half, tf32 and fp32")
	half := flag.Bool("half", false, "store values in half precision")
	loose := flag.String("ptx", "", "a folder with NAME.80.ptx that take the place of the kept kernels")
	flag.Parse()
	storages := []cuda.Storage{{Precision: cuda.BF16, Half: true}, {Precision: cuda.TF32}, {Precision: cuda.FP32}}
	if *precision != "" {
		storages = []cuda.Storage{{Precision: cuda.Precision(*precision), Half: *half}}
	}
	if err := run(*space, *arch, *batch, storages, *loose); err != nil {
		fmt.Fprintln(os.Stderr, "instructions:", err)
		os.Exit(1)
	}
}

func run(space, arch string, batch int, storages []cuda.Storage, loose string) error {
	net, err := supernet.New(supernet.Config{Space: space, BN: supernet.Standard})
	if err != nil {
		return err
	}
	a, err := net.Space.Parse(arch)
	if err != nil {
		return err
	}
	p, err := net.Program(a)
	if err != nil {
		return err
	}
	modules, err := modulesOf(loose)
	if err != nil {
		return err
	}
	for _, s := range storages {
		one, err := count(modules, p, net.Params(), 1, s)
		if err != nil {
			return err
		}
		two, err := count(modules, p, net.Params(), 2, s)
		if err != nil {
			return err
		}
		print(s, one, two, batch)
	}
	return nil
}

// modulesOf returns the kept kernels, or those of a folder where it has them.
func modulesOf(loose string) ([]*ptx.Module, error) {
	kept, err := interpreted.Kernels()
	if err != nil || loose == "" {
		return kept, err
	}
	files, err := filepath.Glob(filepath.Join(loose, "*.80.ptx"))
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	var modules []*ptx.Module
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		m, err := ptx.Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		for _, k := range m.Kernels() {
			own[k.Name] = true
		}
		modules = append(modules, m)
	}
	for _, m := range kept {
		if !slices.ContainsFunc(m.Kernels(), func(k *ptx.Kernel) bool { return own[k.Name] }) {
			modules = append(modules, m)
		}
	}
	return modules, nil
}

// counts are the launches and the warp instructions of each kernel.
type counts map[string]struct {
	launches int
	warps    uint64
}

func count(modules []*ptx.Module, p *kernels.Program, params []kernels.Param, n int, s cuda.Storage) (counts, error) {
	c := counts{}
	g, err := interpreted.New(interpreted.Options{}, modules...)
	if err != nil {
		return nil, err
	}
	g.Launched = func(l *driver.Launch, done ptx.Counts) {
		k := c[l.Kernel]
		k.launches++
		k.warps += done.WarpInstructions
		c[l.Kernel] = k
	}
	d, err := cuda.New(g, cuda.Options{Storage: s, NoGraphs: true})
	if err != nil {
		return nil, err
	}
	return c, errors.Join(cost.Step(d, p, params, n), d.Close())
}

func print(s cuda.Storage, one, two counts, batch int) {
	name := string(s.Precision)
	if s.Half {
		name += ", half storage"
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %d images\tlaunches\tM warp instructions\n", name, batch)
	total, launches := 0.0, 0
	for _, kernel := range slices.SortedFunc(maps.Keys(one), strings.Compare) {
		if kernel == "pack_weights" { // once a program, not once a step
			continue
		}
		a, b := one[kernel], two[kernel]
		n := float64(a.warps) + float64(batch-1)*(float64(b.warps)-float64(a.warps))
		total += n
		launches += a.launches
		fmt.Fprintf(w, "%s\t%d\t%.3f\n", kernel, a.launches, n/1e6)
	}
	fmt.Fprintf(w, "all\t%d\t%.1f\n\n", launches, total/1e6)
	w.Flush()
}
