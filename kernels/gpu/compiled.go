package gpu

import (
	"archive/zip"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// artifacts holds what tools/kernels has made of the sources.
//
//go:embed compiled
var artifacts embed.FS

// Module is one source file, compiled.
type Module struct {
	Name  string // of the source file, without .cu
	Image []byte // a cubin, or PTX
	PTX   bool
}

// architectures are those that there are cubins for. A cubin runs on its own architecture and on those with the same
// first digit that came after.
var architectures = []int{70, 75, 80, 86, 89, 90}

// newest is the architecture whose PTX is for all that came after.
const newest = 90

// Cubins returns the kernels for a GPU of a compute capability (10·major + minor): cubins where there are some that it
// runs, else PTX, which the driver compiles.
func Cubins(capability int) ([]Module, error) {
	if oldest := architectures[0]; capability < oldest {
		return nil, fmt.Errorf("a GPU of compute capability %d.%d: the kernels need %d.%d or newer", capability/10, capability%10, oldest/10, oldest%10)
	}
	best := 0
	for _, a := range architectures {
		if a <= capability && a/10 == capability/10 {
			best = a
		}
	}
	if best == 0 {
		return PTX(newest)
	}
	return modules(fmt.Sprintf("sm_%d.zip", best), ".cubin")
}

// PTX returns the kernels as PTX for a virtual architecture: 80 or 90.
func PTX(architecture int) ([]Module, error) {
	return modules(fmt.Sprintf("compute_%d.zip", architecture), ".ptx")
}

func modules(name, extension string) ([]Module, error) {
	data, err := artifacts.ReadFile("compiled/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this program was built without compiled kernels: there is no kernels/gpu/compiled/%s (make kernels)", name)
	}
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("kernels/gpu/compiled/%s: %w", name, err)
	}
	var list []Module
	for _, f := range archive.File {
		image, err := unpack(f)
		if err != nil {
			return nil, fmt.Errorf("kernels/gpu/compiled/%s: %s: %w", name, f.Name, err)
		}
		list = append(list, Module{Name: strings.TrimSuffix(f.Name, extension), Image: image, PTX: extension == ".ptx"})
	}
	return list, nil
}

func unpack(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}
