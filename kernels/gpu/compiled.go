package gpu

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// artifacts holds what tools/kernels has made of the sources.
//
//go:embed compiled
var artifacts embed.FS

// Hash identifies the kernels: the SHA-256 of the list that tools/kernels writes, which has the compiler, and the hashes of all
// sources and of what it made of them.
func Hash() string {
	text, err := artifacts.ReadFile("compiled/manifest.json")
	if err != nil {
		return "none" // a test compares the list with the sources
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// Module is one source file, compiled.
type Module struct {
	Name  string // of the source file, without .cu
	Image []byte // a cubin, or PTX
	PTX   bool
}

// Architectures are the compute capabilities (10·major + minor) that there are cubins for, oldest first. A cubin runs on
// its own architecture and on those of the same major number that came after. Tensor cores as the kernels use them begin
// with 80. 89 has the machine code of 86, bit for bit.
var Architectures = []int{70, 75, 80, 86, 90, 100, 120}

// tegra are the compute capabilities of the GPUs within NVIDIA's Tegra: Xavier, Orin, and Thor by its two numbers. A cubin of
// a desktop's GPU need not run on them (CUDA C++ Programming Guide, Binary Compatibility).
var tegra = []int{72, 87, 101, 110}

// Portable is the architecture of the PTX, which is for every GPU from there on that no cubin is for.
const Portable = 80

// Cubins returns the kernels for a GPU of a compute capability (10·major + minor): cubins if there are some that it runs,
// and otherwise PTX, which the driver compiles.
func Cubins(capability int) ([]Module, error) {
	oldest := Architectures[0]
	if slices.Contains(tegra, capability) {
		oldest = Portable
	}
	if capability < oldest {
		return nil, fmt.Errorf("a GPU of compute capability %d.%d: the kernels need %d.%d or newer", capability/10, capability%10, oldest/10, oldest%10)
	}
	arch := architectureOf(capability)
	if arch == 0 {
		return PTX()
	}
	return archived(fmt.Sprintf("sm_%d.tar.zst", arch))
}

// architectureOf returns the architecture whose cubins a GPU runs; 0: there is none.
func architectureOf(capability int) (arch int) {
	if slices.Contains(tegra, capability) {
		return 0
	}
	for _, a := range Architectures {
		if a <= capability && a/10 == capability/10 {
			arch = a
		}
	}
	return arch
}

// PTX returns the kernels as PTX of the architecture Portable.
func PTX() ([]Module, error) { return archived(fmt.Sprintf("compute_%d.tar.zst", Portable)) }

// Driver returns the oldest CUDA of which a driver loads the module, 1000·major + 10·minor. A cubin needs the major version of its
// compiler, PTX the version of its language: PTX 8.5 came with CUDA 12.5.
func (m Module) Driver() int {
	if !m.PTX {
		return 12000
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(m.Image[:min(len(m.Image), 64)]), ".version %d.%d", &major, &minor); err != nil {
		return 0
	}
	return 1000*(major+4) + 10*minor
}

// Kernels returns the names of the module's kernels in alphabetical order. A kernel is declared in PTX with .entry. A cubin
// is an ELF file with a section .text.NAME for each kernel; debug/elf refuses the version number of NVIDIA's files.
func (m Module) Kernels() []string {
	pattern := `\.text\.(\w+)\x00`
	if m.PTX {
		pattern = `\.entry\s+(\w+)`
	}
	var names []string
	for _, found := range regexp.MustCompile(pattern).FindAllSubmatch(m.Image, -1) {
		names = append(names, string(found[1]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// archived returns the modules of an archive that is embedded.
func archived(name string) ([]Module, error) {
	data, err := artifacts.ReadFile("compiled/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this program was built without compiled kernels: there is no kernels/gpu/compiled/%s (make kernels)", name)
	}
	if err != nil {
		return nil, err
	}
	return modules(name, data)
}

// modules reads an archive that tools/kernels has written: sm_NN.tar.zst of cubins, or compute_NN.tar.zst of PTX.
func modules(name string, data []byte) ([]Module, error) {
	stream, err := zstd.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("compiled kernels: %s: %w", name, err)
	}
	defer stream.Close()
	var list []Module
	for archive := tar.NewReader(stream); ; {
		f, err := archive.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("compiled kernels: %s: %w", name, err)
		}
		image, err := io.ReadAll(archive)
		if err != nil {
			return nil, fmt.Errorf("compiled kernels: %s: %s: %w", name, f.Name, err)
		}
		list = append(list, Module{Name: strings.TrimSuffix(f.Name, path.Ext(f.Name)), Image: image, PTX: path.Ext(f.Name) == ".ptx"})
	}
}
