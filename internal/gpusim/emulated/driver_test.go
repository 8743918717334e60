//go:build cgo && linux && gpusim

package emulated

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/machine"
)

func emulated(t *testing.T, o Options) *Driver {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var _ driver.Driver = (*Driver)(nil)

func TestEmulatedMemory(t *testing.T) {
	e := emulated(t, Options{Memory: 1 << 20})
	p, err := e.Alloc(1000)
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := e.Pinned(1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pinned {
		pinned[i] = byte(i)
	}
	back := make([]byte, 1000)
	if err := errors.Join(e.CopyIn(driver.Copy, p, pinned), e.Fill(driver.Compute, p+10, 7, 20), e.CopyOut(driver.Compute, back, p), e.Sync(driver.Compute)); err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(pinned)
	copy(want[10:30], bytes.Repeat([]byte{7}, 20))
	if !bytes.Equal(back, want) {
		t.Error("what comes back is not what was put in")
	}
	if got := e.Properties(); got.Memory != 1<<20 || got.Free >= got.Memory || got.Capability != 80 || got.SharedMemory != 163<<10 {
		t.Errorf("properties %+v", got)
	}
	if _, err := e.Alloc(1 << 20); !errors.Is(err, driver.ErrOutOfMemory) || !strings.Contains(err.Error(), "take fewer images at a time") {
		t.Errorf("more memory than there is: %v", err)
	}
	if _, err := e.Pinned(1 << 60); !errors.Is(err, driver.ErrOutOfHostMemory) || !errors.Is(err, driver.ErrOutOfMemory) {
		t.Errorf("more pinned memory than a host has: %v", err)
	}
	if err := errors.Join(e.Free(p), e.FreePinned(pinned), e.Close()); err != nil {
		t.Error(err)
	}
}

// normal fills n floats with normal numbers.
func normal(dst driver.Ptr, n int) *driver.Launch {
	return &driver.Launch{Kernel: "philox_normal", Grid: [3]int{1, 1, 1}, Block: [3]int{32, 1, 1}, Args: []uint64{uint64(dst), uint64(n), 1, 2, math.Float64bits(1)}}
}

// A recorded launch runs with the arguments that it was recorded with.
func TestEmulatedGraph(t *testing.T) {
	e := emulated(t, Options{Count: true})
	const n = 64
	dst, err := e.Alloc(4 * n)
	if err != nil {
		t.Fatal(err)
	}
	launch := normal(dst, n)
	if err := e.Fill(driver.Compute, dst, 0, 4*n); err != nil {
		t.Fatal(err)
	}
	g, err := e.Capture(driver.Compute, func() error {
		err := e.Launch(driver.Compute, launch)
		if e.CopyIn(driver.Compute, dst, make([]byte, 4)) == nil || e.Sync(driver.Compute) == nil {
			t.Error("a copy or a wait is recorded")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	launch.Args[0] = 0
	if sum(t, e, dst, n) != 0 {
		t.Error("a launch ran while it was recorded")
	}
	if err := e.Replay(driver.Compute, g); err != nil {
		t.Fatal(err)
	}
	if sum(t, e, dst, n) == 0 {
		t.Error("a replay did nothing")
	}
	if traffic := e.Traffic(); machine.Hooked && (len(traffic) != 1 || traffic[0].Kernel != launch.Kernel || traffic[0].Stores != 4*n) {
		t.Errorf("traffic %+v", traffic)
	}
	if err := errors.Join(e.FreeGraph(g), e.Free(dst)); err != nil {
		t.Error(err)
	}
	if e.Replay(driver.Compute, g) == nil || e.FreeGraph(g) == nil {
		t.Error("a graph lives on after it was freed")
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func sum(t *testing.T, e *Driver, p driver.Ptr, n int) (s float64) {
	t.Helper()
	b := make([]byte, 4*n)
	if err := e.CopyOut(driver.Compute, b, p); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		s += math.Abs(float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))))
	}
	return s
}

func TestEmulatedHandles(t *testing.T) {
	e := emulated(t, Options{})
	ev, err := e.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Record(driver.Compute, ev), e.Wait(driver.Copy, ev), e.Reached(ev), e.FreeEvent(ev)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"freed event": e.Record(driver.Compute, ev),
		"wait":        e.Wait(driver.Compute, ev),
		"reach":       e.Reached(ev),
		"free twice":  e.FreeEvent(ev),
		"no stream":   e.Sync(driver.Streams),
		"no graph":    e.Replay(driver.Compute, 1),
		"failed record": func() error {
			_, err := e.Capture(driver.Compute, func() error { return errors.New("no") })
			return err
		}(),
		"no kernel": e.Launch(driver.Compute, &driver.Launch{Kernel: "none", Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := e.Capture(driver.Compute, func() error { return nil }); err != nil {
		t.Errorf("no capture after one that failed: %v", err)
	}
	if err := e.Close(); err == nil {
		t.Error("Close does not say that a graph was never freed")
	}
}

func TestEmulatedLeak(t *testing.T) {
	e := emulated(t, Options{})
	if _, err := e.Alloc(10); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err == nil {
		t.Error("Close does not say that a buffer was never freed")
	}
}

// A fault in a kernel ends the device: here, by a launch with a null pointer.
func TestEmulatedLost(t *testing.T) {
	if !machine.Hooked {
		t.Skip("loads and stores are not checked in this build")
	}
	e := emulated(t, Options{Check: true})
	first := e.Launch(driver.Compute, normal(0, 64))
	if first == nil {
		t.Fatal("a write to address 0 was not found")
	}
	if err := e.Sync(driver.Compute); err == nil || err.Error() != first.Error() {
		t.Errorf("Sync after a fault: %v, want %v", err, first)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// Drivers beside each other have one memory and queues of their own, at the same time.
func TestBeside(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 1 << 12
	p, err := e.Alloc(4 * n)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var beside []driver.Driver
	for i := range 4 {
		var d driver.Driver = e
		if i > 0 {
			if d, err = e.Beside(); err != nil {
				t.Fatal(err)
			}
			beside = append(beside, d)
		}
		all.Go(func() {
			event, err := d.NewEvent()
			if err != nil {
				t.Error(err)
				return
			}
			at, got := p+driver.Ptr(i*n), make([]byte, n)
			for round := range 20 {
				value := byte(4*round + i)
				err := errors.Join(d.Fill(driver.Compute, at, value, n), d.Record(driver.Compute, event), d.Reached(event), d.CopyOut(driver.Compute, got, at))
				if err != nil || got[0] != value || got[n-1] != value {
					t.Errorf("driver %d: %d and %d for %d (%v)", i, got[0], got[n-1], value, err)
				}
			}
			if err := d.FreeEvent(event); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, d := range beside {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(e.Free(p), e.Close()); err != nil {
		t.Error(err)
	}
}
