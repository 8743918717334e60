package interpreted

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/ptx"
)

var _ driver.Driver = (*Driver)(nil)

// addOne adds 1 to each of the words at p, a thread each.
const addOne = `.version 8.5
.target sm_80
.address_size 64
.visible .entry add_one(.param .u64 p)
{
	.reg .b32 %r<4>;
	.reg .b64 %d<4>;
	ld.param.u64 %d1, [p];
	mov.u32 %r1, %tid.x;
	mul.wide.u32 %d2, %r1, 4;
	add.s64 %d3, %d1, %d2;
	ld.global.u32 %r2, [%d3];
	add.s32 %r2, %r2, 1;
	st.global.u32 [%d3], %r2;
	ret;
}
`

func interpreted(t *testing.T, o Options) *Driver {
	t.Helper()
	m, err := ptx.Parse(addOne)
	if err != nil {
		t.Fatal(err)
	}
	i, err := New(o, m)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func launchAddOne(p driver.Ptr) *driver.Launch {
	return &driver.Launch{Kernel: "add_one", Grid: [3]int{1, 1, 1}, Block: [3]int{8, 1, 1}, Args: []uint64{uint64(p)}}
}

func TestInterpretedMemory(t *testing.T) {
	i := interpreted(t, Options{Memory: 1 << 20, Capability: 75})
	p, err := i.Alloc(1000)
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := i.Pinned(900)
	if err != nil {
		t.Fatal(err)
	}
	for n := range pinned {
		pinned[n] = byte(n)
	}
	back := make([]byte, 1000)
	if err := errors.Join(i.CopyIn(driver.Copy, p, pinned), i.Fill(driver.Compute, p+10, 7, 20), i.CopyOut(driver.Compute, back, p), i.Sync(driver.Compute)); err != nil {
		t.Fatal(err)
	}
	want := append(bytes.Clone(pinned), bytes.Repeat([]byte{0xff}, 100)...)
	copy(want[10:30], bytes.Repeat([]byte{7}, 20))
	if !bytes.Equal(back, want) {
		t.Error("what comes back is not what was put in, and NaN")
	}
	if got := i.Properties(); got.Name != "ptx" || got.Memory-got.Free != 1000 || got.Capability != 75 || got.SharedMemory != 64<<10 {
		t.Errorf("properties %+v", got)
	}
	if _, err := i.Alloc(1 << 20); !errors.Is(err, driver.ErrOutOfMemory) {
		t.Errorf("more memory than there is: %v", err)
	}
	if i.CopyIn(driver.Compute, p+900, make([]byte, 101)) == nil || i.Fill(driver.Compute, 0, 1, 1) == nil {
		t.Error("a copy outside the memory was done")
	}
	if err := i.Close(); err == nil || !strings.Contains(err.Error(), "1 allocations (1000 bytes), 1 pinned") {
		t.Errorf("Close with what was not freed: %v", err)
	}
	if err := errors.Join(i.Free(p), i.FreePinned(pinned), i.Close()); err != nil {
		t.Error(err)
	}
}

// A recorded launch runs with the arguments that it was recorded with, as often as it is replayed.
func TestInterpretedGraph(t *testing.T) {
	i := interpreted(t, Options{})
	p, err := i.Alloc(32)
	if err != nil {
		t.Fatal(err)
	}
	l := launchAddOne(p)
	g, err := i.Capture(driver.Compute, func() error {
		err := i.Launch(driver.Compute, l)
		if i.Fill(driver.Compute, p, 0, 4) == nil || i.Sync(driver.Compute) == nil {
			t.Error("a fill or a wait is recorded")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Args[0] = 0
	back := make([]byte, 32)
	err = errors.Join(i.Fill(driver.Compute, p, 0, 32), i.Replay(driver.Compute, g), i.Replay(driver.Compute, g), i.CopyOut(driver.Compute, back, p))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 8 {
		if v := binary.LittleEndian.Uint32(back[4*n:]); v != 2 {
			t.Errorf("word %d is %d, want 2", n, v)
		}
	}
	if c := i.Counts()["add_one"]; c.Launches != 2 || c.Loaded != 64 || c.Stored != 64 {
		t.Errorf("counts %+v", c)
	}
	if err := errors.Join(i.FreeGraph(g), i.Free(p), i.Close()); err != nil {
		t.Error(err)
	}
	if i.Replay(driver.Compute, g) == nil || i.FreeGraph(g) == nil {
		t.Error("a graph lives on after it was freed")
	}
}

func TestInterpretedRefusals(t *testing.T) {
	i := interpreted(t, Options{})
	e, err := i.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(i.Record(driver.Compute, e), i.Wait(driver.Copy, e), i.Reached(e), i.FreeEvent(e)); err != nil {
		t.Error(err)
	}
	_, captured := i.Capture(driver.Compute, func() error { return errors.New("no") })
	for name, err := range map[string]error{
		"freed event": i.Record(driver.Compute, e), "wait": i.Wait(driver.Compute, e), "reach": i.Reached(e), "free twice": i.FreeEvent(e),
		"no stream": i.Sync(driver.Streams), "no graph": i.Replay(driver.Compute, 1), "failed capture": captured,
		"no kernel": i.Launch(driver.Compute, &driver.Launch{Kernel: "none", Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	m, err := ptx.Parse(addOne)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{}, m, m); err == nil {
		t.Error("a kernel of two modules was accepted")
	}
}

// A fault in a kernel ends the driver; what there is can still be given back.
func TestInterpretedLost(t *testing.T) {
	i := interpreted(t, Options{})
	p, err := i.Alloc(16)
	if err != nil {
		t.Fatal(err)
	}
	var f *ptx.Fault
	first := i.Launch(driver.Compute, launchAddOne(p))
	if !errors.As(first, &f) || f.Kernel != "add_one" || f.Thread != [3]int{4, 0, 0} || f.Line != 12 {
		t.Fatalf("half of the threads are outside the memory: %v", first)
	}
	if err := i.Sync(driver.Compute); err != first {
		t.Errorf("Sync after a fault: %v", err)
	}
	if err := errors.Join(i.Free(p), i.Close()); err != nil {
		t.Error(err)
	}
}
