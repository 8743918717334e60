// Command kernels compiles the CUDA kernels of kernels/gpu for every architecture and keeps the result in the
// repository: cubins and PTX, and the table of registers and spills. It needs no GPU: the compiler is found or fetched
// by scripts/cuda-toolchain.sh. Run it in the repository's root:
//
//	go run ./tools/kernels                      # compile all, write kernels/gpu/compiled and registers.csv
//	go run ./tools/kernels -check               # compile all, compare the table, write nothing
//	go run ./tools/kernels -file conv -arch 80  # a part: compile, print its table
//	go run ./tools/kernels -file conv -o /tmp/x # and write its PTX and cubins there
//
// Any warning of the compiler is an error, and any spilled register.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"bnas.example/internal/wholefile"
)

const (
	sourceDir   = "kernels/gpu"
	compiledDir = sourceDir + "/compiled"
	tableFile   = sourceDir + "/registers.csv"
)

type options struct {
	check      bool
	arch, file string
	out        string
	workers    int
}

func main() {
	var o options
	flag.BoolVar(&o.check, "check", false, "compare the table of registers, write nothing")
	flag.StringVar(&o.arch, "arch", "", "compile for these architectures only: 80,90")
	flag.StringVar(&o.file, "file", "", "compile only the .cu files whose name contains this")
	flag.StringVar(&o.out, "o", "", "write loose PTX and cubins into this folder")
	flag.IntVar(&o.workers, "j", runtime.NumCPU(), "how many to compile at a time")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	start := time.Now()
	s, err := readSources(sourceDir)
	if err != nil {
		return fmt.Errorf("%w (run in the repository's root)", err)
	}
	units, archs, err := o.choose(s)
	if err != nil {
		return err
	}
	t, err := openToolchain(archs)
	if err != nil {
		return err
	}
	if err := forgetOld(); err != nil {
		return err
	}
	objects, err := build(t, s, units, archs, max(1, o.workers))
	if err != nil {
		return err
	}
	var rows []registers
	for _, object := range objects {
		rows = append(rows, object.Registers...)
	}
	made, err := table(rows)
	if err != nil {
		return err
	}
	if err := errors.Join(spills(rows), o.finish(t, s, objects, made)); err != nil {
		return err
	}
	fmt.Printf("%d files, %d architectures, %d kernels: no warning, no spill; %s, %.1f s\n",
		len(units), len(archs), len(rows), t.version(), time.Since(start).Seconds())
	return nil
}

// choose returns the units and the architectures to compile for.
func (o options) choose(s sources) (units, archs []string, err error) {
	units, archs = s.units(), architectures
	if o.arch != "" {
		archs = strings.Split(o.arch, ",")
		for _, a := range archs {
			if !slices.Contains(architectures, a) {
				return nil, nil, fmt.Errorf("-arch %s: the architectures are %s", a, strings.Join(architectures, ","))
			}
		}
	}
	units = slices.DeleteFunc(units, func(name string) bool { return !strings.Contains(name, o.file) })
	if len(units) == 0 {
		return nil, nil, fmt.Errorf("%s has no .cu file whose name contains %q", sourceDir, o.file)
	}
	return units, archs, nil
}

// finish does what the options ask with what was compiled.
func (o options) finish(t *toolchain, s sources, objects []object, made string) error {
	part := o.arch != "" || o.file != ""
	if part {
		fmt.Print(made)
	}
	if o.out != "" {
		return writeLoose(o.out, objects)
	}
	if part {
		return nil
	}
	if o.check {
		kept, err := os.ReadFile(tableFile)
		if err != nil {
			return fmt.Errorf("%w: run go run ./tools/kernels", err)
		}
		if string(kept) != made {
			return fmt.Errorf("%s is not what the sources give (run go run ./tools/kernels):\n%s", tableFile, difference(string(kept), made))
		}
		return nil
	}
	if err := wholefile.Write(tableFile, []byte(made)); err != nil {
		return err
	}
	return writeArchives(compiledDir, t, s, objects)
}
