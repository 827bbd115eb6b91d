package mpi

import "testing"

// Environments as the launchers make them; those of Slurm are from its documentation
// (srun, "OUTPUT ENVIRONMENT VARIABLES"; mpi_guide), the others were read from
// processes under Open MPI 4.1.4 and MPICH 4.0.2.
var environments = []struct {
	name     string
	env      map[string]string
	launched bool
	size     int
	rank     int
	text     string
}{
	{"none", nil, false, 0, 0, ""},
	{"mpirun of Open MPI", map[string]string{"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "PMIX_RANK": "3"},
		true, 4, 3, "mpirun of Open MPI"},
	{"one process of Open MPI", map[string]string{"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}, true, 1, 0, "mpirun of Open MPI"},
	{"Open MPI that srun helps", map[string]string{"OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_RANK": "5", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"},
		true, 8, 5, "mpirun of Open MPI"},
	{"mpirun of MPICH", map[string]string{"PMI_SIZE": "3", "PMI_RANK": "2", "MPI_LOCALNRANKS": "3"}, true, 3, 2, "mpirun of MPICH"},
	{"MPICH that srun helps", map[string]string{"PMI_SIZE": "1", "PMI_RANK": "0", "MPI_LOCALNRANKS": "1", "SLURM_STEP_NUM_TASKS": "1"},
		true, 1, 0, "mpirun of MPICH"},
	{"srun, PMIx", map[string]string{"SLURM_STEP_NUM_TASKS": "6", "SLURM_PROCID": "4", "PMIX_RANK": "4"}, true, 6, 4, "srun --mpi=pmix"},
	{"srun, PMI-2", map[string]string{"SLURM_STEP_NUM_TASKS": "6", "SLURM_PROCID": "4", "PMI_SIZE": "6", "PMI_RANK": "4", "PMI_FD": "9"},
		true, 6, 4, "srun --mpi=pmi2"},
	{"srun, neither", map[string]string{"SLURM_STEP_NUM_TASKS": "6", "SLURM_PROCID": "4"}, true, 6, 4, "srun without --mpi"},
	{"a shell of srun", map[string]string{"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "PMIX_RANK": "0"}, false, 0, 0, ""},
	{"a shell of srun, PMI-2", map[string]string{"SLURM_STEP_NUM_TASKS": "1", "PMI_SIZE": "1", "PMI_RANK": "0"}, false, 0, 0, ""},
	{"a batch script of Slurm", map[string]string{"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, false, 0, 0, ""},
	{"another one with PMIx", map[string]string{"PMIX_RANK": "2"}, true, 0, 2, "a launcher with PMIx"},
}

func TestLaunched(t *testing.T) {
	for _, e := range environments {
		t.Run(e.name, func(t *testing.T) {
			l, ok := launchedBy(func(name string) string { return e.env[name] })
			if ok != e.launched || l.Size != e.size || l.Rank != e.rank || ok && l.String() != e.text {
				t.Errorf("launched %v: %d of %d by %v, want %v: %d of %d by %q", ok, l.Rank, l.Size, l, e.launched, e.rank, e.size, e.text)
			}
		})
	}
}

// unlaunch takes the variables of all launchers away.
func unlaunch(t *testing.T) {
	t.Helper()
	for _, e := range environments {
		for name := range e.env {
			t.Setenv(name, "")
		}
	}
}

// TestJoinAlone: without a launcher there is no group and no error.
func TestJoinAlone(t *testing.T) {
	unlaunch(t)
	if g, err := Join(Options{}); g != nil || err != nil {
		t.Errorf("Join is %v, %v, want neither", g, err)
	}
}
