package onnx

import (
	"gorgonia.org/gorgonia"
)

// What a small file may ask for, in all, beside the bounds of build.go on each value.
const (
	maxElements = 1 << 31 // of all values of a graph, for each sample
	maxMulAdds  = 1 << 43 // of a graph, for each sample: the largest classifiers have 2^40
	maxReads    = 1 << 28 // elements of constants that all folds read
)

// spent is what a graph has asked for so far, as the constants above count it.
type spent struct{ elements, mulAdds, reads int }

// spend counts a node. It reports false, and there is an error, if the graph has asked for
// too much in all.
func (b *builder) spend(y *gorgonia.Node) bool {
	b.spent.elements += y.Shape().TotalSize() / b.batch
	if o, ok := y.Op().(interface{ MulAdds() int }); ok {
		b.spent.mulAdds += o.MulAdds() / b.batch
	}
	if b.spent.elements > maxElements || b.spent.mulAdds > maxMulAdds {
		b.fail("values of %d elements in all and %d multiply-adds a sample, want at most %d and %d", b.spent.elements, b.spent.mulAdds, maxElements, maxMulAdds)
		return false
	}
	return true
}

// reads counts the constants that the node reads.
func (b *builder) reads() bool {
	for i := range b.now.Inputs {
		if c, ok := b.known(i); ok {
			b.spent.reads += c.size()
		}
	}
	if b.spent.reads > maxReads {
		b.fail("computed constants are read %d times in all, want at most %d", b.spent.reads, maxReads)
		return false
	}
	return true
}

// shallow reports whether a shape has no more dimensions than it may have.
func (b *builder) shallow(shape []int, most int) bool {
	if len(shape) > most {
		b.fail("%d dimensions, want at most %d", len(shape), most)
		return false
	}
	return true
}

// decoded is the tensor of a Constant, which is decoded once: a function that is called
// often has it often.
func (b *builder) decoded(t *tensorProto) constant {
	c, ok := b.tensors[t]
	if ok {
		return c
	}
	c, err := t.constant()
	if err != nil {
		b.fail("%w", err)
		return c
	}
	if b.tensors == nil {
		b.tensors = map[*tensorProto]constant{}
	}
	b.tensors[t] = c.straight()
	return b.tensors[t]
}
