package indicator

import (
	"slices"
	"testing"
	"time"

	"bnas.example/kernels/cpu"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// BenchmarkScore scores random live architectures of NAS-Bench-201 at its published size with the default Config, all
// terms, on two threads, and reports the median time and the longest.
func BenchmarkScore(b *testing.B) {
	if _, ok := cpu.Available(); !ok {
		b.Skip("no cpu engine in this build")
	}
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201"})
	if err != nil {
		b.Fatal(err)
	}
	dev, err := cpu.New(2, cpu.Strict)
	if err != nil {
		b.Fatal(err)
	}
	defer dev.Close()
	store, err := dev.NewStore(net.Params())
	if err != nil {
		b.Fatal(err)
	}
	if err := net.Fill(store); err != nil {
		b.Fatal(err)
	}
	s, err := NewScorer(net, dev, store, someImages(Config{}.ImagesNeeded(), 32, 32, 10), Config{})
	if err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	r := philox.New(1, "bench", 0)
	for b.Loop() {
		s.Reset()
		for range 50 {
			a := supernet.Random(net.Space, r)
			if !net.Space.Alive(a) {
				continue
			}
			start := time.Now()
			if _, err := s.Score(a); err != nil {
				b.Fatal(err)
			}
			times = append(times, time.Since(start))
		}
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2].Seconds()*1e3, "median-ms")
	b.ReportMetric(times[len(times)-1].Seconds()*1e3, "longest-ms")
}
