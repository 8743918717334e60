package mpi

import "testing"

func TestPlace(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		want        Place
		several     bool
	}{
		"none": {nil, Place{}, false},
		"mpirun": {map[string]string{"OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
			"OMPI_COMM_WORLD_LOCAL_SIZE": "4", "PMIX_RANK": "5"}, Place{5, 8, 1, 4}, true},
		"mpirun of one": {map[string]string{"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1"}, Place{}, false},
		"srun": {map[string]string{"PMIX_RANK": "3", "SLURM_STEP_NUM_TASKS": "8", "SLURM_NTASKS": "9", "SLURM_LOCALID": "3",
			"SLURM_STEP_TASKS_PER_NODE": "4(x2)"}, Place{3, 8, 3, 4}, true},
		"sbatch, not srun": {map[string]string{"SLURM_NTASKS": "8", "SLURM_LOCALID": "0"}, Place{}, false},
	} {
		got, several := placeOf(func(name string) (string, bool) {
			text, ok := c.environment[name]
			return text, ok
		})
		if several != c.several || several && got != c.want {
			t.Errorf("%s: %+v, %v, want %+v, %v", name, got, several, c.want, c.several)
		}
	}
}
