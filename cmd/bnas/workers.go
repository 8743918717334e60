package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"

	"github.com/urfave/cli/v2"

	"bnas.example/cluster"
	"bnas.example/run"
)

// These are the flags of a command whose architectures several processes can score.
func workerFlags() []cli.Flag {
	flags := []cli.Flag{
		optionalInt("workers", "score in `N` processes of this machine", 1, 1024),
	}
	for _, f := range flags {
		f.(*wholeFlag).Category = catWorkers
	}
	return flags
}

// crewOf returns the workers that the flags ask for; nil: this process scores.
func crewOf(c *cli.Context) *cluster.Crew {
	if !c.IsSet("workers") {
		return nil
	}
	return &cluster.Crew{Local: c.Int("workers"), Options: cluster.Options{Version: version()}}
}

// hire starts the workers that the flags ask for, and gives the run to them. done ends them.
func hire(c *cli.Context, r *run.Run) (done func(), err error) {
	k := crewOf(c)
	if k == nil {
		return func() {}, nil
	}
	k.Command = func() *exec.Cmd { return workerProcess(shareOfCores(r.Config.Threads, k.Local)) }
	if err := k.Start(); err != nil {
		return nil, err
	}
	if !c.Bool("quiet") && k.Local > 0 {
		slog.Info("workers", "processes", k.Local, "threads of each", shareOfCores(r.Config.Threads, k.Local))
	}
	r.Workers = k.Open
	return k.Close, nil
}

// shareOfCores is the number of threads of each of n workers: together they have those of the command, or one each.
func shareOfCores(threads, n int) int { return max(1, cmp.Or(threads, runtime.NumCPU())/n) }

// workerProcess returns the command of a worker of this machine.
func workerProcess(threads int) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	p := exec.Command(self, "worker", "--join", overPipes, "--threads", fmt.Sprint(threads), "--quiet")
	p.Args[0] = os.Args[0]
	ownGroup(p)
	return p
}
