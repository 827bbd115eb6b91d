// Package kernel holds the arithmetic inner loops of the graph's operations, and the worker pool that spreads them over the processors.
//
// Every kernel is plain Go; beside some of them stands assembly for amd64, generated with avo and chosen at run time (see tier).
// The build tag noasm leaves plain Go only. Kernels trust their arguments: the operation that calls one has checked the shapes.
// Functions are safe for concurrent use. A kernel with Forward and Backward keeps what the one leaves for the other: it serves one
// goroutine at a time. Neither allocates after warm-up.
package kernel

// Float is the element type of every kernel.
type Float interface{ float32 | float64 }

// freeList keeps up to maxIdle idle values for reuse; more are left to the garbage collector. Unlike a sync.Pool it never forgets one:
// so a warm kernel allocates nothing, unless more than maxIdle calls overlap.
type freeList[E any] chan *E

const maxIdle = 64

func newFreeList[E any]() freeList[E] { return make(freeList[E], maxIdle) }

// get returns an idle value, or nil if there is none.
func (l freeList[E]) get() *E {
	select {
	case e := <-l:
		return e
	default:
		return nil
	}
}

// put makes e idle. The caller must not use it any more.
func (l freeList[E]) put(e *E) {
	select {
	case l <- e:
	default:
	}
}
