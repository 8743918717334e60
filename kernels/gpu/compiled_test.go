package gpu_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels/gpu"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

type manifest struct {
	Compiler          string
	Sources, Archives map[string]string
}

func readManifest(t *testing.T) manifest {
	t.Helper()
	data, err := os.ReadFile("compiled/manifest.json")
	var m manifest
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hashes are the SHA-256 of the files that match, by their names without folder.
func hashes(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			sums[filepath.Base(name)] = hex.EncodeToString(sum[:])
		}
	}
	return sums
}

// unpacked returns the files of an archive in their order.
func unpacked(t *testing.T, path string) (files [][]byte) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stream, err := zstd.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	archive := tar.NewReader(stream)
	for {
		if _, err := archive.Next(); err == io.EOF {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
}

// What is embedded was made from the sources as they are.
func TestCompiledFromTheseSources(t *testing.T) {
	m := readManifest(t)
	sources := hashes(t, "*.cu", "*.cuh")
	if d := cmp.Diff(m.Sources, sources); d != "" {
		t.Errorf("the sources have changed since they were compiled (make kernels):\n%s", d)
	}
	if d := cmp.Diff(m.Archives, hashes(t, "compiled/*.tar.zst")); d != "" {
		t.Errorf("the archives are not those that were made (make kernels):\n%s", d)
	}
}

func TestCubinsFitTheGPU(t *testing.T) {
	m := readManifest(t)
	units := 0
	for name := range m.Sources {
		if strings.HasSuffix(name, ".cu") {
			units++
		}
	}
	for _, c := range []struct {
		capability int
		archive    string
	}{
		{70, "sm_70.tar.zst"}, {75, "sm_75.tar.zst"}, {80, "sm_80.tar.zst"}, {86, "sm_86.tar.zst"}, {88, "sm_86.tar.zst"}, {89, "sm_86.tar.zst"},
		{90, "sm_90.tar.zst"}, {100, "sm_100.tar.zst"}, {103, "sm_100.tar.zst"}, {120, "sm_120.tar.zst"}, {121, "sm_120.tar.zst"},
		{87, "compute_80.tar.zst"}, {101, "compute_80.tar.zst"}, {110, "compute_80.tar.zst"}, {130, "compute_80.tar.zst"},
	} {
		got, err := gpu.Cubins(c.capability)
		if err != nil {
			t.Fatal(err)
		}
		ptx := strings.HasPrefix(c.archive, "compute")
		want := unpacked(t, filepath.Join("compiled", c.archive))
		if len(got) != units {
			t.Errorf("%d: %d modules of %d source files", c.capability, len(got), units)
		}
		for i := range got {
			if got[i].PTX != ptx || !bytes.Equal(got[i].Image, want[i]) {
				t.Errorf("%d: %s is not of %s", c.capability, got[i].Name, c.archive)
			}
			if !ptx && !bytes.HasPrefix(got[i].Image, []byte("\x7fELF")) || ptx && !bytes.Contains(got[i].Image, []byte(".version")) {
				t.Errorf("%d: %s is not what its name says", c.capability, got[i].Name)
			}
		}
	}
}

// Every kernel of the table of registers is in one module of each archive, cubins or PTX.
func TestModulesNameTheirKernels(t *testing.T) {
	usage := usage(t, gpu.Portable)
	for _, capability := range append(slices.Clone(gpu.Architectures), 87) {
		modules, err := gpu.Cubins(capability)
		if err != nil {
			t.Fatal(err)
		}
		in := map[string]int{}
		for _, m := range modules {
			for _, name := range m.Kernels() {
				in[name]++
			}
		}
		if len(in) != len(usage) {
			t.Errorf("%d: %d kernels, the table has %d", capability, len(in), len(usage))
		}
		for name := range usage {
			if in[name] != 1 {
				t.Errorf("%d: %s is in %d modules", capability, name, in[name])
			}
		}
	}
}

// The oldest driver is that of the compiler's major version for a cubin, and of its language for PTX.
func TestOldestDriver(t *testing.T) {
	if compiler := readManifest(t).Compiler; !strings.HasPrefix(compiler, "NVRTC 12.") || strings.Count(compiler, "ptxas 12.") != strings.Count(compiler, "ptxas ") {
		t.Fatalf("the compiler is %s", compiler)
	}
	for capability, want := range map[int]int{70: 12000, 90: 12000, 120: 12000, 87: 12050} {
		modules, err := gpu.Cubins(capability)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range modules {
			if m.Driver() != want {
				t.Errorf("%d: %s loads from %d on, want %d", capability, m.Name, m.Driver(), want)
			}
		}
	}
	if got := (gpu.Module{PTX: true, Image: []byte("no PTX")}).Driver(); got != 0 {
		t.Errorf("what is no PTX loads from %d on", got)
	}
}

func TestOldGPUsAreRefused(t *testing.T) {
	for capability, want := range map[int]string{61: "6.1: the kernels need 7.0", 72: "7.2: the kernels need 8.0"} {
		if _, err := gpu.Cubins(capability); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", capability, err)
		}
	}
}

// No kernel puts registers into memory.
func TestNoSpills(t *testing.T) {
	f, err := os.Open("registers.csv")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no kernels have been compiled: make kernels")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("registers.csv: %d rows, %v", len(rows), err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, row := range rows[1:] {
		if stored, loaded := row[column["spill_stores"]], row[column["spill_loads"]]; stored != "0" || loaded != "0" {
			t.Errorf("%s on %s: %s bytes stored, %s loaded", row[0], row[column["arch"]], stored, loaded)
		}
	}
}
