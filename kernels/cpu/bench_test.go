//go:build cgo

package cpu_test

import (
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/supernet"
)

var cells = map[string]string{
	"all3x3": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
	"mixed":  "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|",
}

const batch = 64

// network compiles a NAS-Bench-201 cell at the benchmark's sizes and fills a batch.
func network(b testing.TB, threads int, cell string) (kernels.Exec, []float32, []int) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Standard})
	if err != nil {
		b.Fatal(err)
	}
	a, err := net.Space.Parse(cell)
	if err != nil {
		b.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		b.Fatal(err)
	}
	d, err := cpu.New(threads, cpu.Strict)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	s, err := d.NewStore(net.Params())
	if err != nil {
		b.Fatal(err)
	}
	if err := net.Fill(s); err != nil {
		b.Fatal(err)
	}
	e, err := d.Compile(p, s, batch)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	images, labels := make([]float32, batch*p.Values[kernels.Images].Len()), make([]int, batch)
	for i := range images {
		images[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		labels[i] = r.IntN(p.Classes())
	}
	return e, images, labels
}

// BenchmarkStep times one BN-only training step: forward, cross-entropy, backward.
func BenchmarkStep(b *testing.B) {
	for name, cell := range cells {
		for _, threads := range []int{1, 2} {
			b.Run(name+"/"+strconv.Itoa(threads), func(b *testing.B) {
				e, images, labels := network(b, threads, cell)
				step(b, e, images, labels, false) // packs the weights
				from := processorTime(b)
				for b.Loop() {
					step(b, e, images, labels, false)
				}
				b.ReportMetric(float64(processorTime(b)-from)/1e6/float64(b.N), "cpu-ms/op")
				b.ReportMetric(float64(e.SavedBytes(batch))/(1<<20), "MiB-saved")
			})
		}
	}
}

func step(b testing.TB, e kernels.Exec, images []float32, labels []int, weights bool) {
	if err := e.Forward(images, len(labels)); err != nil {
		b.Fatal(err)
	}
	if err := e.CrossEntropy(labels, 0); err != nil {
		b.Fatal(err)
	}
	if err := e.Backward(kernels.DifferentiateStatistics, weights); err != nil {
		b.Fatal(err)
	}
}

// processorTime returns the processor time of the process on all threads. On a shared machine it varies less than the
// clock.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkForward times the forward pass alone.
func BenchmarkForward(b *testing.B) {
	for name, cell := range cells {
		b.Run(name, func(b *testing.B) {
			e, images, _ := network(b, 2, cell)
			for b.Loop() {
				if err := e.Forward(images, batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompile times the planning of a path.
func BenchmarkCompile(b *testing.B) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Standard})
	if err != nil {
		b.Fatal(err)
	}
	a, err := net.Space.Parse(cells["all3x3"])
	if err != nil {
		b.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		b.Fatal(err)
	}
	d, err := cpu.New(1, cpu.Strict)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s, err := d.NewStore(net.Params())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.Compile(p, s, batch); err != nil {
			b.Fatal(err)
		}
	}
}
