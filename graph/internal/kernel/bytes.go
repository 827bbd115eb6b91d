package kernel

// The methods Bytes tell how much memory a kernel keeps: what it has allocated
// up to now, without the slices that it was handed. They must not overlap with a
// run.

// Bytes is the memory that the kernel keeps.
func (c *Conv2d[T]) Bytes() int {
	scratch := c.idle.sum(func(s *convScratch[T]) int {
		return bytesOf(s.padded, s.y, s.z, s.dz.data, s.dx, s.cols, s.planes, s.v, s.m, s.dv, s.dm)
	})
	for _, e := range c.engines {
		scratch += e.bytes()
	}
	return scratch + bytesOf(c.dws, c.dbs)
}

// Bytes is the memory that the kernel keeps.
func (c *ConvBlock[T]) Bytes() int {
	n := c.Conv2d.Bytes() + len(c.winner) + bytesOf(c.windows.scale, c.windows.shift)
	if b := c.norm; b != nil {
		n += bytesOf(b.z, b.means, b.m2s, b.mean, b.scale, b.ofD, b.ofZ, b.term)
	}
	return n
}

// Bytes is the memory that the kernel keeps.
func (m *Mul[T]) Bytes() int { return bytesOf(m.kept) }

// Bytes is the memory that the kernel keeps.
func (m *MaxPool2D[T]) Bytes() int { return 4 * len(m.winner) }

// Bytes is the memory that the kernel keeps.
func (b *BatchNorm[T]) Bytes() int { return bytesOf(b.mean, b.scale, b.columns[0], b.columns[1]) }

// Bytes is the memory that the kernel keeps.
func (s *SoftMax[T]) Bytes() int { return bytesOf(s.p) }

// Bytes is the memory that the kernel keeps.
func (c *CrossEntropy[T]) Bytes() int { return bytesOf(c.p) }

// bytesOf is the memory that buffers take.
func bytesOf[T Float](buffers ...[]T) (n int) {
	for _, b := range buffers {
		n += cap(b)
	}
	if _, ok := any(T(0)).(float32); ok {
		return 4 * n
	}
	return 8 * n
}

// sum adds up the sizes of the idle values.
func (l freeList[E]) sum(size func(*E) int) (n int) {
	for range len(l) {
		e := l.get()
		n += size(e)
		l.put(e)
	}
	return n
}
