//go:build unix && !mpi

package train

import (
	"os"
	"strings"
	"testing"
)

// TestLauncherWithoutTag: a program without MPI refuses to be one of several, in one
// line of the first process.
func TestLauncherWithoutTag(t *testing.T) {
	for rank, want := range []string{"train: this program is built without MPI: mpirun of Open MPI started 4 processes, want a program with the tag mpi", ""} {
		c := command(t, "-limit", "9")
		c.Env = append(os.Environ(), "TAPENET_TEST_COMMAND=1", "OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK="+string(rune('0'+rank)))
		out, err := c.CombinedOutput()
		if text := string(out); err == nil || !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 1-rank {
			t.Errorf("rank %d: error %v, printed %q, want %q", rank, err, text, want)
		}
	}
}
