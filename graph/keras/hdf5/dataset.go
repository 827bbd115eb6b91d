package hdf5

import (
	"errors"
	"fmt"
	"io"
)

// Array is a dataset's content, row by row, the last dimension fastest.
type Array struct {
	Shape  []int
	Format Format
	Size   int // bytes of an element
	Data   []byte
}

// layout is where a dataset's bytes are.
type layout struct {
	class   uint64
	inside  []byte // compact
	address uint64
	size    int // contiguous

	// Of chunks:
	chunk   []uint64 // dimensions
	index   uint64   // indexTree1 or one of version 4
	flags   uint64   // of version 4
	single  piece    // bytes and filter mask of the only chunk, if it is filtered
	pageLog uint64   // of a fixed array
	filters []filter
}

// The classes of layouts.
const (
	classCompact    = 0
	classContiguous = 1
	classChunked    = 2
)

// IsDataset reports whether the object is a dataset, not a group.
func (o *Object) IsDataset() bool {
	for _, m := range o.messages {
		if m.kind == messageLayout {
			return true
		}
	}
	return false
}

// Read returns a dataset's content.
func (o *Object) Read() (Array, error) {
	var parts [4][]byte
	for i, kind := range []uint64{messageDatatype, messageDataspace, messageLayout, messageFilters} {
		b, err := o.find(kind)
		if err != nil {
			return Array{}, err
		}
		if parts[i] = b; b == nil && kind != messageFilters {
			return Array{}, errors.New("a group or a type, want a dataset")
		}
	}
	t, err := readType(parts[0])
	if err != nil {
		return Array{}, err
	}
	shape, most, err := readSpace(parts[1])
	if err != nil {
		return Array{}, err
	}
	l, err := readLayout(parts[2])
	if err != nil {
		return Array{}, err
	}
	if l.filters, err = readFilters(parts[3]); err != nil {
		return Array{}, err
	}
	a := Array{Format: t.format, Size: t.size}
	for _, d := range shape {
		a.Shape = append(a.Shape, length(d))
	}
	n, err := product(shape, t.size)
	if err != nil {
		return Array{}, err
	}
	a.Data, err = o.f.content(l, shape, most, t.size, n)
	return a, err
}

// content returns the n bytes of a dataset.
func (f *File) content(l layout, shape, most []uint64, size, n int) ([]byte, error) {
	if f.data -= int64(n); f.data < 0 {
		return nil, fmt.Errorf("shape %v: the file's datasets have more bytes than a file of %d bytes can", shape, f.size)
	}
	switch l.class {
	case classCompact:
		if len(l.inside) < n {
			return nil, errDamaged
		}
		return l.inside[:n], nil
	case classContiguous:
		if l.address == undefined || l.size < n {
			if n == 0 {
				return nil, nil
			}
			return nil, errors.New("the dataset was never written")
		}
		return f.stored(l.address, n)
	}
	g, err := newGrid(l, shape, most, size)
	if err != nil {
		return nil, err
	}
	return f.chunks(l, g, n)
}

// stored reads bytes of a dataset, which f.data has counted.
func (f *File) stored(address uint64, n int) ([]byte, error) {
	if err := f.within(address, n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(f.r, f.base+int64(address), int64(n)), b)
	return b, err
}

// readLayout reads a layout message of version 3 or 4.
func readLayout(b []byte) (l layout, err error) {
	c := &cursor{b: b}
	version := c.uint(1)
	if version != 3 && version != 4 {
		return l, fmt.Errorf("layout of version %d, want 3 or 4", version)
	}
	switch l.class = c.uint(1); {
	case l.class == classCompact:
		l.inside = c.bytes(int(c.uint(2)))
	case l.class == classContiguous:
		l.address, l.size = c.uint(8), length(c.uint(8))
	case l.class == classChunked && version == 3:
		rank := int(c.uint(1))
		l.address = c.uint(8)
		l.dimensions(c, rank, 4)
	case l.class == classChunked:
		l.flags = c.uint(1)
		rank, width := int(c.uint(1)), int(c.uint(1))
		if width > 8 {
			return l, errDamaged
		}
		l.dimensions(c, rank, width)
		l.index = c.uint(1)
		l.indexSettings(c)
		l.address = c.uint(8)
	default:
		return l, fmt.Errorf("layout of class %d, want compact, contiguous or chunked", l.class)
	}
	return l, c.err
}

// dimensions reads a chunk's dimensions. The last number is an element's size.
func (l *layout) dimensions(c *cursor, rank, width int) {
	if rank < 1 || rank > maxRank+1 {
		c.err = fmt.Errorf("chunks of %d dimensions, want at most %d", rank-1, maxRank)
		return
	}
	for range rank - 1 {
		l.chunk = append(l.chunk, c.uint(width))
	}
	c.skip(width)
}
