package report

import (
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"bnas.example/philox"
)

// largeVariable is the number of architectures of the report that the process of TestMemoryOfALargeReport writes.
const largeVariable = "BNAS_TEST_ARCHITECTURES"

// TestMemoryOfALargeReport: a report of as many architectures as NAS-Bench-101 has, and of a tenth of them, in processes of their own.
// It prints by how much the peak of memory grows with an architecture: BNAS_LONG=1 go test -v -run MemoryOfALargeReport ./report
func TestMemoryOfALargeReport(t *testing.T) {
	const n, most = 423_624, 100 // bytes an architecture
	if text := os.Getenv(largeVariable); text != "" {
		count, err := strconv.Atoi(text)
		if err == nil {
			err = Write(filepath.Join(t.TempDir(), "report.html"), largeData(count))
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("set BNAS_LONG=1: it takes half a minute")
	}
	peak := func(n int) int64 {
		c := exec.Command(os.Args[0], "-test.run", "^TestMemoryOfALargeReport$")
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", largeVariable, n))
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	few, all := peak(n/10), peak(n)
	growth := float64(all-few) / (n - n/10)
	t.Logf("%d architectures: a peak of %d MB; %d: %d MB; %.0f bytes an architecture", n/10, few>>20, n, all>>20, growth)
	if growth > most {
		t.Errorf("the memory grows by %.0f bytes an architecture, want at most %d", growth, most)
	}
}

// largeData has n architectures with ten terms, as a file has them: none is in memory.
func largeData(n int) Data {
	d := Data{Score: "s"}
	for i := range 10 {
		d.Terms = append(d.Terms, Term{Name: fmt.Sprintf("term %d", i), Fused: true})
	}
	d.Archs = largeArchs(n)
	for a := range d.Archs {
		first := a.clone()
		d.Found = &first
		break
	}
	return d
}

func largeArchs(n int) iter.Seq2[Arch, error] {
	return func(yield func(Arch, error) bool) {
		a, noise := Arch{Values: make([]float64, 10)}, make([]float32, 11)
		for i := range n {
			philox.New(1, "large report", uint64(i)).Normal(noise, 1)
			for k := range a.Values {
				a.Values[k] = float64(noise[k])
			}
			a.Text, a.Canonical = fmt.Sprintf("architecture %d", i), fmt.Sprintf("network %d", i)
			a.Score, a.MACs = float64(noise[10]), int64(1e8+1e7*noise[0])
			if !yield(a, nil) {
				return
			}
		}
	}
}
