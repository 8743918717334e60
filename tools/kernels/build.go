package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"bnas.example/kernels/gpu"
)

// architectures are those that a cubin is made for, oldest first.
var architectures = names(gpu.Architectures)

// virtual returns the architecture whose PTX a cubin is assembled from. The kernels have code of their own before 7.5 and
// before 8.0; later PTX is the same but for its name, and NVRTC may not know the architecture.
func virtual(arch string) string {
	if number(arch) < gpu.Portable {
		return arch
	}
	return strconv.Itoa(gpu.Portable)
}

func names(numbers []int) (list []string) {
	for _, n := range numbers {
		list = append(list, strconv.Itoa(n))
	}
	return list
}

// object is one source file compiled for one architecture.
type object struct {
	Unit, Arch string
	PTX, Cubin []byte
	Registers  []registers
}

func (o object) name() string { return strings.TrimSuffix(o.Unit, ".cu") }

// build compiles every unit for every architecture, workers at a time. The objects are in order of units, then of
// architectures.
func build(t *toolchain, s sources, units, archs []string, workers int) ([]object, error) {
	objects := make([]object, len(units)*len(archs))
	failed := make([]error, len(objects))
	texts := &texts{made: map[string]func() ([]byte, error){}}
	var group errgroup.Group
	group.SetLimit(workers)
	for i := range objects {
		unit, arch := units[i/len(archs)], archs[i%len(archs)]
		group.Go(func() error {
			objects[i], failed[i] = buildOne(t, s, texts, unit, arch)
			return nil
		})
	}
	_ = group.Wait()
	return objects, firstOfEach(failed, len(archs))
}

// firstOfEach joins the first error of every run of n: one mistake in a file is not told for each architecture.
func firstOfEach(failed []error, n int) error {
	var text []string
	for i := 0; i < len(failed); i += n {
		for _, err := range failed[i : i+n] {
			if err != nil {
				text = append(text, err.Error())
				break
			}
		}
	}
	if text == nil {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(text, "\n"))
}

// texts has the PTX of each unit for each virtual architecture: most cubins are assembled from the same.
type texts struct {
	lock sync.Mutex
	made map[string]func() ([]byte, error)
}

func (x *texts) of(s sources, unit string, options []string) ([]byte, error) {
	key := unit + " " + strings.Join(options, " ")
	x.lock.Lock()
	compile := x.made[key]
	if compile == nil {
		compile = sync.OnceValues(func() ([]byte, error) { return compilePTX(unit, s[unit], s.headers(), options) })
		x.made[key] = compile
	}
	x.lock.Unlock()
	return compile()
}

func buildOne(t *toolchain, s sources, x *texts, unit, arch string) (object, error) {
	options := []string{"--gpu-architecture=compute_" + virtual(arch), "--std=c++17"}
	key, err := cacheKey(t, s, unit, arch, options)
	if err != nil {
		return object{}, err
	}
	if o, ok := cached(key); ok {
		return o, nil
	}
	o := object{Unit: unit, Arch: arch}
	if o.PTX, err = x.of(s, unit, options); err != nil {
		return o, fmt.Errorf("%s for compute_%s: %w", unit, virtual(arch), err)
	}
	var report string
	if o.Cubin, report, err = t.assemble(o.PTX, arch); err != nil {
		return o, fmt.Errorf("%s for sm_%s: %w", unit, arch, err)
	}
	if o.Registers, err = parseRegisters(report, arch); err != nil {
		return o, fmt.Errorf("%s for sm_%s: %w", unit, arch, err)
	}
	return o, keep(key, o)
}
