// Package kerneltest is the conformance suite of kernels.Device. The test of a back end calls [Run].
//
// The suite draws programs from a printed seed. It calls every method of the back end and of the reference (kernels/ref)
// and compares the results tensor by tensor. BNAS_KERNELTEST_SEED sets another seed; "random" draws one.
package kerneltest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// Factory makes the device under test with the given number of threads.
type Factory func(threads int) (kernels.Device, error)

// Options describe the precision and the limits of a back end, and the extent of the suite.
type Options struct {
	Seed   uint64 // of the random programs
	Random int    // number of random programs; 0 is 40. Of ten and more there are a tenth as many on wide maps
	Small  bool   // only small networks: for back ends that are slow
	// Plain leaves out the networks with factors of the images, with an auxiliary classifier and for many images: for a back end
	// that the suite tests in several precisions, where it has them in one.
	Plain bool
	// Threads is the largest number of threads whose results are compared with those of one thread; 0 is 3. A device that
	// does not use its number of threads needs 1.
	Threads int
	// Threaded makes the devices of more than one thread whose results are compared with those of one; nil is the Factory
	// under test. A device that checks what it does has a faster one there.
	Threaded Factory
	// Rounding says where the device computes or stores with less precision than float32. It widens the tolerances. The
	// back end's own tests compare it more closely, with rounded numbers. The zero value is float32.
	Rounding ref.Rounding
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

// seed returns the seed of the environment, or o.Seed if there is none.
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

// run turns a panic into an error: no call may make a device panic. It closes every device that the check opens, which may
// be closed already.
func (c check) run(f Factory, o Options) (err error) {
	var opened []kernels.Device
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		for _, d := range opened {
			err = errors.Join(err, d.Close())
		}
	}()
	noted := func(f Factory) Factory {
		return func(threads int) (kernels.Device, error) {
			d, err := f(threads)
			if err == nil {
				opened = append(opened, d)
			}
			return d, err
		}
	}
	if o.Threaded != nil {
		o.Threaded = noted(o.Threaded)
	}
	return c.check(noted(f), o)
}

// checks lists the checks of the suite: the networks, then the rules that need several runs or an illegal call.
func checks(o Options) []check {
	var list []check
	cases := networks(o)
	if !o.Plain {
		cases = slices.Concat(cases, []*Case{Many(o.Seed)}, factored(o), headed(o))
	}
	for _, c := range cases {
		list = append(list, check{c.Name, func(f Factory, o Options) error { return agrees(f, o, c) }})
	}
	return append(list,
		check{"factors", setFactors},
		check{"offset", offset},
		check{"query rows", queryRows},
		check{"interleaved", interleaved},
		check{"repeated", repeated},
		check{"weights written", weightsWritten},
		check{"beside", beside},
		check{"borrowed", borrowed},
		check{"stopped", stopped},
		check{"queued", queued},
		check{"pixels", pixels},
		check{"grams", grams},
		check{"illegal programs", illegalPrograms},
		check{"order of calls", callOrder},
		check{"lengths", lengths},
		check{"closed", closed},
		check{"released", released},
		check{"store", store},
		check{"update", update},
	)
}

// networks returns the cases of the suite. Each is settled when it runs.
func networks(o Options) []*Case {
	cases := []*Case{Pixel(o.Seed), Dead(o.Seed), Cropped(o.Seed)}
	count := o.Random
	if count == 0 {
		count = 40
	}
	for i := range count {
		cases = append(cases, Random(o.Seed+uint64(i)))
	}
	for i := range count / 10 {
		cases = append(cases, RandomWide(o.Seed+uint64(i)))
	}
	cases = append(cases,
		Cell(o.Seed, kernels.Shape{C: 16, H: 7, W: 9}, 3),
		Cell(o.Seed, kernels.Shape{C: 16, H: 8, W: 8}, 2), // whole tiles of every Winograd convolution
		Wide(o.Seed, 1),
		Mobile(o.Seed, 3, 2, 9, 2),
		Grey(o.Seed, 1, 8, 2),
		Grey(o.Seed, 2, 11, 3))
	if o.Rounding.Stored == ref.ScaledHalf {
		cases = append(cases, Scaled(o.Seed, 1e7), Scaled(o.Seed, 1e-7))
	}
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

// agrees runs a case on the reference and on devices of one to o.Threads threads, twice on one of them, and compares the
// results.
func agrees(f Factory, o Options, c *Case) error {
	if err := c.settle(); err != nil {
		return err
	}
	var first *observer
	most := o.Threads
	if most == 0 {
		most = 3
	}
	for threads := 1; threads <= most; threads++ {
		if threads > 1 && o.Threaded != nil {
			f = o.Threaded
		}
		got, err := observeNew(f, c, threads, threads == o.twice())
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
	want, err := observe(c, ref.New(), first.record, ref.Rounding{})
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	spread, err := o.spread(c, want.results, first.record)
	if err != nil {
		return fmt.Errorf("reference with roundings: %w", err)
	}
	err = compare(first.results, want.results, spread, nil)
	if err != nil {
		err = o.explained(c, first.results, want.results, spread, first.record)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.Name, err, c.Program)
	}
	return nil
}

// twice is the number of threads of the device that runs each case twice: not one that checks what it does, which takes many times as long.
func (o Options) twice() int {
	if o.Threaded != nil {
		return 2
	}
	return 1
}

// observeNew observes a case on a new device, once or twice. The second time must give the same bits.
func observeNew(f Factory, c *Case, threads int, twice bool) (*observer, error) {
	d, err := f(threads)
	if err != nil {
		return nil, err
	}
	o, err := observe(c, d, nil, ref.Rounding{})
	if err != nil {
		return nil, err
	}
	if twice {
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
