package hdf5

import (
	"errors"
	"fmt"
	"math/bits"
)

// fractalHeap has the objects of a new group or of an object with many
// attributes: link and attribute messages.
type fractalHeap struct {
	f          *File
	idLength   int
	offsetSize int // bytes of an offset in an ID, and in the blocks' headers
	lengthSize int // bytes of a length in an ID
	width      int // blocks in a row
	start      uint64
	maxDirect  uint64
	rows       int // of the root block; 0 if it is a direct block
	root       uint64
	huge       uint64 // the B-tree of the objects that are outside
	count      uint64 // of the huge objects
}

func (f *File) fractalHeap(address uint64) (*fractalHeap, error) {
	c, err := f.block(address, 146, "FRHP", 0)
	if err != nil {
		return nil, err
	}
	h := &fractalHeap{f: f, idLength: int(c.uint(2))}
	filters := c.uint(2)
	c.skip(1)
	maxManaged := c.uint(4)
	c.skip(8)
	h.huge = c.uint(8)
	c.skip(6*8 + 8) // free space, managed space, the number of its objects; the size of huge objects
	h.count = c.uint(8)
	c.skip(16) // tiny objects
	h.width = int(c.uint(2))
	h.start, h.maxDirect = c.uint(8), c.uint(8)
	h.offsetSize = int(c.uint(2)+7) / 8
	c.skip(2)
	h.root = c.uint(8)
	h.rows = int(c.uint(2))
	if c.err != nil {
		return nil, c.err
	}
	if filters != 0 {
		return nil, errors.New("a heap with filters, want one without")
	}
	powers := bits.OnesCount64(h.start) == 1 && bits.OnesCount64(h.maxDirect) == 1 && h.start <= h.maxDirect && h.maxDirect <= 1<<32
	if !powers || h.width < 1 || h.offsetSize < 1 || h.offsetSize > 8 || h.rows > 64 || h.idLength < 2 {
		return nil, errDamaged
	}
	h.lengthSize = min((bits.Len64(h.maxDirect)+6)/8, width(maxManaged))
	return h, nil
}

// get returns the object of an ID.
func (h *fractalHeap) get(id []byte) ([]byte, error) {
	c := &cursor{b: id}
	switch kind := c.uint(1) >> 4; kind {
	case 0: // managed
		offset, n := c.uint(h.offsetSize), length(c.uint(h.lengthSize))
		if c.err != nil {
			return nil, c.err
		}
		address, err := h.locate(h.root, h.rows, offset, maxDepth)
		if err != nil {
			return nil, err
		}
		return h.f.read(address, n)
	case 1: // huge
		return h.outside(c.uint(min(8, len(c.b))))
	case 2: // tiny
		return id[1:min(len(id), int(id[0]&15)+2)], nil
	default:
		return nil, fmt.Errorf("a heap's ID of kind %d: the file is damaged", kind)
	}
}

// outside returns a huge object, which is outside the heap. The records of the
// B-tree are address, length and key.
func (h *fractalHeap) outside(key uint64) ([]byte, error) {
	var found []byte
	err := h.f.tree2(h.huge, func(record []byte) error {
		c := &cursor{b: record}
		address, n := c.uint(8), length(c.uint(8))
		if k := c.uint(8); c.err != nil || k != key {
			return c.err
		}
		b, err := h.f.read(address, n)
		found = b
		return err
	})
	if err == nil && found == nil {
		err = errDamaged
	}
	return found, err
}

// locate returns the address of the heap's offset, which is in a block of so
// many rows, or in a direct block if there are none. Rows 0 and 1 have blocks of
// the starting size, each later row blocks twice as large as the one before.
func (h *fractalHeap) locate(block uint64, rows int, offset uint64, depth int) (uint64, error) {
	if block == undefined || depth == 0 {
		return 0, errDamaged
	}
	if rows == 0 {
		return block + offset, nil
	}
	size, skip := h.start, uint64(0) // of a row's blocks, and of the rows before
	for row := range rows {
		if row > 1 {
			size *= 2
		}
		if size > 1<<40 {
			return 0, errDamaged
		}
		all := size * uint64(h.width)
		if offset-skip >= all {
			skip += all
			continue
		}
		column := (offset - skip) / size
		at := uint64(5 + 8 + h.offsetSize + 8*(row*h.width+int(column)))
		c, err := h.f.block(block, int(at)+8, "FHIB", 0)
		if err != nil {
			return 0, err
		}
		c.skip(int(at) - 5)
		child, rest := c.uint(8), (offset-skip)%size
		if size <= h.maxDirect {
			return h.locate(child, 0, rest, depth-1)
		}
		// An indirect block covers its size with rows: start·width·2^(rows-1).
		inner := bits.Len64(size / (h.start * uint64(h.width)))
		return h.locate(child, max(inner, 1), rest, depth-1)
	}
	return 0, errDamaged
}

// global returns an object of a global heap collection: a string of variable
// length.
func (f *File) global(address, index uint64) ([]byte, error) {
	all, ok := f.collections[address]
	if !ok {
		var err error
		if all, err = f.collection(address); err != nil {
			return nil, err
		}
		f.collections[address] = all
	}
	b, ok := all[index]
	if !ok {
		return nil, errors.New("a string is not in its heap: the file is damaged")
	}
	return b, nil
}

// collection reads a global heap collection: its objects by their index.
func (f *File) collection(address uint64) (map[uint64][]byte, error) {
	c, err := f.block(address, 16, "GCOL", 1)
	if err != nil {
		return nil, err
	}
	c.skip(3)
	b, err := f.read(address, length(c.uint(8)))
	if err != nil {
		return nil, err
	}
	c = &cursor{b: b}
	c.skip(16)
	all := map[uint64][]byte{}
	for len(c.b) >= 16 {
		i := c.uint(2)
		c.skip(6)
		n := length(c.uint(8))
		if i == 0 { // free space
			break
		}
		all[i] = c.bytes(n)
		c.skip(-n & 7)
	}
	return all, c.err
}
