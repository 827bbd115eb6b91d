package cli

import "context"

// Until returns what do returns, or ctx's error as soon as that ends: do then goes on for
// nobody until the process ends, so it must own all that it writes to.
func Until[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		v, err := do()
		answers <- answer{v, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
