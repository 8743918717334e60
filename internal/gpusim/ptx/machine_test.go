package ptx

import (
	"strings"
	"testing"
)

func TestMemory(t *testing.T) {
	m := NewMachine(Options{})
	a := put(t, m, "first", []uint32{1, 2, 3})
	b := put(t, m, "second", []uint32{4})
	if _, err := m.Memory(a+4, 12); err == nil || !strings.Contains(err.Error(), `nearest is "first"`) {
		t.Errorf("beyond the end: %v", err)
	}
	if _, err := m.Memory(b-4, 4); err == nil || !strings.Contains(err.Error(), `nearest is "second" (4 bytes at`) {
		t.Errorf("before the beginning: %v", err)
	}
	if err := m.Free(a + 4); err == nil {
		t.Error("free of the middle of an allocation")
	}
	if err := m.Free(a); err != nil {
		t.Error(err)
	}
	if err := m.Free(a); err == nil {
		t.Error("free of what is free")
	}
	if _, err := m.Memory(a, 4); err == nil || !strings.Contains(err.Error(), "freed") {
		t.Errorf("after free: %v", err)
	}
	if v := get[uint32](t, m, b, 1)[0]; v != 4 {
		t.Errorf("the other allocation holds %d", v)
	}
	if _, err := m.Alloc(-1, "none"); err == nil {
		t.Error("an allocation of −1 bytes")
	}
}

func TestLaunchRefusals(t *testing.T) {
	text := head + ".entry small(.param .u64 p) .maxntid 64, 1, 1 { .shared .b8 s[1000]; ret; }\n.entry narrow(.param .u32 p) { ret; }"
	mod, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	m := NewMachine(Options{SharedMemory: 4096})
	for _, c := range []struct {
		kernel      string
		grid, block [3]int
		shared      int
		args        []uint64
		want        string
	}{
		{"small", x(0), x(1), 0, []uint64{0}, "grid"},
		{"small", [3]int{1, 65536, 1}, x(1), 0, []uint64{0}, "grid"},
		{"small", x(1), x(65), 0, []uint64{0}, "65 threads in a block; at most 64"},
		{"small", x(1), [3]int{64, 2, 1}, 0, []uint64{0}, "128 threads"},
		{"small", x(1), x(1), 3097, []uint64{0}, "1000 + 3097 bytes of shared memory; a block has 4096"},
		{"small", x(1), x(1), 0, nil, "0 arguments for 1 parameters"},
		{"narrow", x(1), x(1), 0, []uint64{0}, "parameter 0 has 4 bytes, not 8"},
	} {
		if _, err := m.Launch(mod.Kernel(c.kernel), c.grid, c.block, c.shared, c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.kernel, err, c.want)
		}
	}
	launchOK(t, m, mod.Kernel("small"), x(3), x(64), 3096, 0)
}

// launchBody runs instructions as the kernel of one block, with an allocation of 64 words as its parameter.
func launchBody(t *testing.T, instructions string, threads int) ([]uint32, error) {
	t.Helper()
	mod, err := Parse(body(instructions))
	if err != nil {
		t.Fatal(err)
	}
	m := NewMachine(Options{MaxSteps: 1 << 16})
	at := put(t, m, "words", make([]uint32, 64))
	_, err = m.Launch(mod.Kernel("k"), x(1), x(threads), 0, []uint64{at})
	return get[uint32](t, m, at, 64), err
}

func TestAtomics(t *testing.T) {
	for _, c := range []struct {
		op    string
		start uint32
		want  uint32
	}{
		{"atom.global.add.u32 %r3, [%d1], 3;", 5, 5 + 64*3},
		{"atom.global.add.s32 %r3, [%d1], -1;", 5, 0xffffffff - 58},
		{"atom.add.u32 %r3, [%d1], 1;", 5, 69},
		{".shared .b32 s; mov.u32 %r4, 5; setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [s], %r4; bar.sync 0;\n" +
			"atom.shared.add.u32 %r3, [s], 2; bar.sync 0; ld.shared.u32 %r4, [s]; @%p1 st.global.u32 [%d1], %r4;", 5, 133},
	} {
		start := "mov.u32 %r1, %tid.x; ld.param.u64 %d1, [p]; mov.u32 %r5, " + hex(c.start) + "; setp.eq.u32 %p2, %r1, 0; @%p2 st.global.u32 [%d1], %r5; bar.sync 0;\n"
		got, err := launchBody(t, start+c.op, 64)
		if err != nil || got[0] != c.want {
			t.Errorf("%s: %#x, %v; want %#x", c.op, got[0], err, c.want)
		}
	}
}

func hex(v uint32) string {
	const digits = "0123456789abcdef"
	s := ""
	for i := 28; i >= 0; i -= 4 {
		s += string(digits[v>>i&15])
	}
	return "0x" + s
}

// TestMoreFaults: those that compiled code shows in one way only.
func TestMoreFaults(t *testing.T) {
	const start = "mov.u32 %r1, %tid.x; ld.param.u64 %d1, [p]; setp.lt.u32 %p1, %r1, 32; setp.eq.u32 %p2, %r1, 0;\n"
	for _, c := range []struct{ op, want string }{
		{"ld.global.u32 %r2, [%d1+256];", `nearest is "words" (256 bytes at 0x1000000000), from which it is at 256`},
		{"ld.global.u32 %r2, [%d1+-4];", `from which it is at -4`},
		{"ld.global.v4.u32 {%r2,%r3,%r4,%r5}, [%d1+8];", "misaligned"},
		{"mov.u64 %d2, 0; ld.u32 %r2, [%d2];", "outside every allocation"},
		{"@%p1 bar.sync 0;", "divergent barrier"},
		{"@%p1 bra $a; bar.sync 0; bra $e; $a: bar.sync 0; $e:", "divergent barrier: warp 1 is here, warp 0 at the one of line"},
		{"@%p2 bra $a; bar.sync 0; bra $e; $a: bar.sync 0; $e:", "divergent barrier: lanes 0xfffffffe are here, lanes 0x1 wait"},
		{"@%p2 bar.warp.sync -1; bar.sync 0;", "deadlock"},
		{"bar.warp.sync 1;", "a lane takes part that is not among its members"},
		{"@%p2 trap;", "trap"},
		{"$l: bra $l;", "no end after"},
		{"$l: bar.sync 0; bra $l;", "no end after"},
		{".shared .b32 s; st.shared.u32 [s], %r1;", "race: thread 0 wrote it"},
		{".shared .b32 s; mov.u32 %r2, 7; st.shared.u32 [s], %r2; atom.shared.add.u32 %r3, [s], 2;", "race: thread 31 wrote it"},
		{".shared .b32 s; atom.shared.add.u32 %r3, [s], 2;", "nobody has written it yet"},
		{".shared .b32 s; ld.shared.u32 %r3, [%d1];", "out of bounds"},
		{".shared .b8 s[64]; mov.u32 %r2, 2; ld.shared.u32 %r3, [%r2];", "misaligned"},
		{".local .b8 l[8]; mov.u64 %d2, l; ld.local.u32 %r3, [%d2+8];", "8 bytes of local memory: out of bounds"},
		{"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r2,%r3,%r4,%r5}, [%r1];", "out of bounds"},
		{"@!%p1 ret; @%p2 ret; mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1,%f2,%f3,%f4}, {%r1,%r1,%r1,%r1}, {%r1,%r1}, {%f1,%f2,%f3,%f4};", "the whole warp must run this"},
		{"mov.b32 %r2, 1; shfl.sync.idx.b32 %r3|%p1, %r1, 5, 31, %r2;", "not among its members"},
		{"@%p2 bra $a; shfl.sync.idx.b32 %r3|%p1, %r1, 0, 31, 0xfffffffe; bra $e; $a: bar.warp.sync 1; $e:", "shfl reads lane 0, which does not take part"},
	} {
		_, err := launchBody(t, start+c.op, 64)
		f, ok := err.(*Fault)
		if !ok || !strings.Contains(f.Reason, c.want) {
			t.Errorf("%s: %v, want %q", c.op, err, c.want)
		}
	}
}

// TestFirstFaultIsTheSame: the block that is blamed does not depend on how many run at a time.
func TestFirstFaultIsTheSame(t *testing.T) {
	mod, err := Parse(body("mov.u32 %r1, %ctaid.x; setp.ge.u32 %p1, %r1, 37; @%p1 trap;"))
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2, 5, 16} {
		_, err := NewMachine(Options{Workers: workers}).Launch(mod.Kernel("k"), x(100), x(1), 0, []uint64{0})
		if f, ok := err.(*Fault); !ok || f.Block != x0(37) {
			t.Errorf("%d workers: %v, want block 37", workers, err)
		}
	}
}

func x0(n int) [3]int { return [3]int{n, 0, 0} }

// TestModuleVariables: constants cannot be written, and every launch sees what the last one left in .global.
func TestModuleVariables(t *testing.T) {
	mod, err := Parse(head + ".const .b32 c[2] = {7, -1};\n.global .f32 g = 0f3F800000;\n.extern .shared .align 16 .b8 dyn[];\n" +
		".entry k(.param .u64 p) { .reg .b32 %r<5>; .reg .f32 %f<3>; .reg .b64 %d<5>; .reg .pred %q;\n" +
		"ld.param.u64 %d1, [p]; ld.const.u32 %r1, [c+4]; st.global.u32 [%d1], %r1;\n" +
		"ld.global.f32 %f1, [g]; add.f32 %f1, %f1, %f1; st.global.f32 [g], %f1; st.global.f32 [%d1+4], %f1;\n" +
		"mov.u64 %d2, dyn; st.shared.u32 [%d2+4], %r1; ld.shared.u32 %r3, [dyn+4]; st.global.u32 [%d1+8], %r3;\nret; }\n" +
		".entry w(.param .u64 p) { .reg .b64 %d<5>; mov.u64 %d1, c; mov.u64 %d2, 5; st.u64 [%d1], %d2; ret; }\n")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMachine(Options{})
	at := put(t, m, "out", make([]uint32, 3))
	for _, want := range []float32{2, 4} {
		launchOK(t, m, mod.Kernel("k"), x(1), x(1), 16, at)
		got := get[uint32](t, m, at, 3)
		if got[0] != 0xffffffff || float32of(uint64(got[1])) != want || got[2] != 0xffffffff {
			t.Errorf("%#x, want the constant twice and %g between", got, want)
		}
	}
	if _, err := m.Launch(mod.Kernel("w"), x(1), x(1), 0, []uint64{0}); err == nil || !strings.Contains(err.Error(), `a write to the constant "c"`) {
		t.Errorf("a write to constants: %v", err)
	}
	if _, err := m.Launch(mod.Kernel("k"), x(1), x(1), 4, []uint64{at}); err == nil || !strings.Contains(err.Error(), "out of bounds") {
		t.Errorf("with too little shared memory: %v", err)
	}
}
