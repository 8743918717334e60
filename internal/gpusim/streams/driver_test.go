package streams

import (
	"bytes"
	"errors"
	"testing"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/fake"
)

var _ driver.Sider = (*Driver)(nil)

// order fills memory in the compute stream and then in another stream, which waits in a way, and returns the value that stays.
func order(t *testing.T, seed uint64, wait func(t *testing.T, d *Driver) (second driver.Driver, stream driver.Stream)) byte {
	t.Helper()
	d := New(fake.New(nil), seed)
	p, err := d.Alloc(64)
	for range 4 {
		err = errors.Join(err, d.Fill(driver.Compute, p, 1, 64))
	}
	second, stream := wait(t, d)
	got := make([]byte, 64)
	err = errors.Join(err, second.Fill(stream, p, 2, 64), d.Sync(driver.Compute), second.Sync(stream), d.CopyOut(driver.Compute, got, p))
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

// Streams have the order that events give them, and no other.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name  string
		wait  func(t *testing.T, d *Driver) (driver.Driver, driver.Stream)
		first bool // the compute stream may end last
	}{
		{"no wait", func(t *testing.T, d *Driver) (driver.Driver, driver.Stream) { return d, driver.Copy }, true},
		{"an event", func(t *testing.T, d *Driver) (driver.Driver, driver.Stream) {
			e, err := d.NewEvent()
			if err := errors.Join(err, d.Record(driver.Compute, e), d.Wait(driver.Copy, e)); err != nil {
				t.Fatal(err)
			}
			return d, driver.Copy
		}, false},
		{"an event of before", func(t *testing.T, d *Driver) (driver.Driver, driver.Stream) {
			e, err := d.NewEvent()
			if err := errors.Join(err, d.Wait(driver.Copy, e), d.Record(driver.Compute, e)); err != nil {
				t.Fatal(err)
			}
			return d, driver.Copy
		}, true},
		{"a driver beside", func(t *testing.T, d *Driver) (driver.Driver, driver.Stream) {
			b, err := d.Beside()
			if err != nil {
				t.Fatal(err)
			}
			return b, driver.Compute
		}, true},
		{"a driver that follows", func(t *testing.T, d *Driver) (driver.Driver, driver.Stream) {
			b, err := d.Beside()
			if err := errors.Join(err, b.(driver.Sider).Follow(d)); err != nil {
				t.Fatal(err)
			}
			return b, driver.Compute
		}, false},
	} {
		last := map[byte]int{}
		for seed := range uint64(50) {
			last[order(t, seed, c.wait)]++
		}
		if (last[1] > 0) != c.first || last[2] == 0 {
			t.Errorf("%s: of 50 orders the compute stream ends last in %d, the other in %d", c.name, last[1], last[2])
		}
	}
}

// A copy from pinned memory reads it when it runs; what a copy to pinned memory brings is not there before.
func TestPinned(t *testing.T) {
	read, early := 0, 0
	for seed := range uint64(50) {
		d := New(fake.New(nil), seed)
		p, err := d.Alloc(64)
		in, errIn := d.Pinned(64)
		out, errOut := d.Pinned(64)
		if err := errors.Join(err, errIn, errOut, d.CopyIn(driver.Compute, p, in), d.CopyOut(driver.Compute, out, p)); err != nil {
			t.Fatal(err)
		}
		if out[0] == poison {
			early++
		}
		in[0] = 7
		if err := d.Sync(driver.Compute); err != nil {
			t.Fatal(err)
		}
		if out[0] == 7 {
			read++
		}
		if !bytes.Equal(out[1:], in[1:]) {
			t.Errorf("order %d: other bytes", seed)
		}
	}
	if read == 0 || read == 50 || early == 0 {
		t.Errorf("of 50 orders %d read what was written after the copy, and %d had nothing when it was queued", read, early)
	}
}

// A copy may run after much that another stream has queued since.
func TestLateCopy(t *testing.T) {
	late := 0
	for seed := range uint64(50) {
		d := New(fake.New(nil), seed)
		p, err := d.Alloc(64)
		in, errIn := d.Pinned(64)
		err = errors.Join(err, errIn)
		for i := range 300 {
			err = errors.Join(err, d.Fill(driver.Compute, p+32, 1, 8))
			if i == 10 {
				err = errors.Join(err, d.CopyIn(driver.Copy, p, in))
			}
		}
		in[0] = 7
		got := make([]byte, 1)
		if err := errors.Join(err, d.Sync(driver.Copy), d.CopyOut(driver.Copy, got, p)); err != nil {
			t.Fatal(err)
		}
		if got[0] == 7 {
			late++
		}
	}
	if late < 5 || late > 45 {
		t.Errorf("the copy is late in %d of 50 orders", late)
	}
}

// Drivers beside each other may be used at the same time.
func TestBesideAtTheSameTime(t *testing.T) {
	d := New(fake.New(nil), 0)
	ended := make(chan error)
	drivers := 4
	for range drivers {
		b, err := d.Beside()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			var err error
			for range 300 {
				p, errAlloc := b.Alloc(64)
				host, errPinned := b.Pinned(64)
				err = errors.Join(err, errAlloc, errPinned, b.Fill(driver.Copy, p, 1, 64), b.CopyOut(driver.Compute, host, p), b.Free(p), b.FreePinned(host))
			}
			ended <- errors.Join(err, b.Close())
		}()
	}
	for range drivers {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// An error of work shows at a later call, and at each.
func TestLateError(t *testing.T) {
	d := New(fake.New(nil), 0)
	_ = d.Fill(driver.Compute, 1, 0, 8)
	if d.Sync(driver.Compute) == nil || d.Sync(driver.Copy) == nil {
		t.Error("the error of work is lost")
	}
}

// A graph runs the launches that were recorded, each time.
func TestGraph(t *testing.T) {
	works := fake.New(nil)
	d := New(works, 0)
	l := driver.Launch{Kernel: "k", Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}}
	g, err := d.Capture(driver.Compute, func() error { return errors.Join(d.Launch(driver.Compute, &l), d.Launch(driver.Compute, &l)) })
	if err != nil || len(works.Calls) > 0 {
		t.Fatalf("a capture calls %q: %v", works.Calls, err)
	}
	if err := errors.Join(d.Replay(driver.Compute, g), d.Replay(driver.Compute, g), d.Sync(driver.Compute), d.FreeGraph(g)); err != nil || len(works.Calls) != 4 {
		t.Errorf("two replays of two launches call %q: %v", works.Calls, err)
	}
	if d.Replay(driver.Compute, g) == nil {
		t.Error("a graph that was freed is replayed")
	}
	if _, err := d.NewEvent(); err != nil || d.Close() == nil {
		t.Error("Close does not tell of an event that was never freed")
	}
}
