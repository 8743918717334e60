//go:build cuda

package driver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	process "os/exec"
	"strings"
	"sync"
	"testing"
)

// These tests run on a GPU. On a machine without one they run on the mock driver (testdata/mock.c), under
// scripts/with-cuda.sh --mock.

func open(t *testing.T) *realDriver {
	t.Helper()
	d, err := Open(0)
	if err != nil {
		t.Fatal(err)
	}
	r := d.(*realDriver)
	if os.Getenv("BNAS_MOCK_DRIVER") != "" { // each module of the mock driver has its kernels; no cubin has them
		for _, name := range []string{"mock_nothing", "mock_copy", "mock_geometry"} {
			r.modules[name] = r.loaded[0]
		}
	}
	return r
}

// must fails the test unless every error is nil.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// get takes a value whose error must be nil.
func get[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// needsMock skips a test unless it runs on the mock driver.
func needsMock(t *testing.T) {
	t.Helper()
	if os.Getenv("BNAS_MOCK_DRIVER") == "" {
		t.Skip("the mock driver is not there: scripts/with-cuda.sh --mock")
	}
}

func TestRealProperties(t *testing.T) {
	d := open(t)
	p := d.Properties()
	if p.Name == "" || strings.Contains(p.Name, "\x00") || p.Capability < 70 || p.SMs < 1 || p.Memory < p.Free || p.Free < 1 ||
		p.SharedMemory < 64<<10 || p.Driver < 11000 {
		t.Errorf("%+v", p)
	}
	must(t, d.Close())
}

func TestRealCopies(t *testing.T) {
	d := open(t)
	const n = 1 << 20
	p := get[Ptr](t)(d.Alloc(n))
	pinned := get[[]byte](t)(d.Pinned(n))
	plain := make([]byte, n)
	for i := range pinned {
		pinned[i] = byte(i * 7)
	}
	must(t, d.CopyIn(Copy, p, pinned), d.Sync(Copy), d.CopyOut(Compute, plain, p))
	if !bytes.Equal(plain, pinned) {
		t.Error("what was copied in does not come out")
	}
	must(t, d.Fill(Compute, p+100, 0xAB, 200), d.CopyIn(Compute, p+1000, []byte("not pinned")), d.CopyOut(Compute, pinned[8:n-8], p+8), d.Sync(Compute))
	want := bytes.Clone(plain)
	copy(want[100:], bytes.Repeat([]byte{0xAB}, 200))
	copy(want[1000:], "not pinned")
	if !bytes.Equal(pinned, want) {
		t.Error("a fill or a copy to the middle went wrong")
	}
	must(t, d.CopyIn(Compute, p, nil), d.CopyOut(Compute, nil, p), d.FreePinned(pinned), d.Free(p), d.Close())
}

func TestRealEvents(t *testing.T) {
	d := open(t)
	e := get[Event](t)(d.NewEvent())
	must(t, d.Record(Copy, e), d.Wait(Compute, e), d.Reached(e), d.FreeEvent(e))
	if err := d.Record(Copy, e); err == nil {
		t.Error("an event that was freed is recorded")
	}
	get[Event](t)(d.NewEvent()) // Close destroys it
	must(t, d.Close())
}

// A recorded graph does its work at each run, and not before.
func TestRealGraph(t *testing.T) {
	d := open(t)
	p := get[Ptr](t)(d.Alloc(64))
	out := make([]byte, 64)
	must(t, d.Fill(Compute, p, 1, 64))
	g := get[Graph](t)(d.Capture(Compute, func() error { return d.Fill(Compute, p, 2, 32) }))
	must(t, d.CopyOut(Compute, out, p))
	if out[0] != 1 {
		t.Error("recording ran the graph")
	}
	for range 2 {
		must(t, d.Fill(Compute, p, 3, 64), d.Replay(Compute, g), d.CopyOut(Compute, out, p))
		if out[0] != 2 || out[32] != 3 {
			t.Errorf("the graph made %v", out)
		}
	}
	refused := errors.New("refused")
	if _, err := d.Capture(Compute, func() error { return refused }); !errors.Is(err, refused) {
		t.Errorf("a recording that fails: %v", err)
	}
	if _, err := d.Capture(Compute, func() error { return d.Sync(Compute) }); err == nil {
		t.Error("a host waits for a recording")
	}
	must(t, d.Fill(Compute, p, 4, 64), d.FreeGraph(g), d.Free(p), d.Close())
	if d.Replay(Compute, g) == nil {
		t.Error("a graph that was freed runs")
	}
}

// Several goroutines use a driver one after the other, each on its own thread.
func TestRealThreads(t *testing.T) {
	d := open(t)
	p := get[Ptr](t)(d.Alloc(1))
	var one sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			one.Lock()
			defer one.Unlock()
			if err := errors.Join(d.Fill(Compute, p, 1, 1), d.CopyOut(Compute, make([]byte, 1), p)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	must(t, d.Free(p), d.Close())
}

// Drivers beside each other copy and launch at the same time, each in its streams, to one memory. What one has set up, a kernel's
// shared memory, holds for the other.
func TestRealBeside(t *testing.T) {
	d := open(t)
	const n = 1 << 16
	p := get[Ptr](t)(d.Alloc(8 * n))
	drivers := []Driver{d}
	for range 3 {
		drivers = append(drivers, get[Driver](t)(d.Beside()))
	}
	if got, want := drivers[1].Properties(), d.Properties(); got.Name != want.Name || got.SharedMemory != want.SharedMemory {
		t.Errorf("a driver beside is of %+v", got)
	}
	var all sync.WaitGroup
	for i, one := range drivers {
		all.Go(func() {
			pinned, err := one.Pinned(n)
			if err != nil {
				t.Error(err)
				return
			}
			at := p + Ptr(2*i*n)
			for round := range 20 {
				for k := range pinned {
					pinned[k] = byte(k*7 + i + round)
				}
				got := make([]byte, n)
				if err := errors.Join(one.CopyIn(Compute, at, pinned), one.CopyOut(Compute, got, at)); err != nil || !bytes.Equal(got, pinned) {
					t.Errorf("driver %d: %v, or other bytes", i, err)
				}
				if os.Getenv("BNAS_MOCK_DRIVER") != "" {
					geometry := Launch{Kernel: "mock_geometry", Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}, Shared: (100 - 10*i) << 10, Args: []uint64{uint64(at)}}
					if err := one.Launch(Compute, &geometry); err != nil {
						t.Error(err)
					}
				}
			}
			if err := errors.Join(one.Sync(Compute), one.FreePinned(pinned)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, beside := range drivers[1:] {
		must(t, beside.Close())
	}
	must(t, d.Fill(Compute, p, 1, n), d.Free(p), d.Close())
}

// A driver that follows another one sees what the other has queued, and the host waits for neither.
func TestRealFollow(t *testing.T) {
	d := open(t)
	const n = 64 << 20
	p := get[Ptr](t)(d.Alloc(n))
	beside := get[Driver](t)(d.Beside())
	second := beside.(Sider)
	got := get[[]byte](t)(beside.Pinned(n))
	for round := range byte(5) {
		must(t, d.Follow(beside))
		for range 8 {
			must(t, d.Fill(Compute, p, 2*round, n), d.Fill(Compute, p, 2*round+1, n))
		}
		must(t, second.Follow(d), beside.CopyOut(Compute, got, p))
		if round == 4 {
			must(t, beside.Sync(Compute))
		}
	}
	if want := bytes.Repeat([]byte{9}, n); !bytes.Equal(got, want) {
		t.Error("the driver that follows does not see the last fill")
	}
	if err := d.Follow(nil); err == nil {
		t.Error("no error for a driver of another GPU")
	}
	must(t, beside.FreePinned(got), beside.Close(), d.Free(p), d.Close())
}

func TestRealLaunch(t *testing.T) {
	needsMock(t)
	d := open(t)
	p := get[Ptr](t)(d.Alloc(4096))
	words := make([]byte, 28)
	must(t,
		d.Launch(Compute, &Launch{Kernel: "mock_geometry", Grid: [3]int{2, 3, 4}, Block: [3]int{5, 6, 7}, Shared: 100 << 10, Args: []uint64{uint64(p)}}),
		d.Launch(Compute, &Launch{Kernel: "mock_copy", Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}, Args: []uint64{uint64(p + 1024), uint64(p), 28}}),
		d.CopyOut(Compute, words, p+1024))
	for i, want := range []uint32{2, 3, 4, 5, 6, 7, 100 << 10} {
		if got := binary.LittleEndian.Uint32(words[4*i:]); got != want {
			t.Errorf("word %d of the geometry is %d, not %d", i, got, want)
		}
	}
	must(t, d.Free(p), d.Close())
}

// If CUDA does not start, the program ends with one line on stderr before anything else runs.
func TestRealStart(t *testing.T) {
	needsMock(t)
	for fail, words := range map[string]string{"cuInit:100": "no GPU is visible", "cuInit:803": "reboot", "cuInit:7": "words of CUDA"} {
		self := process.Command(os.Args[0], "-test.run", "^$")
		self.Env = append(os.Environ(), "BNAS_MOCK_FAIL="+fail)
		var out, said bytes.Buffer
		self.Stdout, self.Stderr = &out, &said
		err := self.Run()
		if self.ProcessState.ExitCode() != 1 || out.Len() > 0 || strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), words) {
			t.Errorf("%s: %v, stdout %q, stderr %q", fail, err, out.String(), said.String())
		}
	}
}

// Every error has the name of the call, its object and CUDA's message.
func TestRealErrors(t *testing.T) {
	needsMock(t)
	nothing := &Launch{Kernel: "mock_nothing", Grid: [3]int{9, 8, 7}, Block: [3]int{64, 1, 1}, Shared: 1 << 10}
	event, graph := Event(0), Graph(0)
	for _, c := range []struct {
		fail string
		do   func(d *realDriver) error
		want []string
	}{
		{"cuMemAlloc:2", func(d *realDriver) error { _, err := d.Alloc(12345); return err }, []string{"cuMemAlloc", "12345", "are free", "CUDA_ERROR_OUT_OF_MEMORY (2): out of memory; free memory of the GPU", "fewer images"}},
		{"cuMemFree:1", func(d *realDriver) error { return d.Free(0x1200) }, []string{"cuMemFree", "0x1200", "words of CUDA"}},
		{"cuMemHostAlloc:2", func(d *realDriver) error { _, err := d.Pinned(77); return err }, []string{ErrOutOfHostMemory.Error() + ": cuMemHostAlloc of 77 bytes: CUDA_ERROR_OUT_OF_MEMORY (2)", "fewer images"}},
		{"cuMemcpyHtoDAsync:1", func(d *realDriver) error { return d.CopyIn(Copy, 0x1200, make([]byte, 9)) }, []string{"cuMemcpyHtoDAsync", "9 bytes", "0x1200"}},
		{"cuMemcpyDtoHAsync:1", func(d *realDriver) error { return d.CopyOut(Copy, make([]byte, 9), 0x1200) }, []string{"cuMemcpyDtoHAsync", "9 bytes", "0x1200"}},
		{"cuMemsetD8Async:1", func(d *realDriver) error { return d.Fill(Copy, 0x1200, 1, 9) }, []string{"cuMemsetD8Async", "9 bytes", "0x1200"}},
		{"cuLaunchKernel:1", func(d *realDriver) error { return d.Launch(Compute, nothing) }, []string{"cuLaunchKernel", "mock_nothing<<<(9, 8, 7), (64, 1, 1), 1024 bytes>>>"}},
		{"", func(d *realDriver) error { return d.Launch(Compute, &Launch{Kernel: "absent"}) }, []string{"cuModuleGetFunction", "absent"}},
		{"", func(d *realDriver) error {
			return d.Launch(Compute, &Launch{Kernel: "mock_nothing", Shared: 1 << 20})
		}, []string{"cuFuncSetAttribute", "mock_nothing", "1048576 bytes"}},
		{"cuStreamSynchronize:700", func(d *realDriver) error { return errors.Join(d.Launch(Compute, nothing), d.Sync(Compute)) }, []string{"cuStreamSynchronize", "CUDA_ERROR_ILLEGAL_ADDRESS", "mock_nothing<<<(9, 8, 7)", "CUDA_LAUNCH_BLOCKING=1"}},
		{"cuEventCreate:2", func(d *realDriver) error { _, err := d.NewEvent(); return err }, []string{"cuEventCreate"}},
		{"cuEventRecord:1", func(d *realDriver) error { return d.Record(Compute, event) }, []string{"cuEventRecord"}},
		{"cuEventSynchronize:1", func(d *realDriver) error { return d.Reached(event) }, []string{"cuEventSynchronize"}},
		{"cuStreamWaitEvent:1", func(d *realDriver) error { return d.Wait(Compute, event) }, []string{"cuStreamWaitEvent"}},
		{"cuStreamBeginCapture:1", func(d *realDriver) error { _, err := d.Capture(Compute, nil); return err }, []string{"cuStreamBeginCapture"}},
		{"cuGraphInstantiateWithFlags:2", func(d *realDriver) error {
			_, err := d.Capture(Compute, func() error { return nil })
			return err
		}, []string{"cuGraphInstantiateWithFlags", "out of memory"}},
		{"cuGraphLaunch:1", func(d *realDriver) error { return d.Replay(Compute, graph) }, []string{"cuGraphLaunch"}},
		{"cuCtxSetCurrent:1", func(d *realDriver) error { return d.Sync(Compute) }, []string{"cuCtxSetCurrent"}},
	} {
		d := open(t)
		event = get[Event](t)(d.NewEvent())
		graph = get[Graph](t)(d.Capture(Compute, func() error { return nil }))
		t.Setenv("BNAS_MOCK_FAIL", c.fail)
		err := c.do(d)
		t.Setenv("BNAS_MOCK_FAIL", "")
		if err == nil {
			t.Errorf("%s: no error", c.fail)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v does not say %q", c.fail, err, word)
			}
		}
		if lost := strings.HasSuffix(c.fail, ":700"); errors.Is(err, ErrLost) != lost {
			t.Errorf("%v is ErrLost: %v", err, !lost)
		}
		if short := strings.HasSuffix(c.fail, ":2"); errors.Is(err, ErrOutOfMemory) != short {
			t.Errorf("%v is ErrOutOfMemory: %v", err, !short)
		}
		must(t, d.Close())
	}
}

// If a call fails while the GPU is opened, the error reports it, and everything that was opened is closed.
func TestRealOpenErrors(t *testing.T) {
	needsMock(t)
	for fail, words := range map[string]string{
		"cuDevicePrimaryCtxRetain:2": "out of memory", "cuDeviceGetAttribute:1": "major capability", "cuMemGetInfo:1": "cuMemGetInfo",
		"cuModuleLoadDataEx:209": "ptxas application : error : mock", "cuStreamCreate:2": "cuStreamCreate",
	} {
		t.Setenv("BNAS_MOCK_FAIL", fail)
		_, err := Open(0)
		if err == nil || !strings.Contains(err.Error(), words) || !strings.HasPrefix(err.Error(), "cuda: ") {
			t.Errorf("%s: %v", fail, err)
		}
		t.Setenv("BNAS_MOCK_FAIL", "")
		must(t, open(t).Close())
	}
	t.Setenv("BNAS_MOCK_FAIL", "cuModuleLoadDataEx:200")
	for version, says := range map[string]bool{"11080": true, "12060": false} {
		t.Setenv("BNAS_MOCK_CUDA", version)
		_, err := Open(0)
		if err == nil || strings.Contains(err.Error(), "the driver is for CUDA 11.8, and these kernels need one for 12.0 or newer: update it") != says {
			t.Errorf("with a driver of version %s: %v", version, err)
		}
	}
	t.Setenv("BNAS_MOCK_FAIL", "")
	t.Setenv("BNAS_MOCK_NONE", "1")
	if _, err := Open(0); err == nil || !strings.Contains(err.Error(), "no GPU") {
		t.Errorf("without a GPU: %v", err)
	}
	t.Setenv("BNAS_MOCK_NONE", "")
	for _, number := range []int{-1, 1} {
		if _, err := Open(number); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("no GPU %d: the driver shows 1", number)) {
			t.Errorf("GPU %d of 1: %v", number, err)
		}
	}
}
