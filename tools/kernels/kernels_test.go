package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const report = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'first' for 'sm_80'
ptxas info    : Function properties for first
    16 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 44 registers, used 1 barriers, 512 bytes smem, 376 bytes cmem[0]
ptxas info    : Function properties for _Z6calledf
    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
ptxas info    : Compiling entry function 'second' for 'sm_80'
ptxas info    : Function properties for second
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 8 registers, 376 bytes cmem[0]
`

func TestParseRegisters(t *testing.T) {
	got, err := parseRegisters(report, "80")
	if err != nil {
		t.Fatal(err)
	}
	want := []registers{
		{Kernel: "first", Arch: "80", Registers: 44, Shared: 512, SpillStores: 4, SpillLoads: 12, Stack: 24},
		{Kernel: "second", Arch: "80", Registers: 8},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := parseRegisters(strings.Replace(report, "Used 8 registers", "", 1), "80"); err == nil {
		t.Error("a kernel without registers is accepted")
	}
}

func TestSpillsAreErrors(t *testing.T) {
	rows, err := parseRegisters(report, "80")
	if err != nil {
		t.Fatal(err)
	}
	if err := spills(rows); err == nil || !strings.Contains(err.Error(), "first on sm_80 spills: 4 bytes stored, 12 loaded") {
		t.Errorf("spills: %v", err)
	}
	if err := spills(rows[1:]); err != nil {
		t.Error(err)
	}
	rows[0].SpillStores = 0
	if err := spills(rows); err == nil || !strings.Contains(err.Error(), "0 bytes stored, 12 loaded") {
		t.Errorf("loads alone: %v", err)
	}
}

func TestTable(t *testing.T) {
	rows := []registers{{Kernel: "b", Arch: "80", Registers: 9, Shared: 4}, {Kernel: "a", Arch: "90", Registers: 8}, {Kernel: "a", Arch: "70", Stack: 3}}
	got, err := table(rows)
	if err != nil {
		t.Fatal(err)
	}
	want := "kernel,arch,registers,static_shared,spill_stores,spill_loads,stack\na,sm_70,0,0,0,0,3\na,sm_90,8,0,0,0,0\nb,sm_80,9,4,0,0,0\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := difference("x\ny\n", "y\nz\n"); d != "- x\n+ z" {
		t.Errorf("difference: %q", d)
	}
}

func TestNeeds(t *testing.T) {
	s := sources{
		"a.cu":  "#include \"b.cuh\"\n # include \"c.cuh\"\n",
		"b.cuh": "#include \"c.cuh\"\n",
		"c.cuh": "",
		"d.cu":  "#include \"none.cuh\"\n",
	}
	got, err := s.needs("a.cu")
	if d := cmp.Diff([]string{"a.cu", "b.cuh", "c.cuh"}, got); err != nil || d != "" {
		t.Error(err, d)
	}
	if _, err := s.needs("d.cu"); err == nil || !strings.Contains(err.Error(), "d.cu includes none.cuh") {
		t.Errorf("an include that is not there: %v", err)
	}
}

// The key of what is kept changes with the compiler, the options and every text that is included.
func TestCacheKey(t *testing.T) {
	s := sources{"a.cu": "#include \"b.cuh\"\n", "b.cuh": "1", "other.cuh": "1"}
	arch := "80"
	key := func(version, option string) string {
		k, err := cacheKey(&toolchain{ptxas: assembler{version: version}}, s, "a.cu", arch, []string{option})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := key("1", "x")
	s["other.cuh"] = "2"
	if key("1", "x") != first {
		t.Error("a file that is not included changes the key")
	}
	if key("2", "x") == first || key("1", "y") == first {
		t.Error("the compiler or its options do not change the key")
	}
	arch = "86"
	if key("1", "x") == first {
		t.Error("the architecture does not change the key")
	}
	s["b.cuh"] = "2"
	if key("1", "x") == first {
		t.Error("an included file does not change the key")
	}
}

// The same objects give the same archives, and the manifest says what they are.
func TestArchives(t *testing.T) {
	s := sources{"a.cu": "text", "b.cuh": "more"}
	var objects []object
	for _, arch := range architectures {
		objects = append(objects, object{Unit: "a.cu", Arch: arch, PTX: []byte("ptx " + arch), Cubin: []byte("cubin " + arch)})
	}
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		if err := writeArchives(dir, &toolchain{nvrtc: "v"}, s, objects); err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(filepath.Join(dirs[0], "*"))
	if err != nil || len(names) != len(architectures)+2 {
		t.Fatalf("%v, %v", names, err)
	}
	manifest, err := os.ReadFile(filepath.Join(dirs[0], "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		first, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(dirs[1], filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		if string(first) != string(second) {
			t.Errorf("%s is not the same twice", filepath.Base(name))
		}
		if strings.HasSuffix(name, ".tar.zst") && !strings.Contains(string(manifest), hash(first)) {
			t.Errorf("the manifest does not have the hash of %s", filepath.Base(name))
		}
	}
}

func TestDense(t *testing.T) {
	const ptx = "//\n// Generated\n\n.version 8.5\n\n\t// .globl\tsum\n.visible .entry sum(\n\t.param .u64 sum_param_0,\n)\n{\n\t.reg .b32 \t%r<3>;\n" +
		"\tld.global.v2.u32 \t{%r1, %r2}, [%rd1+8]; // both\n\n$L__1:\n\tret;\n\n}\n"
	const want = ".version 8.5\n.visible .entry sum(\n.param .u64 sum_param_0,\n)\n{\n.reg .b32 %r<3>;\nld.global.v2.u32 {%r1,%r2},[%rd1+8];\n$L__1:\nret;\n}\n"
	if got := string(dense([]byte(ptx))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The compiler itself: what is right gives PTX and a cubin; a warning, a mistake and a spill are errors.
func TestCompiler(t *testing.T) {
	t.Chdir("../..")
	tools, err := openToolchain([]string{"80"})
	if err != nil {
		t.Skipf("%v", err)
	}
	const spilling = `extern "C" __global__ void __launch_bounds__(1024, 2) k(float *out, const float *in) {
	float a[64];
	for (int i = 0; i < 64; i++) a[i] = in[i * 1024 + threadIdx.x];
	__syncthreads();
	for (int i = 0; i < 64; i++) for (int j = 0; j < 64; j++) out[(i * 64 + j) * 1024 + threadIdx.x] = a[i] * a[j] + a[63 - i];
}`
	for _, c := range []struct{ name, text, says string }{
		{"right", `#include "h.cuh"` + "\n" + `extern "C" __global__ void k(float *out) { out[threadIdx.x] = SEVEN; }`, ""},
		{"a warning", `extern "C" __global__ void k(float *out) { int unused; out[0] = 1; }`, "never referenced"},
		{"a mistake", `extern "C" __global__ void k(float *out) { out[0] = none; }`, "none"},
		{"a spill", spilling, "spill"},
	} {
		s := sources{"k.cu": c.text, "h.cuh": "#define SEVEN 7\n"}
		ptx, err := compilePTX("k.cu", s["k.cu"], s.headers(), []string{"--gpu-architecture=compute_80"})
		var cubin []byte
		var said string
		if err == nil {
			cubin, said, err = tools.assemble(ptx, "80")
		}
		if err == nil {
			rows, parseErr := parseRegisters(said, "80")
			err = errors.Join(parseErr, spills(rows))
		}
		switch {
		case c.says == "" && (err != nil || !strings.HasPrefix(string(cubin), "\x7fELF")):
			t.Errorf("%s: %v", c.name, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: the error does not say %q: %v", c.name, c.says, err)
		}
	}
}
