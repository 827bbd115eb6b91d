package conv

import (
	"runtime"

	"tapenet/graph/internal/kernel/cpu"
)

// What a convolution will keep can be told before it runs: the engine is chosen by shape,
// and a goroutine's memory is as large as what it works on. Only for inference: in
// training it depends on which gradients are wanted and how they lie.

// A planner is an engine that keeps so many elements in the memory of each goroutine.
type planner interface{ plans() (each int) }

// Plans is the memory that the kernel will keep beside Shared, from the first run on. If a
// Backward follows it is only what it keeps already.
func (c *ConvBlock[T]) Plans() int {
	if !c.forwardOnly {
		return c.Bytes()
	}
	c.choose(nil) // which makes room for the filters
	each := c.stripSize() + c.copied()
	if !c.out.Last {
		each += c.pooled() * c.width()
	}
	if p, ok := c.engine.(planner); ok {
		each += p.plans()
	}
	return c.Bytes() + cpu.SizeOf[T](min(runtime.GOMAXPROCS(0), c.N)*each)
}

// copied is the number of elements of an image that a goroutine copies before it is
// convolved: with its padding, or as patches where there is no engine.
func (c *ConvBlock[T]) copied() int {
	switch {
	case c.engine == nil:
		n := c.OutSize() + c.patch()*c.pixels()
		if c.in.Last {
			n += c.InSize()
		}
		return n
	case c.takesInPlace(c.engine.image()):
		return 0
	}
	f := c.engine.image()
	return (f.Top + f.rows + f.Bottom) * f.row
}
