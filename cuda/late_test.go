package cuda

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/fake"
	"bnas.example/internal/gpusim/streams"
)

// late is a clock on a GPU whose streams run late, in an order of the seed, and the fake that counts what is not freed.
func late(seed uint64) (*clock, *fake.Driver) {
	f := fake.New(nil)
	return &clock{driver: streams.New(f, seed)}, f
}

// noise is n bytes that no other call returns.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// What is uploaded arrives, though the streams read it late and the ring of pinned memory comes round several times.
func TestStagingComesRound(t *testing.T) {
	const uploads, most = 30, stagingBytes / 3
	for seed := range uint64(5) {
		c, f := late(seed)
		var s staging
		if err := s.open(c); err != nil {
			t.Fatal(err)
		}
		base, err := c.driver.Alloc(uploads * most)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 1))
		var sent [][]byte
		for i := range uploads {
			b := noise(r, 1+r.IntN(most))
			sent = append(sent, bytes.Clone(b))
			if err := s.upload(base+driver.Ptr(i*most), b); err != nil {
				t.Fatal(err)
			}
			clear(b)
		}
		for i, want := range sent {
			got := make([]byte, len(want))
			if err := c.driver.CopyOut(driver.Compute, got, base+driver.Ptr(i*most)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d: upload %d of %d is not what was sent", seed, i, uploads)
			}
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if err := c.driver.Free(base); err != nil {
			t.Error(err)
		}
		if err := c.driver.Close(); err != nil {
			t.Error(err)
		}
		check(t, f)
	}
}

// Each batch is what the launches behind it read, though the copies and the launches run late, and the buffers grow.
func TestInputsRunLate(t *testing.T) {
	const batches = 60
	for seed := range uint64(5) {
		c, f := late(seed)
		l := landings{clock: c, free: map[int][]*landing{}}
		var in inputs
		if err := in.open(c); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 2))
		var sent [][]byte
		var read []arrival
		compare := func() {
			t.Helper()
			if err := read[0].read(func(b []byte) {
				if !bytes.Equal(b, sent[0]) {
					t.Fatalf("seed %d: the launches behind a batch read another", seed)
				}
			}); err != nil {
				t.Fatal(err)
			}
			read, sent = read[1:], sent[1:]
		}
		for i := range batches {
			b := noise(r, 1000+50*i)
			at, again, err := in.bring(b)
			if err != nil || again {
				t.Fatal(again, err)
			}
			a, err := l.fetch(part{at, int64(len(b))})
			if err != nil {
				t.Fatal(err)
			}
			if err := in.taken(); err != nil {
				t.Fatal(err)
			}
			sent, read = append(sent, b), append(read, a)
			if r.IntN(8) == 0 {
				compare()
			}
		}
		for len(read) > 0 {
			compare()
		}
		if err := in.close(); err != nil {
			t.Error(err)
		}
		if err := l.close(); err != nil {
			t.Error(err)
		}
		if err := c.driver.Close(); err != nil {
			t.Error(err)
		}
		check(t, f)
	}
}
