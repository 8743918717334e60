package mpi

import (
	"os"
	"strconv"
	"strings"
)

// Place is what the environment says about a process of several.
type Place struct {
	Rank, Ranks       int
	Local, LocalRanks int // of those on this machine
}

// Started returns the place of this process, if mpirun, or srun with PMIx, has started it as one of several.
func Started() (Place, bool) { return placeOf(os.LookupEnv) }

// placeOf reads the variables of Open MPI's mpirun, and those of srun, which are there only in a step of several tasks with PMIx.
func placeOf(lookup func(string) (string, bool)) (Place, bool) {
	number := func(names ...string) int {
		for _, name := range names {
			if text, ok := lookup(name); ok {
				text, _, _ = strings.Cut(text, "(") // 4(x2): four on each of two machines
				if n, err := strconv.Atoi(text); err == nil {
					return n
				}
			}
		}
		return -1
	}
	p := Place{Rank: number("OMPI_COMM_WORLD_RANK"), Ranks: number("OMPI_COMM_WORLD_SIZE"),
		Local: number("OMPI_COMM_WORLD_LOCAL_RANK"), LocalRanks: number("OMPI_COMM_WORLD_LOCAL_SIZE")}
	if _, pmix := lookup("PMIX_RANK"); pmix && p.Ranks < 0 {
		p = Place{Rank: number("PMIX_RANK"), Ranks: number("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
			Local: number("SLURM_LOCALID"), LocalRanks: number("SLURM_STEP_TASKS_PER_NODE", "SLURM_NTASKS_PER_NODE")}
	}
	p.Local, p.LocalRanks = max(p.Local, 0), max(p.LocalRanks, 1)
	return p, p.Rank >= 0 && p.Ranks > 1
}
