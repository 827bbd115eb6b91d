package hdf5

import (
	"errors"
	"fmt"
)

// The indexes of chunks, by the number in a layout of version 4.
const (
	indexTree1      = 0 // layouts of version 3
	indexSingle     = 1
	indexImplicit   = 2
	indexFixed      = 3
	indexExtensible = 4
	indexTree2      = 5
)

// grid is how chunks cover a dataset.
type grid struct {
	shape  []uint64
	chunk  []uint64
	across []uint64 // chunks that the dataset has in each dimension
	most   []uint64 // the same, once it has grown; 0 is open
	size   int      // bytes of an element
	bytes  int      // of a chunk
}

func newGrid(l layout, shape, most []uint64, size int) (g grid, err error) {
	g = grid{shape: shape, chunk: l.chunk, size: size}
	if len(l.chunk) != len(shape) {
		return g, errDamaged
	}
	for i, c := range l.chunk {
		if c == 0 || c > 1<<32 {
			return g, errDamaged
		}
		g.across = append(g.across, (shape[i]+c-1)/c)
		g.most = append(g.most, (most[i]+c-1)/c)
	}
	if g.bytes, err = product(l.chunk, size); err == nil && g.bytes > 1<<32 {
		err = fmt.Errorf("chunks of %d bytes, want at most 4 GB", g.bytes)
	}
	return g, err
}

// piece is where a chunk's bytes are in the file.
type piece struct {
	address uint64
	n       int
	mask    uint64 // of the filters that were left out
}

// visitor is called with each chunk and its place, in chunks.
type visitor func(p piece, at []uint64) error

// chunks reads a dataset of n bytes.
func (f *File) chunks(l layout, g grid, n int) ([]byte, error) {
	if l.address == undefined && n > 0 {
		return nil, errors.New("the dataset was never written")
	}
	want := uint64(1)
	for _, a := range g.across {
		if want *= a; want > uint64(f.size)/8+1 { // a chunk takes an address at least
			return nil, errors.New("more chunks than the file has room for: it is damaged")
		}
	}
	if n == 0 {
		return nil, nil
	}
	if unpacked := int64(want) * int64(g.bytes); int64(g.bytes) > f.data+int64(n) || unpacked/int64(want) != int64(g.bytes) || unpacked-int64(n) > f.data {
		return nil, fmt.Errorf("chunks %v of a shape %v: more bytes than a file of %d bytes can have", g.chunk, g.shape, f.size)
	}
	out := make([]byte, n)
	seen := make(map[uint64]bool)
	err := f.index(l, g, func(p piece, at []uint64) error {
		if p.address == undefined {
			return nil
		}
		place := uint64(0)
		for i, a := range at {
			if a >= g.across[i] {
				return nil // beyond the dataset's end, which it had before
			}
			place = place*g.across[i] + a
		}
		if seen[place] {
			return errDamaged
		}
		seen[place] = true
		return f.place(l, g, p, at, out)
	})
	if err == nil && uint64(len(seen)) != want {
		err = fmt.Errorf("%d of %d chunks were written, want all", len(seen), want)
	}
	return out, err
}

// place reads a chunk and copies it to where it is in the dataset.
func (f *File) place(l layout, g grid, p piece, at []uint64, out []byte) error {
	b, err := f.stored(p.address, p.n)
	if err != nil {
		return err
	}
	if b, err = undo(l.filters, p.mask, b, g.bytes); err != nil {
		return err
	}
	g.copy(out, b, at)
	return nil
}

// copy copies the part of a chunk that is within the dataset, row by row.
func (g grid) copy(out, chunk []byte, at []uint64) {
	if len(at) == 0 {
		copy(out, chunk)
		return
	}
	last := len(at) - 1
	inside := func(i int) uint64 { return min(g.chunk[i], g.shape[i]-at[i]*g.chunk[i]) }
	row := int(inside(last)) * g.size
	var walk func(i int, to, from uint64)
	walk = func(i int, to, from uint64) {
		to, from = to*g.shape[i]+at[i]*g.chunk[i], from*g.chunk[i]
		if i == last {
			copy(out[int(to)*g.size:][:row], chunk[int(from)*g.size:])
			return
		}
		for k := range inside(i) {
			walk(i+1, to+k, from+k)
		}
	}
	walk(0, 0, 0)
}

// index calls visit for each chunk of a dataset.
func (f *File) index(l layout, g grid, visit visitor) error {
	switch l.index {
	case indexTree1:
		return f.chunkTree1(l, g, visit)
	case indexSingle:
		p := piece{address: l.address, n: g.bytes}
		if l.flags&2 != 0 {
			p.n, p.mask = l.single.n, l.single.mask
		}
		return visit(p, make([]uint64, len(g.chunk)))
	case indexImplicit:
		return g.each(func(at []uint64) error {
			return visit(piece{address: l.address + g.linear(at)*uint64(g.bytes), n: g.bytes}, at)
		})
	case indexFixed, indexExtensible:
		elements, err := f.elements(l, g)
		if err != nil {
			return err
		}
		return g.each(func(at []uint64) error {
			i := g.linear(at)
			if i >= uint64(len(elements)) {
				return nil
			}
			return visit(elements[i], at)
		})
	case indexTree2:
		return f.chunkTree2(l, g, visit)
	}
	return fmt.Errorf("an index of chunks of kind %d, want 1 to 5", l.index)
}

// each calls visit with the place of each chunk of the dataset.
func (g grid) each(visit func(at []uint64) error) error {
	at := make([]uint64, len(g.across))
	for {
		if err := visit(append([]uint64(nil), at...)); err != nil {
			return err
		}
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < g.across[i] {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return nil
		}
	}
}

// linear is the number of a chunk in the order of an index. A dimension that is
// open is the slowest.
func (g grid) linear(at []uint64) (n uint64) {
	for i, a := range at {
		if g.most[i] == 0 {
			n = a
		}
	}
	for i, a := range at {
		if g.most[i] != 0 {
			n = n*g.most[i] + a
		}
	}
	return n
}

// chunkTree1 visits the chunks of a B-tree of version 1. A key is the chunk's
// bytes, its filter mask, and its place in elements, one dimension more than the
// dataset has.
func (f *File) chunkTree1(l layout, g grid, visit visitor) error {
	return f.tree1(l.address, 1, 8+8*(len(g.chunk)+1), func(key []byte, child uint64) error {
		c := &cursor{b: key}
		p, place := piece{address: child, n: int(c.uint(4)), mask: c.uint(4)}, make([]uint64, len(g.chunk))
		for i, size := range g.chunk {
			at := c.uint(8)
			if at%size != 0 {
				return errDamaged
			}
			place[i] = at / size
		}
		return visit(p, place)
	})
}

// chunkTree2 visits the chunks of a B-tree of version 2, which a dataset with
// several open dimensions has. A record is the address; of filtered chunks their
// bytes and filter mask; and the place in chunks.
func (f *File) chunkTree2(l layout, g grid, visit visitor) error {
	return f.tree2(l.address, func(record []byte) error {
		c := &cursor{b: record}
		p, place := piece{address: c.uint(8), n: g.bytes}, make([]uint64, len(g.chunk))
		if wide := len(record) - 8 - 8*len(g.chunk); wide > 0 {
			if wide < 5 || wide > 12 {
				return errDamaged
			}
			p.n, p.mask = length(c.uint(wide-4)), c.uint(4)
		}
		for i := range place {
			place[i] = c.uint(8)
		}
		if c.err != nil {
			return c.err
		}
		return visit(p, place)
	})
}
