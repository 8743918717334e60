package ptx

import (
	"fmt"
	"slices"
)

// Module is a PTX text whose kernels can be launched.
type Module struct {
	// Version and Target are what the text says: "8.5", "sm_80".
	Version, Target string
	source          *source
	kernels         map[string]*Kernel
}

// Kernel is one .entry of a module.
type Kernel struct {
	Name string
	// Params are the sizes of the parameters in bytes.
	Params []int
	// Shared is the static shared memory in bytes, Local the local memory of a thread.
	Shared, Local int
	// MaxThreads is the largest block that the kernel was compiled for; 0 where it does not say.
	MaxThreads int
	module     *Module
	program    *program
}

// Parse reads a module. Every error names the line.
func Parse(text string) (*Module, error) {
	s, err := parseSource(text)
	if err != nil {
		return nil, fmt.Errorf("ptx: %w", err)
	}
	m := &Module{Version: s.version, Target: s.target, source: s, kernels: map[string]*Kernel{}}
	for _, name := range s.order {
		f := s.functions[name]
		l, err := layOut(s, f)
		if err != nil {
			return nil, fmt.Errorf("ptx: kernel %s: %w", name, err)
		}
		p, err := build(s, l)
		if err != nil {
			return nil, fmt.Errorf("ptx: kernel %s: %w", name, err)
		}
		k := &Kernel{
			Name: name, Shared: l.declared, Local: l.local, MaxThreads: f.maxThreads, module: m, program: p,
		}
		for _, v := range f.params {
			k.Params = append(k.Params, v.size)
		}
		m.kernels[name] = k
	}
	return m, nil
}

// Kernels are the module's kernels by name, sorted.
func (m *Module) Kernels() []*Kernel {
	var ks []*Kernel
	for _, k := range m.kernels {
		ks = append(ks, k)
	}
	slices.SortFunc(ks, func(a, b *Kernel) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return ks
}

// Kernel finds a kernel by its name; nil where there is none.
func (m *Module) Kernel(name string) *Kernel { return m.kernels[name] }
