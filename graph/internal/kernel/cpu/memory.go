package cpu

import "unsafe"

// This file has memory that is used again. A kernel's buffers come in two kinds:
//
//	of the kernel       what Backward needs of Forward: Sized, Grow, AtLeast
//	of a goroutine      scratch, as many as run at a time: a FreeList
//
// Both are made at the first run and kept, so that later runs allocate nothing.

// FreeList keeps up to maxIdle idle values to be used again; more are left to
// the garbage collector. Unlike a sync.Pool it never forgets one: so a warm
// kernel allocates nothing, unless more than maxIdle calls overlap. It is safe
// for concurrent use.
//
//	s := l.Get()
//	if s == nil {
//		s = new(scratch) // the first time, or more goroutines than ever before
//	}
//	defer l.Put(s)
type FreeList[E any] chan *E

// maxIdle is more than the processors of most machines: so many goroutines may hold
// a value at a time.
const maxIdle = 64

// NewFreeList returns an empty list.
func NewFreeList[E any]() FreeList[E] { return make(FreeList[E], maxIdle) }

// Get returns an idle value, or nil if there is none. Its content is as the last
// user left it.
func (l FreeList[E]) Get() *E {
	select {
	case e := <-l:
		return e
	default:
		return nil
	}
}

// Put makes e idle. The caller must not use it any more.
func (l FreeList[E]) Put(e *E) {
	select {
	case l <- e:
	default:
	}
}

// Sum adds up the sizes of the idle values. It must not overlap with other
// calls, which would miss the values that it holds.
func (l FreeList[E]) Sum(size func(*E) int) (n int) {
	for range len(l) {
		e := l.Get()
		n += size(e)
		l.Put(e)
	}
	return n
}

// Operand returns operand i, or nil if the operation was given fewer: a bias,
// for example, is optional.
func Operand[T Float](in [][]T, i int) []T {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// Grow returns a buffer for n copies of like, using buf again if it has that
// size. It is empty if like is nil. Chunks of a gradient are such copies: like is
// the gradient, nil if nobody wants it, and n the number of chunks.
func Grow[T Float](buf, like []T, n int) []T {
	if size := n * len(like); len(buf) != size {
		return make([]T, size)
	}
	return buf
}

// Sized returns a buffer of the given size, buf if it has that size. Its
// content is arbitrary, but a new one is zero.
func Sized[T Float](buf []T, size int) []T {
	if len(buf) != size {
		return make([]T, size)
	}
	return buf
}

// AtLeast returns the first size elements of *buf, whose content is arbitrary. It is
// Sized for a buffer whose size changes from call to call: the buffer only grows.
func AtLeast[T Float](buf *[]T, size int) []T {
	if cap(*buf) < size {
		*buf = make([]T, size)
	}
	return (*buf)[:size]
}

// SizeOf is the memory, in bytes, that n elements take.
func SizeOf[T Float](n int) int { return n * int(unsafe.Sizeof(T(0))) }

// BytesOf is the memory that buffers take, with the elements beyond their length. A
// kernel's Bytes adds up its buffers with it, and a model states the sum.
func BytesOf[T Float](buffers ...[]T) (n int) {
	for _, b := range buffers {
		n += cap(b)
	}
	if _, ok := any(T(0)).(float32); ok {
		return 4 * n
	}
	return 8 * n
}
