package kernel

import (
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// Broadcast is x·s, or x + s, element by element, where s repeats along some of
// the dimensions of x. s is read as it is: its repetitions are written nowhere.
//
// With p(i) for the place in s of what belongs to element i of x,
//
//	product   y[i] = x[i]·s[p(i)]     dx[i] = dy[i]·s[p(i)]
//	                                  ds[j] = Σ_{i: p(i)=j} dy[i]·x[i]
//	sum       y[i] = x[i] + s[p(i)]   dx[i] = dy[i]
//	                                  ds[j] = Σ_{i: p(i)=j} dy[i]
//
// The sums of ds are what repeating costs backward: an element of s went to many places,
// and each sends a gradient back. On planes every product is rounded before it is added,
// on all tiers, and the order of a sum depends on the shapes alone: so do the bits.
//
// The squeeze-and-excitation factors (N,C,1,1) of images (N,C,H,W) are such an s (Hu et
// al. 2017), as are a bias (C) of rows (M,C) and an embedding (L,E) of samples (N,L,E).
type Broadcast[T cpu.Float] struct {
	multiply    bool
	shape, with []int  // of x and s
	dims        []span // at least two
	size        int    // elements of s

	y, x, s, dy, dx, ds []T
	forward, backward   func(lo, hi int)
	sums                func(lo, hi int)
	laid                *laidBroadcast[T] // for images channels last, nil for planes
	split               int               // the dimension that sums are shared out by, -1 for none
}

// span is one or more dimensions of x: how many elements, and how far apart s has
// them, 0 where it repeats.
type span struct{ size, step int }

// NewBroadcast returns the kernel of a product, or of a sum, of x (shape) and s
// (with), which has as many dimensions, each equal or 1.
func NewBroadcast[T cpu.Float](multiply bool, shape, with []int) *Broadcast[T] {
	b := &Broadcast[T]{multiply: multiply, shape: shape, with: with, dims: spans(shape, with), size: 1, split: -1}
	for _, d := range with {
		b.size *= d
	}
	for i, d := range b.dims {
		if d.step > 0 && d.size > 1 {
			b.split = i
			break
		}
	}
	b.forward, b.backward, b.sums = b.forwardBlocks, b.backwardBlocks, b.sumRange
	return b
}

// spans joins dimensions along which s goes on in the same way, so that the last
// one is long. Two neighbours are one if a step of the outer is as far in s as all
// steps of the inner; in x they always are. Dimensions of 1 vanish. Where all others
// are larger, this gives, behind two that are {1,0}:
//
//	x           s           {size, step}
//	(N,C,H,W)   (N,C,1,1)   {N·C,1} {H·W,0}
//	(N,C,H,W)   (1,C,1,1)   {N,0} {C,1} {H·W,0}
//	(N,L,E)     (1,L,E)     {N,0} {L·E,1}
//	(N,L,E)     (1,1,1)     {N·L·E,0}
//
// The step of the last span is 0 or 1, as s has nothing but ones behind it: a run of x
// meets one number, or as many that lie side by side.
func spans(shape, with []int) []span {
	dims := []span{{1, 0}, {1, 0}}
	size := 1
	for _, d := range with {
		size *= d
	}
	for i, d := range shape {
		step := 0
		if size /= with[i]; with[i] > 1 {
			step = size
		}
		last := &dims[len(dims)-1]
		switch {
		case d == 1:
		case len(dims) > 2 && last.step == d*step:
			*last = span{last.size * d, step}
		default:
			dims = append(dims, span{d, step})
		}
	}
	return dims
}

// broadcastBlock is the number of elements that are worked on at a time, at most: a
// block does not go beyond a run of the last dimension. A tensor whose runs are short
// has many small blocks, each of which costs the divisions of block.
const broadcastBlock = 4096

// blocks is how many blocks there are in x: each run of the last dimension has
// some.
func (b *Broadcast[T]) blocks() int {
	n, last := 1, len(b.dims)-1
	for _, d := range b.dims[:last] {
		n *= d.size
	}
	return n * ((b.dims[last].size + broadcastBlock - 1) / broadcastBlock)
}

// block is where block i lies: from an element of x on, from one of s on. Runs of the
// last dimension follow each other in x, so that the number of the run, row, says where
// it begins there; in s that comes from the digits of row, to the bases of the sizes.
func (b *Broadcast[T]) block(i int) (x, s, n int) {
	last := len(b.dims) - 1
	inner := b.dims[last]
	each := (inner.size + broadcastBlock - 1) / broadcastBlock
	first := i % each * broadcastBlock
	row := i / each
	x, s = row*inner.size+first, first*inner.step
	for k := last - 1; k >= 0; k-- {
		s += row % b.dims[k].size * b.dims[k].step
		row /= b.dims[k].size
	}
	return x, s, min(broadcastBlock, inner.size-first)
}

// repeats reports whether s is one number for a whole block.
func (b *Broadcast[T]) repeats() bool { return b.dims[len(b.dims)-1].step == 0 }

// Forward computes y from the operands x and s.
func (b *Broadcast[T]) Forward(y []T, in [][]T) {
	b.y, b.x, b.s = y, in[0], in[1]
	if b.laid != nil {
		b.laid.Forward(y, in)
		return
	}
	cpu.Parallel(b.blocks(), b.forward)
}

func (b *Broadcast[T]) forwardBlocks(lo, hi int) {
	for i := lo; i < hi; i++ {
		at, from, n := b.block(i)
		if y, x := b.y[at:][:n], b.x[at:][:n]; b.multiply {
			b.scale(y, x, from)
		} else {
			b.shift(y, x, from)
		}
	}
}

// scale sets y to x times the elements of s from one on.
func (b *Broadcast[T]) scale(y, x []T, from int) {
	if b.repeats() {
		vector.ScaleBy(y, x, b.s[from])
	} else {
		vector.Scale(y, x, b.s[from:][:len(x)])
	}
}

// shift sets y to x plus the elements of s from one on.
func (b *Broadcast[T]) shift(y, x []T, from int) {
	if b.repeats() {
		vector.ShiftBy(y, x, b.s[from])
	} else {
		vector.AddTo(y, x, b.s[from:][:len(x)])
	}
}

// Backward computes dx, which is dy or dy·s, and ds, which is the sum of dy or of
// dy·x over all elements that an element of s went to.
//
// The two are loops of their own. dx is cut into blocks of x anywhere. ds is cut along a
// dimension of s, the outermost, so that no two goroutines add to one element; if s is
// one number there is no such dimension, and the caller's goroutine does it all.
func (b *Broadcast[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	b.dx, b.ds, b.dy, b.x, b.s = dIn[0], dIn[1], dy, in[0], in[1]
	if b.laid != nil {
		b.laid.backward()
		return
	}
	if b.dx != nil {
		cpu.Parallel(b.blocks(), b.backward)
	}
	if b.ds == nil {
		return
	}
	clear(b.ds)
	if b.split < 0 {
		b.sums(0, 1)
	} else {
		cpu.Parallel(b.dims[b.split].size, b.sums)
	}
}

func (b *Broadcast[T]) backwardBlocks(lo, hi int) {
	for i := lo; i < hi; i++ {
		at, from, n := b.block(i)
		if dx, dy := b.dx[at:][:n], b.dy[at:][:n]; b.multiply {
			b.scale(dx, dy, from)
		} else {
			copy(dx, dy)
		}
	}
}

// sumRange computes ds for positions [lo,hi) of the dimension that is shared out:
// in the order of x, whatever the number of processors.
//
//	dims {N,0} {C,1} {H·W,0}, shared out along C: a goroutine with the channels 2 and 3
//	n = 0   │ c0 │ c1 │▓c2▓│▓c3▓│ c4 │   goes through the marked runs line by line,
//	n = 1   │ c0 │ c1 │▓c2▓│▓c3▓│ c4 │   and adds each to its channel's sum
func (b *Broadcast[T]) sumRange(lo, hi int) {
	b.sum(0, 0, 0, lo, hi)
}

// sum adds up what begins at an element of x and one of s, from dimension k on.
func (b *Broadcast[T]) sum(k, x, s, lo, hi int) {
	first, last := 0, b.dims[k].size
	if k == b.split {
		first, last = lo, hi
	}
	if k == len(b.dims)-1 {
		b.sumRun(x+first, s+first*b.dims[k].step, last-first)
		return
	}
	inner := 1
	for _, d := range b.dims[k+1:] {
		inner *= d.size
	}
	for i := first; i < last; i++ {
		b.sum(k+1, x+i*inner, s+i*b.dims[k].step, lo, hi)
	}
}

// sumRun adds up n elements of the last dimension. Where s repeats, the run is a whole
// one: it becomes one number, of four interleaved sums, before it is added, which is
// faster than a single chain of additions and loses fewer digits. Else each element of
// the run has a sum of its own, and it does not matter where the run was cut.
func (b *Broadcast[T]) sumRun(x, s, n int) {
	dy, in := b.dy[x:][:n], b.x[x:][:n]
	if b.repeats() {
		if b.multiply {
			b.ds[s] += vector.Dot(dy, in)
		} else {
			b.ds[s] += vector.Sum(dy)
		}
		return
	}
	ds := b.ds[s:][:n]
	if !b.multiply {
		vector.Add(ds, dy)
		return
	}
	vector.AddProducts(ds, dy, in)
}

// Ending is that of a product of matrices, if s is a vector along the last axis: the
// kernel before can add it as its bias. A factor is none, as it would have to be
// multiplied into weights first.
func (b *Broadcast[T]) Ending() conv.Ending {
	last := len(b.shape) - 1
	if b.multiply || b.size != b.with[last] || b.size != b.shape[last] {
		return conv.Ending{}
	}
	return conv.Ending{Bias: b.size}
}

// Bytes is the memory that the kernel keeps for images channels last.
func (b *Broadcast[T]) Bytes() int {
	if b.laid == nil {
		return 0
	}
	return b.laid.Bytes() + cpu.BytesOf(b.laid.zeros, b.laid.sums, b.laid.dots)
}
