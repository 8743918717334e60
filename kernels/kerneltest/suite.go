// Package kerneltest is the one conformance suite of kernels.Device. A back end's test is a call of [Run].
//
// Programs are drawn from a printed seed, run through every method of the back end and of the reference (kernels/ref)
// and compared tensor by tensor. BNAS_KERNELTEST_SEED sets another seed; "random" draws one.
package kerneltest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// Factory makes the device under test for a number of threads.
type Factory func(threads int) (kernels.Device, error)

// Options say what a back end is expected to do.
type Options struct {
	Seed   uint64 // of the random programs
	Random int    // how many random programs; 0 is 40
	Small  bool   // only small networks: for back ends that are slow
	// Rounding is the relative error of a device that computes or stores in less than float32: half an ulp, 2⁻¹¹ for
	// half precision. It widens the tolerances; how close such a device must be to its own rounded numbers is for its
	// own tests. 0 is float32.
	Rounding  float64
	NoWeights bool // weight gradients are answered with an error that wraps kernels.ErrUnsupported
}

// Run runs the suite.
func Run(t *testing.T, newDevice func(threads int) (kernels.Device, error), o Options) {
	seed, err := o.seed(os.Getenv("BNAS_KERNELTEST_SEED"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("BNAS_KERNELTEST_SEED=%d", seed)
	o.Seed = seed
	for _, c := range checks(o) {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(newDevice, o); err != nil {
				t.Error(err)
			}
		})
	}
}

// seed is o.Seed unless the environment says otherwise.
func (o Options) seed(env string) (uint64, error) {
	switch env {
	case "":
		return o.Seed, nil
	case "random":
		return uint64(rand.Uint32()), nil
	}
	seed, err := strconv.ParseUint(env, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("kerneltest: BNAS_KERNELTEST_SEED: %w", err)
	}
	return seed, nil
}

// check is one named part of the suite.
type check struct {
	name  string
	check func(f Factory, o Options) error
}

// run makes a panic an error: nothing that a caller does may make a device panic.
func (c check) run(f Factory, o Options) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.check(f, o)
}

// checks lists the suite: the networks, then the rules that no single run shows.
func checks(o Options) []check {
	var list []check
	for _, c := range networks(o) {
		list = append(list, check{c.Name, func(f Factory, o Options) error { return agrees(f, o, c) }})
	}
	return append(list,
		check{"offset", offset},
		check{"query rows", queryRows},
		check{"interleaved", interleaved},
		check{"weights written", weightsWritten},
		check{"illegal programs", illegalPrograms},
		check{"order of calls", callOrder},
		check{"lengths", lengths},
		check{"closed", closed},
		check{"unsupported", unsupported},
		check{"store", store},
		check{"update", update},
	)
}

// networks are the cases of the suite. They are settled when they run.
func networks(o Options) []*Case {
	cases := []*Case{Pixel(o.Seed), Dead(o.Seed)}
	count := o.Random
	if count == 0 {
		count = 40
	}
	for i := range count {
		cases = append(cases, Random(o.Seed+uint64(i)))
	}
	cases = append(cases,
		Cell(o.Seed, kernels.Shape{C: 16, H: 7, W: 9}, 3),
		Mobile(o.Seed, 3, 2, 9, 2))
	if o.Small {
		return cases
	}
	return append(cases,
		Cell(o.Seed, kernels.Shape{C: 16, H: 32, W: 32}, 2),
		Cell(o.Seed, kernels.Shape{C: 32, H: 16, W: 16}, 2),
		Cell(o.Seed, kernels.Shape{C: 64, H: 8, W: 8}, 3),
		Cell(o.Seed, kernels.Shape{C: 24, H: 13, W: 5}, 5),
		Mobile(o.Seed, 5, 1, 12, 2),
		Mobile(o.Seed, 5, 2, 16, 2),
		Mobile(o.Seed, 7, 2, 15, 3))
}

// agrees runs a case on devices of one, two and three threads, twice on the first, and on the reference.
func agrees(f Factory, o Options, c *Case) error {
	if err := c.settle(); err != nil {
		return err
	}
	var first *observer
	for threads := 1; threads <= 3; threads++ {
		got, err := observeNew(f, c, threads, !o.NoWeights)
		if err != nil {
			return fmt.Errorf("%d threads: %w", threads, err)
		}
		if first == nil {
			first = got
		}
		if err := sameBits(got.results, first.results); err != nil {
			return fmt.Errorf("%s: %d threads and 1: %w", c.Name, threads, err)
		}
	}
	want, err := observe(c, ref.New(), !o.NoWeights, first.record)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	if err := o.compare(first.results, want.results); err != nil {
		return fmt.Errorf("%s: %w\n%s", c.Name, err, c.Program)
	}
	return nil
}

// observeNew observes a case on a device of its own, twice.
func observeNew(f Factory, c *Case, threads int, weights bool) (*observer, error) {
	d, err := f(threads)
	if err != nil {
		return nil, err
	}
	o, err := observe(c, d, weights, nil)
	if err != nil {
		return nil, err
	}
	if threads == 1 {
		before := o.results
		if err := o.all(); err != nil {
			return nil, err
		}
		if err := sameBits(o.results, before); err != nil {
			return nil, fmt.Errorf("%s: the second time: %w", c.Name, err)
		}
	}
	return o, d.Close()
}
