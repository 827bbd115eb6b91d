//go:build unix

package train

import (
	"context"
	"os/signal"
	"syscall"
)

// untilStopped returns a context that SIGUSR1 ends too, in a process that a launcher has
// started. Launchers hand it on, and do not follow it with a SIGKILL as mpirun of Open
// MPI does a second after SIGTERM: so there is time to save.
func untilStopped(ctx context.Context, launched bool) (context.Context, context.CancelFunc) {
	if !launched {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGUSR1)
}
