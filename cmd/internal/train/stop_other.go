//go:build !unix

package train

import "context"

// untilStopped returns the context: there is no SIGUSR1.
func untilStopped(ctx context.Context, _ bool) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
