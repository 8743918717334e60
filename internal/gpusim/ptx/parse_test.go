package ptx

import (
	"os"
	"strings"
	"testing"
)

const head = ".version 8.5\n.target sm_80\n.address_size 64\n"

// body is a kernel k around instructions; they begin at line 6.
func body(instructions string) string {
	return head + ".visible .entry k(.param .u64 p)\n{ .reg .pred %p<3>; .reg .b16 %h<3>; .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .b64 %d<9>; .reg .f64 %g<3>;\n" + instructions + "\nret; }\n"
}

// TestRefusals: what the interpreter does not know is an error that names the line.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "no .version"},
		{body("tex.2d.v4.f32 {%f1,%f2,%f3,%f4}, [%d1, {%f1,%f2}];"), "line 6"},
		{body("frobnicate.b32 %r1, %r2;"), "line 6: frobnicate.b32 %r1, %r2: unknown instruction"},
		{body("\nadd.f32.x %f1, %f2, %f3;"), "line 7"},
		{body("add.f32 %f1, %f2;"), "2 operands, want 3"},
		{body("add.f32 %f1, %f2, %d3;"), "register %d3 is .b64, not .f32"},
		{body("add.f32 %f1, %f2, 3;"), "an integer where a float is wanted"},
		{body("add.s32 %r1, %r2, 0f3F800000;"), "a float where an integer is wanted"},
		{body("add.f32 %f1, %f2, %f99;"), "register %f99 is not declared"},
		{body("add.s32 1, %r1, %r2;"), "not a register"},
		{body("bra $nowhere;"), "no label $nowhere"},
		{body("@%r1 bra $x; $x:"), "%r1 is no predicate"},
		{body("$x: $x:"), "label $x is there twice"},
		{body("atom.global.add.f32 %f1, [%d1], %f2;"), "atomic .add of .f32 is not supported"},
		{body("atom.global.add.f64 %g1, [%d1], %g2;"), "atomic .add of .f64 is not supported"},
		{body("atom.global.cas.b32 %r1, [%d1], %r2;"), "atomic .cas of .b32 is not supported"},
		{body("call.uni f, (%r1);"), "unexpected operand"},
		{body("fma.rz.f32 %f1, %f2, %f3, %f4;"), "unknown instruction"},
		{body("bar.sync 0, 64;"), "some of the block's threads"},
		{body("ld.global.f32.frob %f1, [%d1];"), "unknown instruction"},
		{body("ld.frob.f32 %f1, [%d1];"), "modifier .frob is not supported"},
		{body("ld.global.v4.f64 {%g1,%g1,%g1,%g1}, [%d1];"), "more than 16 bytes"},
		{body("ld.global.v2.f32 %f1, [%d1];"), "another length"},
		{body("ld.global.f32 %f1, %d1;"), "no address"},
		{body("ld.param.u64 %d1, [q];"), "no parameter is called q"},
		{body("ld.param.u64 %d1, [p+8];"), "8 bytes at 8 of a parameter of 8"},
		{body("mov.u64 %d1, nothing;"), "nothing is called nothing"},
		{body("mov.u64 %d1, %tid.x;"), "%tid.x has 4 bytes, not 8"},
		{body("mov.b64 {%r1,%r2,%r3}, %d1;"), "parts are not supported"},
		{body("cvt.rna.tf32.f16 %r1, %h1;"), "only cvt.rna.tf32.f32"},
		{body("cvt.rn.e4m3x2.f32 %h1, %f1, %f2;"), "not supported"},
		{body("cp.async.cg.shared.global [%r1], [%d1], 8;"), "this size is not supported"},
		{body("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%f1,%f2}, {%r1}, {%r2}, {%f1,%f2};"), "unknown instruction"},
		{body("st.const.f32 [%d1], %f1;"), "a store to constants"},
		{body("add.s32 %r1, %r2, 08z;"), `"08z"`},
		{body("add.s32 %r1, %r2 %r3;"), "want , or ;"},
		{body("{"), "has no end"},
		{head + ".entry k() { .reg .b128 %q<2>; ret; }", "registers of type .b128 are not supported"},
		{head + ".address_size 32\n", "not supported"},
		{head + ".global .b8 x[4] = {1,2,3,4,5};", "5 bytes of initial values for 4"},
		{head + ".global .b64 x = y;", "initial value cannot be"},
		{head + "/* ", "comment without end"},
		{head + "\x80", "unexpected"},
		{head + ".entry k() .frob { ret; }", "directive .frob is not supported"},
		{head + ".entry k() { ret; }\n.entry k() { ret; }", "there twice"},
	} {
		if _, err := Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", strings.TrimPrefix(c.text, head), err, c.want)
		}
	}
}

func TestModuleSaysWhatItIs(t *testing.T) {
	m := loadModule(t, "faults.ptx")
	if m.Version != "8.5" || m.Target != "sm_80" {
		t.Errorf("version %s, target %s", m.Version, m.Target)
	}
	k := m.Kernel("shared_between")
	if k == nil || k.Shared != 512 || k.Local != 0 || len(k.Params) != 2 || k.Params[1] != 8 {
		t.Errorf("shared_between is %+v", k)
	}
	names := ""
	for _, k := range m.Kernels()[:3] {
		names += k.Name + " "
	}
	if names != "copy_too_early copy_too_early_later divergent_barrier " {
		t.Errorf("the first kernels are %s", names)
	}
}

// FuzzParse: no text makes Parse panic, and what it accepts also runs to an end or to an error.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"kernels.ptx", "tensor.ptx", "faults.ptx"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		kernels := strings.Split(string(text), ".visible")
		for _, k := range kernels[1:] {
			f.Add(kernels[0] + ".visible" + k)
		}
	}
	f.Add(body("ld.param.u64 %d1, [p]; ld.global.u32 %r1, [%d1]; bar.sync 0; shfl.sync.idx.b32 %r2|%p1, %r1, 3, 31, -1; vote.sync.ballot.b32 %r3, %p1, %r2;"))
	f.Add(body("@%p1 bra $a; $a: trap;"))
	f.Add(body("bfi.b32 %r1, %r2, %r3, 3, 9; mov.b64 {%r1, _}, %d1; cvt.rzi.s32.f64 %r1, %g1;"))
	f.Fuzz(func(t *testing.T, text string) {
		mod, err := Parse(text)
		if err != nil {
			return
		}
		m := NewMachine(Options{Workers: 1, MaxSteps: 1 << 12, SharedMemory: 1 << 16})
		at, err := m.Alloc(4096, "memory")
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range mod.Kernels() {
			if k.Local > 1<<16 || k.program.slots > 1<<12 {
				continue
			}
			args := make([]uint64, len(k.Params))
			for i := range args {
				args[i] = at
			}
			_, err = m.Launch(k, x(2), x(40), 64, args)
			if err == nil {
				continue
			}
			if !strings.HasPrefix(err.Error(), "ptx: kernel ") {
				t.Errorf("error %v does not name the kernel", err)
			}
		}
	})
}
