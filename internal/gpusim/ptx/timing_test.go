package ptx

import (
	"fmt"
	"testing"
)

var testLatencies = Latencies{
	Arithmetic: 4, Double: 8, Special: 40, Long: 150, Matrix: 25, Shared: 30, Near: 35, Far: 270, Barrier: 10,
}

// timeOf is the cycles of a block of one warp that runs a text with %p, the address of 4 KiB, in %d0.
func timeOf(t *testing.T, text string) float64 {
	t.Helper()
	mod, err := Parse(fmt.Sprintf(`.version 8.5
.target sm_80
.address_size 64
.visible .entry timed(.param .u64 p)
{
	.shared .align 4 .b8 s[128];
	.reg .b32 %%r<9>; .reg .f64 %%f<9>; .reg .b64 %%d<9>; .reg .pred %%q<2>;
	ld.param.u64 %%d0, [p];
	%s
	ret;
}
`, text))
	if err != nil {
		t.Fatal(err)
	}
	m := NewMachine(Options{Workers: 1})
	at, err := m.Alloc(4096, "p")
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Sample(mod.Kernel("timed"), x(1), x(32), 0, []uint64{at}, Parts{Count: 1}, testLatencies)
	if err != nil {
		t.Fatal(err)
	}
	return s.Path
}

// The empty kernel takes two cycles, ld.param and ret. An instruction waits for what it reads, and for nothing else.
func TestTiming(t *testing.T) {
	for text, want := range map[string]float64{
		"": 2,
		"add.s32 %r1, %r0, 1; add.s32 %r2, %r0, 1;":                                                                          4,
		"add.s32 %r1, %r0, 1; add.s32 %r2, %r1, 1;":                                                                          1 + 4 + 2,
		"mov.u32 %r1, %r0; mov.u32 %r2, %r1;":                                                                                4,
		"add.f64 %f1, %f0, %f0; add.f64 %f2, %f1, %f1;":                                                                      1 + 8 + 2,
		"div.rn.f64 %f1, %f0, %f0; add.f64 %f2, %f1, %f1;":                                                                   1 + 150 + 2,
		"div.s32 %r1, %r0, 3; add.s32 %r2, %r1, 1;":                                                                          1 + 40 + 2,
		"ld.global.u32 %r1, [%d0]; add.s32 %r2, %r1, 1;":                                                                     4 + 270 + 2,
		"ld.global.u32 %r1, [%d0]; ld.global.u32 %r2, [%d0+4]; add.s32 %r3, %r2, 1;":                                         4 + 270 + 2,     // the line is on its way
		"ld.global.u32 %r1, [%d0]; ld.global.u32 %r2, [%d0+128]; add.s32 %r3, %r2, 1;":                                       4 + 1 + 270 + 2, // two lines at a time
		"ld.global.u32 %r1, [%d0]; add.s32 %r3, %r1, 1; ld.global.u32 %r2, [%d0+4]; add.s32 %r3, %r2, 1;":                    4 + 270 + 1 + 35 + 2,
		"ld.global.cg.u32 %r1, [%d0]; add.s32 %r3, %r1, 1; ld.global.cg.u32 %r2, [%d0+4]; add.s32 %r3, %r2, 1;":              4 + 270 + 1 + 270 + 2,
		"mov.u32 %r5, %tid.x; shl.b32 %r6, %r5, 2; st.shared.u32 [%r6], %r0; ld.shared.u32 %r1, [%r6]; add.s32 %r2, %r1, 1;": 2 + 4 + 1 + 30 + 2,
		"membar.gl;":  1 + 270 + 1,
		"bar.sync 0;": 1 + 1 + 10 + 1,
		"setp.eq.s32 %q1, %r0, 0; @%q1 add.s32 %r1, %r0, 1;": 1 + 4 + 2,
	} {
		if got := timeOf(t, text); got != want {
			t.Errorf("%s\n\t%v cycles, want %v", text, got, want)
		}
	}
}

// A launch of which one part runs counts as the whole launch does. Its tail begins with the last block's atomic, and reads
// what all blocks have written.
func TestSampleCountsTheLaunch(t *testing.T) {
	mod := loadModule(t, "kernels.ptx")
	sample := func(blocks int, parts Parts) (s Sample, whole Counts) {
		m := NewMachine(Options{Workers: 1})
		out, arrived := put(t, m, "out", make([]float32, 1)), put(t, m, "arrived", make([]uint32, 1))
		part, a := put(t, m, "part", make([]float32, blocks)), put(t, m, "a", wave(64*blocks, 1))
		args := []uint64{out, part, a, arrived}
		whole, err := m.Launch(mod.Kernel("last_block"), x(blocks), x(64), 0, args)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = m.Sample(mod.Kernel("last_block"), x(blocks), x(64), 0, args, parts, testLatencies); err != nil {
			t.Fatal(err)
		}
		return s, whole
	}
	tails := map[int]int{}
	for _, c := range [][2]int{{40, 40}, {40, 20}, {40, 2}, {40, 1}, {80, 40}, {1, 1}} {
		s, whole := sample(c[0], Parts{Count: c[1]})
		if s.WarpInstructions != whole.WarpInstructions {
			t.Errorf("%d blocks in %d parts: %d warp instructions, the launch has %d", c[0], c[1], s.WarpInstructions, whole.WarpInstructions)
		}
		if old, again := tails[c[0]]; again && s.Tail != old {
			t.Errorf("%d blocks in %d parts: a tail of %d cycles, before %d", c[0], c[1], s.Tail, old)
		}
		tails[c[0]] = s.Tail
	}
	if tails[80]-tails[40] < 10*testLatencies.Far || tails[40]-tails[1] < 10*testLatencies.Far {
		t.Errorf("the tails of 1, 40 and 80 blocks: %d, %d and %d cycles", tails[1], tails[40], tails[80])
	}
}

// The same of a launch whose last blocks merge by groups. The tail is that of the last block of all: its group's merge, and the groups'.
func TestSampleCountsGroups(t *testing.T) {
	mod := loadModule(t, "kernels.ptx")
	tails := map[int]int{}
	for _, blocks := range []int{40, 38, 80} {
		m := NewMachine(Options{Workers: 1})
		out, arrived := put(t, m, "out", make([]float32, 1)), put(t, m, "arrived", make([]uint32, 1+blocks))
		part, a := put(t, m, "part", make([]float32, 2*blocks)), put(t, m, "a", wave(64*blocks, 1))
		args := []uint64{out, part, a, arrived}
		whole, err := m.Launch(mod.Kernel("last_group"), x(blocks), x(64), 0, args)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Sample(mod.Kernel("last_group"), x(blocks), x(64), 0, args, Parts{Count: blocks, Group: 4}, testLatencies)
		if err != nil {
			t.Fatal(err)
		}
		if blocks%4 == 0 && s.WarpInstructions != whole.WarpInstructions {
			t.Errorf("%d blocks: %d warp instructions, the launch has %d", blocks, s.WarpInstructions, whole.WarpInstructions)
		}
		tails[blocks] = s.Tail
	}
	if least := (4 + 10) * testLatencies.Far; tails[40] < least || tails[80]-tails[40] < 5*testLatencies.Far {
		t.Errorf("the tails of 40 and 80 blocks: %d and %d cycles", tails[40], tails[80])
	}
}

func TestSampleRefusals(t *testing.T) {
	mod := loadModule(t, "kernels.ptx")
	m := NewMachine(Options{})
	for _, parts := range []int{0, 3} {
		if _, err := m.Sample(mod.Kernel("last_block"), x(40), x(64), 0, make([]uint64, 4), Parts{Count: parts}, testLatencies); err == nil {
			t.Errorf("%d parts of 40 blocks: no error", parts)
		}
	}
	for _, group := range []int{1, 40} {
		if _, err := m.Sample(mod.Kernel("last_block"), x(40), x(64), 0, make([]uint64, 4), Parts{40, group}, testLatencies); err == nil {
			t.Errorf("40 parts by groups of %d: no error", group)
		}
	}
	if _, err := m.Sample(mod.Kernel("last_block"), x(40), x(64), 0, make([]uint64, 4), Parts{Count: 40}, testLatencies); err == nil {
		t.Error("a fault is no error")
	}
}
