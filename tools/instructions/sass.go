package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"bnas.example/cuda/cost"
)

// machineOf is the architecture whose instructions are counted.
const machineOf = 90

// disassembly has of each kernel how many machine instructions ptxas makes of each line of its module's PTX. A machine
// instruction is taken to run as often as its line. This is near what a GPU runs, not the same: ptxas moves instructions out of
// loops, copies loops, and calls a division's rare cases.
type disassembly map[string]map[int]int

func disassemble(nvdisasm, loose string) (disassembly, error) {
	texts, err := ptxOf(loose)
	if err != nil {
		return nil, err
	}
	home, err := exec.Command("scripts/cuda-toolchain.sh").Output()
	if err != nil {
		return nil, errors.New("no CUDA compiler")
	}
	dir, err := os.MkdirTemp("", "instructions")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d := disassembly{}
	in, out := filepath.Join(dir, "k.ptx"), filepath.Join(dir, "k.cubin")
	for name, text := range texts {
		if err := os.WriteFile(in, text, 0o666); err != nil {
			return nil, err
		}
		ptxas := exec.Command(filepath.Join(strings.TrimSpace(string(home)), "bin/ptxas"), "-O3", "-lineinfo", fmt.Sprintf("-arch=sm_%d", machineOf), "-o", out, in)
		if said, err := ptxas.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: ptxas: %w\n%s", name, err, said)
		}
		listing, err := exec.Command(nvdisasm, "-gp", "-c", out).Output()
		if err != nil {
			return nil, fmt.Errorf("%s: nvdisasm: %w", name, err)
		}
		if err := d.read(listing); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return d, nil
}

var (
	kernelLine      = regexp.MustCompile(`^\s*\.section\s+\.text\.(\w+)`)
	ptxLine         = regexp.MustCompile(`nv_debug_ptx_txt", line (\d+)`)
	instructionLine = regexp.MustCompile(`^\s+/\*[0-9a-f]{4,}\*/`)
)

// read adds the kernels of a listing of nvdisasm.
func (d disassembly) read(listing []byte) error {
	var kernel map[int]int
	line := 0
	for s := bufio.NewScanner(bytes.NewReader(listing)); s.Scan(); {
		text := s.Text()
		if m := kernelLine.FindStringSubmatch(text); m != nil {
			kernel, line = map[int]int{}, 0
			d[m[1]] = kernel
		} else if m := ptxLine.FindStringSubmatch(text); m != nil {
			line, _ = strconv.Atoi(m[1])
		} else if instructionLine.MatchString(text) && !strings.Contains(text, " NOP") {
			if kernel == nil || line == 0 {
				return fmt.Errorf("nvdisasm lists an instruction of no line of PTX: %q", text)
			}
			kernel[line]++
		}
	}
	return nil
}

// show prints the machine instructions of a step, by kernel.
func (d disassembly) show(c *cost.Count) {
	total := 0.0
	counted := map[string]float64{}
	for kernel, lines := range c.Lines {
		for line, n := range d[kernel] {
			counted[kernel] += float64(n) * float64(lines[line])
		}
		total += counted[kernel]
	}
	fmt.Printf("machine instructions, sm_%d: %.1f M, %.3f of a PTX instruction\n", machineOf, total/1e6, total/float64(c.WarpInstructions))
	for _, l := range c.Kernels {
		if n := counted[l.Kernel]; n > 0 {
			fmt.Printf("  %s %.3f M\n", l.Kernel, n/1e6)
			delete(counted, l.Kernel)
		}
	}
	fmt.Println()
}
