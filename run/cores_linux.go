package run

import (
	"os"

	"golang.org/x/sys/unix"
)

// launcherCores is how many cores the process may use that has started this one, if that is Open MPI; else 0. mpirun binds the processes
// that it starts, and not itself. That of Slurm is outside of the job's cores.
func launcherCores() int {
	var set unix.CPUSet
	if os.Getenv("OMPI_COMM_WORLD_LOCAL_SIZE") == "" || unix.SchedGetaffinity(os.Getppid(), &set) != nil {
		return 0
	}
	return set.Count()
}
