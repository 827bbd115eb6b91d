package onnx

// maxReads is the most elements of constants that all folds of a file read: beside the
// bounds of build.go on each value, and of [op.Cost] on all.
const maxReads = 1 << 28

// affordable reports whether the nodes so far cost no more than any network. Otherwise
// there is an error.
func (b *builder) affordable() bool {
	if err := b.s.Cost().Minus(b.before).Check(b.batch); err != nil {
		b.fail("%w", err)
		return false
	}
	return true
}

// reads counts the constants that the node reads.
func (b *builder) reads() bool {
	for i := range b.now.Inputs {
		if c, ok := b.known(i); ok {
			b.reading += c.size()
		}
	}
	if b.reading > maxReads {
		b.fail("computed constants are read %d times in all, want at most %d", b.reading, maxReads)
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
