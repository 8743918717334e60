package run

import (
	"log/slog"
	"os"
	"runtime"
	"strings"

	"bnas.example/internal/hardware"
	"bnas.example/train"
)

// Together is this process as one of several that train a run together. Rank 0 alone writes the run folder; the others read it.
type Together struct {
	Exchange train.Exchange
	// Agree is called once, when this process is ready to begin, or cannot: err says why. Its error ends all processes.
	Agree func(err error) error
	// Local is the place of this process among so many LocalRanks on this machine. They share its cores, and have a GPU each.
	Local, LocalRanks int
}

// follows reports whether another process writes the run folder.
func (t *Together) follows() bool { return t != nil && t.Exchange.Rank() > 0 }

// agree returns err, or an error of another process.
func (t *Together) agree(err error) error {
	if t == nil {
		return err
	}
	return t.Agree(err)
}

// threads returns the threads of a process for which no number is set.
func (t *Together) threads() int {
	own := hardware.Cores()
	if t == nil {
		return own
	}
	launcher := max(own, launcherCores())
	if hardware.Quota() { // it is that of all processes together
		launcher = own
	}
	return shareOf(own, launcher, t.LocalRanks)
}

// shareOf is the threads of one of several processes that share the cores of their launcher, of which each may use some: mpirun can bind
// each to cores of its own.
func shareOf(own, launcher, processes int) int { return min(own, max(1, launcher/processes)) }

// warnBound warns if mpirun gives each process fewer cores than its share. Rank 0 speaks for all.
func (t *Together) warnBound(log *slog.Logger) {
	if t != nil && log != nil {
		warnFewer(log, runtime.NumCPU(), launcherCores()/t.LocalRanks)
	}
}

func warnFewer(log *slog.Logger, own, share int) {
	if own < share {
		log.Warn("mpirun has bound each process to some of its cores; mpirun --bind-to none gives it more", "cores of this process", own, "its share", share)
	}
}

// gpu returns the number of this process's GPU, from the first one that the processes use.
func (t *Together) gpu(first int) int {
	if t == nil {
		return first
	}
	visible, set := os.LookupEnv("CUDA_VISIBLE_DEVICES")
	if !set {
		return first + t.Local
	}
	return gpuOf(first, t.Local, strings.Count(visible, ",")+1)
}

// gpuOf is the GPU of a process among those that CUDA_VISIBLE_DEVICES shows it. A launcher may show each process its own alone: the
// processes begin again at the first one when there are fewer than processes.
func gpuOf(first, local, visible int) int {
	if first >= visible {
		return first + local // the driver refuses it
	}
	return first + local%(visible-first)
}
