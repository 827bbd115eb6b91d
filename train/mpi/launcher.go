package mpi

import (
	"os"
	"strconv"
)

// Launcher is what started this process as one of several, as the environment
// tells it.
type Launcher struct {
	Size int // the number of processes; 0: the launcher does not say
	Rank int // which of them this process is, from 0 on

	kind kind
}

// kind is a way to start processes, and to tell them of each other.
type kind int

const (
	openMPI   kind = iota // mpirun of Open MPI
	hydra                 // mpirun of MPICH, Intel MPI or MVAPICH, and others that speak its PMI
	slurmPMIx             // srun --mpi=pmix
	slurmPMI              // srun --mpi=pmi2
	slurm                 // srun that tells the processes nothing of each other
	pmix                  // another launcher that speaks PMIx
)

// String names the launcher for messages.
func (l Launcher) String() string {
	return [...]string{
		openMPI:   "mpirun of Open MPI",
		hydra:     "mpirun of MPICH",
		slurmPMIx: "srun --mpi=pmix",
		slurmPMI:  "srun --mpi=pmi2",
		slurm:     "srun without --mpi",
		pmix:      "a launcher with PMIx",
	}[l.kind]
}

// Launched tells which launcher started this process, and whether one did. It
// reads the environment only.
//
// A step of Slurm with one task counts as no launcher: the shell of srun --pty
// bash is such a task, and what runs in it is started by hand.
func Launched() (l Launcher, ok bool) { return launchedBy(os.Getenv) }

// launchedBy is Launched in an environment. The launcher nearest to the process
// comes first: under Slurm mpirun starts its helpers with srun, and their
// variables, which count the helpers, reach the process too.
func launchedBy(env func(string) string) (Launcher, bool) {
	number := func(name string) int {
		n, _ := strconv.Atoi(env(name)) // 0: not said
		return n
	}
	tasks := number("SLURM_STEP_NUM_TASKS")
	switch {
	case env("OMPI_COMM_WORLD_SIZE") != "":
		return Launcher{number("OMPI_COMM_WORLD_SIZE"), number("OMPI_COMM_WORLD_RANK"), openMPI}, true
	case env("PMI_SIZE") != "" && (tasks == 0 || env("MPI_LOCALNRANKS") != ""): // Slurm does not set the latter
		return Launcher{number("PMI_SIZE"), number("PMI_RANK"), hydra}, true
	case tasks == 1:
		return Launcher{}, false
	case tasks > 1 && env("PMIX_RANK") != "":
		return Launcher{tasks, number("SLURM_PROCID"), slurmPMIx}, true
	case tasks > 1 && env("PMI_SIZE") != "":
		return Launcher{tasks, number("SLURM_PROCID"), slurmPMI}, true
	case tasks > 1:
		return Launcher{tasks, number("SLURM_PROCID"), slurm}, true
	case env("PMIX_RANK") != "":
		return Launcher{0, number("PMIX_RANK"), pmix}, true
	}
	return Launcher{}, false
}
