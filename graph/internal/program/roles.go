package program

import (
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// Kernel is what every op computes. It has checked the sizes of all slices before.
type Kernel[T cpu.Float] interface {
	// Forward sets y, whose old content is arbitrary, from the operands, which it
	// does not write to but for running statistics.
	Forward(y []T, in [][]T)
	// Backward sets dIn[i] to the gradient of operand i, given the gradient dy of
	// y, for every dIn[i] that is not nil. Forward has run on the same operands just
	// before; its y may have been overwritten since.
	Backward(dIn [][]T, dy []T, in [][]T)
}

// The roles below are what a kernel may be besides. Each is optional.

// Laid is a kernel that can take and give images channels last.
type Laid interface {
	// Lay says how the kernel wants its operands, given how they lie now, and how it
	// then gives its result. A want without Last is one for planes, or for what is
	// no image. ok is false if planes are all that it takes. Of the result's layout
	// the border is the program's: it is what the readers want.
	Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool)
	// Place tells, once before the first run and only if Lay's answer was taken, how
	// operands and result lie. Borders may be larger than those that were asked for.
	Place(in []pixel.Layout, out pixel.Layout)
}

// LaidBack is a kernel that can take and give images channels last in training too,
// forward and backward. The gradients of operands and result lie as these do, but
// without a border.
type LaidBack interface {
	// LayBack is Lay for training. last says whether some reader takes the result
	// channels last.
	LayBack(in []pixel.Layout, last bool) (want []pixel.Want, out pixel.Layout, ok bool)
	// Place is that of Laid. But a border may be smaller than asked for: a value that is
	// a gradient besides has none.
	Place(in []pixel.Layout, out pixel.Layout)
}

// Lastly is a kernel that leaves images channels last to another one.
type Lastly interface {
	// Lastly returns that kernel, which takes the same operands. ok is false if there
	// is none.
	Lastly() (last any, ok bool)
}

// Turned is a kernel that only gives its operand another order of dimensions, so
// that in some layout it has nothing to do.
type Turned interface {
	// Turn says whether the result is the operand's images with the channels as the
	// last dimension, or the other way round.
	Turn() (last, first bool)
}

// Joined is a kernel that sets its operands side by side along the channels. What
// lies in the result's memory already it does not copy.
type Joined interface {
	// InPlace says of each operand whether it is there.
	InPlace(there []bool)
}

// Ender is a kernel that can do the work of an op behind it too.
type Ender[T cpu.Float] interface {
	// End returns the kernel that does both, without changing its receiver. ok is
	// false if there is none.
	End(next conv.Ending) (both any, ok bool)
}

// Ending is a kernel whose work an Ender may take over. Its first operand is the
// Ender's result, or any of them if it is a sum.
type Ending interface{ Ending() conv.Ending }

// Beginner is a kernel that can do the work of an op in front of it too.
type Beginner interface {
	// Begin returns the kernel that does both, without changing its receiver. Its
	// operands are those of the op in front and then its own but the first. ok is false
	// if there is none.
	Begin(before conv.Beginning) (both any, ok bool)
}

// Beginning is a kernel whose work a Beginner may take over: its result is the
// Beginner's first operand.
type Beginning interface{ Beginning() conv.Beginning }

// Adding is a kernel whose Backward can add to a gradient that is there, the way another
// reader of the operand has left it.
type Adding interface {
	// AddsTo makes Backward add the gradient of an operand to what its memory holds, with
	// one rounding for each element. It is called before the first run. ok is false, and
	// nothing has changed, if Backward cannot.
	AddsTo(operand int) (ok bool)
}

// Replacing is a kernel whose Backward may write the gradient of an operand over the
// gradient that it begins with.
type Replacing interface {
	// Replaces reports whether dIn of an operand may be dy's memory. It is asked when it is
	// known how the operands lie; the two lie alike then.
	Replaces(operand int) bool
}

// Fixable is a kernel that prepares something of operands.
type Fixable interface {
	// Prepares lists the operands of which it prepares something.
	Prepares() []int
	// Fix says that these never change any more: it prepares them once.
	Fix()
}

// Forgetful is a kernel that leaves something in Forward for Backward.
type Forgetful interface {
	// ForwardOnly says whether no Backward follows. Without a word one does.
	ForwardOnly(on bool)
}

// Sharing is a kernel that needs some memory only while it runs.
type Sharing[T cpu.Float] interface {
	// Share hands it memory that other kernels of the program use before and after it.
	// It is called once, when it is known how the operands lie. That memory is not
	// counted by Plans and Bytes.
	Share(s *conv.Shared[T])
}

// Apart is a kernel that may keep the samples of a batch apart.
type Apart interface {
	// Apart reports whether what it computes for a sample, forward and backward, depends
	// on that sample alone, bit by bit; a sample has out elements of the result and in[i]
	// of operand i, one behind the other. It is asked where all operands have samples.
	Apart(out int, in []int) bool
}

// Laned is a kernel that has copies for the lanes of a batch, see laned.
type Laned interface {
	// Lane returns a kernel for n of the samples that the receiver takes, of which there
	// are of: for lane i. Of the operands shared says which have no samples. ok is false
	// if there is none.
	Lane(i, n, of int, shared []bool) (lane any, ok bool)
}

// Together is a kernel that can take all lanes of a batch at once.
type Together interface {
	// Lanes returns that kernel, for lanes of so many samples. What it sums over samples
	// it adds up by the tree of the lanes, see cpu.Tree. ok is false if there is none.
	Lanes(sizes []int, shared []bool) (all any, ok bool)
}

// Repeatable is a kernel whose Backward may run several times after one Forward, with
// another dy each time: it leaves nothing in itself that Backward needs. In lanes such a
// kernel may make filters of parameters.
type Repeatable interface {
	// Repeatable reports whether that is so.
	Repeatable() bool
}

// Follower is a lane's kernel that can use what another one has prepared just before.
type Follower interface {
	// Follow says that the kernel always runs behind first, the kernel of the first lane,
	// on the same parameters. It is called once, when both are placed.
	Follow(first any)
}

// Stateful is a kernel some of whose operands Forward changes.
type Stateful interface {
	// State lists them.
	State() []int
}

// Planned is a Sized kernel that knows before the first run what it will keep.
type Planned interface {
	// Plans is how much, with as many goroutines as there are processors now.
	Plans() int
}

// Sized is a kernel that keeps memory between runs.
type Sized interface {
	// Bytes is how much, up to now. It must not overlap with a run.
	Bytes() int
}
