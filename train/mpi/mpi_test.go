//go:build mpi

package mpi

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// asRank, set in the environment, makes the test binary a rank: "gather", "gather BYTES" or "silent".
const asRank = "BNAS_MPI_TEST"

func TestMain(m *testing.M) {
	role := os.Getenv(asRank)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// play is the work of a rank.
func play(role string) error {
	place, ok := Started()
	if !ok {
		return errors.New("mpirun has not started this process")
	}
	w, err := Open(place)
	if err != nil {
		return err
	}
	switch {
	case role == "gather":
		err = gatherAll(w)
	case role == "silent":
		w.Limit(time.Second)
		if err = w.Gather(make([]byte, w.Ranks()), slices.Repeat([]int{1}, w.Ranks())); err == nil && w.Rank() == 1 {
			time.Sleep(time.Minute)
		}
		err = errors.Join(err, w.Gather(make([]byte, w.Ranks()), slices.Repeat([]int{1}, w.Ranks())))
		var silent *SilentError
		if errors.As(err, &silent) {
			fmt.Println(err)
			w.Abort(75)
		}
	default:
		err = measure(w, role)
	}
	return errors.Join(err, w.Close())
}

// gatherAll gathers parts of many lengths, some of them empty, some larger than what MPI sends without asking.
func gatherAll(w World) error {
	for round := range 40 {
		lengths, begins, total := make([]int, w.Ranks()), make([]int, w.Ranks()), 0
		for i := range lengths {
			lengths[i], begins[i] = (round*round*131+i*7)%(1+round*20_000), total
			total += lengths[i]
		}
		want, all := make([]byte, total), make([]byte, total)
		for i := range want {
			want[i] = byte(i*7 + round)
		}
		own := begins[w.Rank()]
		copy(all[own:own+lengths[w.Rank()]], want[own:])
		if err := w.Gather(all, lengths); err != nil {
			return err
		}
		if !bytes.Equal(all, want) {
			return fmt.Errorf("rank %d, round %d: other bytes", w.Rank(), round)
		}
	}
	return nil
}

// measure prints the median time of a gather of so many bytes.
func measure(w World, bytes string) error {
	var total int
	if _, err := fmt.Sscan(bytes, &total); err != nil {
		return err
	}
	all, lengths := make([]byte, total), slices.Repeat([]int{total / w.Ranks()}, w.Ranks())
	times := make([]time.Duration, 4000)
	for i := range times {
		start := time.Now()
		if err := w.Gather(all[:total/w.Ranks()*w.Ranks()], lengths); err != nil {
			return err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	if w.Rank() == 0 {
		fmt.Printf("median %v, 90 %% below %v\n", times[len(times)/2], times[len(times)*9/10])
	}
	return nil
}

// mpirun runs ranks of the test binary and returns their output.
func mpirun(t testing.TB, ranks int, role string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("mpirun"); err != nil {
		t.Skip("needs mpirun (openmpi-bin)")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "mpirun", "--oversubscribe", "--quiet", "-np", fmt.Sprint(ranks), self)
	c.Env = append(os.Environ(), asRank+"="+role, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestGather(t *testing.T) {
	for _, n := range []int{2, 3, 4} {
		if out, err := mpirun(t, n, "gather"); err != nil {
			t.Errorf("%d ranks: %v: %s", n, err, out)
		}
	}
}

func TestSilentRank(t *testing.T) {
	start := time.Now()
	out, err := mpirun(t, 3, "silent")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 75 {
		t.Errorf("%v, want exit code 75: %s", err, out)
	}
	if !strings.Contains(out, "rank 1 on ") || !strings.Contains(out, " has not answered for 1s") {
		t.Errorf("does not name the silent rank: %s", out)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
}

// A gather of 30 kB between two ranks of a machine with two cores takes at most 250 µs.
func BenchmarkGather(b *testing.B) {
	for _, n := range []int{2, 4} {
		b.Run(fmt.Sprintf("ranks=%d", n), func(b *testing.B) {
			out, err := mpirun(b, n, "30000")
			if err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.Log(strings.TrimSpace(out))
		})
	}
}
