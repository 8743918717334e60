package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
	"bnas.example/train"
	"bnas.example/train/mpi"
)

// mpiProgram is this program, built with Open MPI; mpiGPUProgram has CUDA too. They are separate programs because they cannot start
// on a machine without these libraries.
const (
	mpiProgram    = "bnas-mpi"
	mpiGPUProgram = "bnas-mpi-cuda"
)

// rankTimeoutFlag is the time after which a silent rank ends a training.
var rankTimeoutFlag = &cli.DurationFlag{
	Name: "rank-timeout", Usage: "under mpirun: end with exit status 75 when another process has been silent for the time `T`, like 10m (0: never)",
	Value: mpi.DefaultLimit, Category: catMachine,
	Action: func(_ *cli.Context, d time.Duration) error {
		if d < 0 {
			return usagef("--rank-timeout %v: must not be negative", d)
		}
		return nil
	},
}

// rankedCommands are those that several processes may run. The others would do their work once in each.
var rankedCommands = []string{"train", "doctor", "version", "help"}

// ranks is this process as one of several that mpirun has started; nil: it is the only one. Rank 0 speaks for all.
type ranks struct {
	mpi.Place
	world  mpi.World
	agreed bool // all ranks know which of them can begin
	over   bool // they know that one cannot
}

// ranksKey is the place of the ranks in the metadata of the program.
const ranksKey = "ranks"

func ranksOf(c *cli.Context) *ranks {
	r, _ := c.App.Metadata[ranksKey].(*ranks)
	return r
}

// startedTogether returns the ranks if mpirun has started this process. A program without MPI is replaced by the one with it.
func startedTogether() (*ranks, error) {
	place, several := mpi.Started()
	if !several {
		return nil, nil
	}
	r := &ranks{Place: place}
	if !mpi.Built {
		return r, replaceBy(mpiProgram, "make mpi builds it", fmt.Sprintf("mpirun has started %d processes", place.Ranks))
	}
	var err error
	r.world, err = mpi.Open(place)
	return r, err
}

// follows reports whether another process speaks for this one.
func (r *ranks) follows() bool { return r != nil && r.Rank > 0 }

// audible returns w for rank 0, and for the others a writer whose text is lost.
func (r *ranks) audible(w io.Writer) io.Writer {
	if r.follows() {
		return io.Discard
	}
	return w
}

// allows returns an error for a command of which there must not be several.
func (r *ranks) allows(command string) error {
	if r == nil || slices.Contains(rankedCommands, command) {
		return nil
	}
	return usagef("mpirun has started %d processes, and bnas %s works in one: start it without mpirun", r.Ranks, command)
}

// together returns the options of a training in several processes.
func (r *ranks) together() *run.Together {
	if r == nil {
		return nil
	}
	return &run.Together{Exchange: r.world, Agree: r.agree, Local: r.Local, LocalRanks: r.LocalRanks}
}

// agree waits until all ranks are ready to begin, or know why one cannot.
func (r *ranks) agree(err error) error {
	r.agreed = true
	err = train.Agree(r.world, identity(), err)
	var silent *mpi.SilentError
	r.over = err != nil && !errors.As(err, &silent)
	return err
}

// start is the command with which the job was started.
func (r *ranks) start(command string) string {
	if r == nil {
		return command
	}
	return fmt.Sprintf("mpirun -np %d %s", r.Ranks, command)
}

// leadTime is how long a rank waits for the one before it to report an error: mostly all have the same one.
const leadTime = 2 * time.Second

// end brings the ranks to their end, and returns the error of the program. An error that the others do not know of is told, and
// ends all of them at once.
func (r *ranks) end(err error, tell func(error)) error {
	if r == nil || errors.Is(err, errLost) {
		return err // a process that ends without a word to MPI ends the others
	}
	if err != nil && !r.agreed {
		err = r.agree(err)
	}
	known := r.over || errors.Is(err, train.ErrInterrupted) || errors.Is(err, train.ErrBudget)
	switch {
	case err == nil, known && !r.follows():
	case known:
		err = nil
	default:
		if r.follows() {
			time.Sleep(time.Duration(min(r.Rank, 3)) * leadTime)
			err = fmt.Errorf("%s: %w", r.world.Name(r.Rank), err)
		}
		tell(err)
		r.world.Abort(exitCode(err))
	}
	return errors.Join(err, r.world.Close())
}
