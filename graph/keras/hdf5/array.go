package hdf5

import (
	"fmt"
	"math/bits"
)

// indexSettings reads what a layout of version 4 says of its index.
func (l *layout) indexSettings(c *cursor) {
	switch l.index {
	case indexSingle:
		if l.flags&2 != 0 {
			l.single.n, l.single.mask = length(c.uint(8)), c.uint(4)
		}
	case indexFixed:
		l.pageLog = c.uint(1)
	case indexExtensible:
		c.skip(5) // again in the array's header
	case indexTree2:
		c.skip(6) // again in the tree's header
	}
}

// elements are the chunks of a fixed or extensible array in their order.
type elements struct {
	f        *File
	filtered bool
	size     int // bytes of an element
	chunk    int // bytes of a chunk that is not filtered
	list     []piece
}

// take reads n elements.
func (e *elements) take(c *cursor, n int) error {
	for range n {
		p := piece{address: c.uint(8), n: e.chunk}
		if e.filtered {
			p.n, p.mask = length(c.uint(e.size-12)), c.uint(4)
		}
		if c.err != nil {
			return c.err
		}
		e.list = append(e.list, p)
	}
	return nil
}

// pages reads n elements in pages, each of which has a checksum behind it.
func (e *elements) pages(address uint64, n, page int) error {
	for n > 0 {
		now := min(n, page)
		b, err := e.f.read(address, now*e.size)
		if err != nil {
			return err
		}
		if err := e.take(&cursor{b: b}, now); err != nil {
			return err
		}
		address += uint64(now*e.size + 4)
		n -= now
	}
	return nil
}

// missing adds n elements without a chunk.
func (e *elements) missing(n int) error {
	if n < 0 || int64(n) > e.f.structures/8 {
		return errDamaged
	}
	e.f.structures -= int64(n) * 8
	for range n {
		e.list = append(e.list, piece{address: undefined})
	}
	return nil
}

// elements reads a dataset's array.
func (f *File) elements(l layout, g grid) ([]piece, error) {
	e := &elements{f: f, chunk: g.bytes}
	var err error
	if l.index == indexFixed {
		err = e.fixed(l.address)
	} else {
		n := uint64(1) // elements up to the last chunk
		at := make([]uint64, len(g.across))
		for i, a := range g.across {
			at[i] = a - 1
		}
		n += g.linear(at)
		err = e.extensible(l.address, n)
	}
	return e.list, err
}

// entry reads the beginning of an array's header.
func (e *elements) entry(c *cursor) error {
	e.filtered = c.uint(1) == 1
	e.size = int(c.uint(1))
	if e.filtered && (e.size < 13 || e.size > 20) || !e.filtered && e.size != 8 {
		return fmt.Errorf("an array of chunks with elements of %d bytes: the file is damaged", e.size)
	}
	return nil
}

// fixed reads a fixed array. If it has more elements than a page, they are in
// pages, and a bitmap says which pages there are.
func (e *elements) fixed(address uint64) error {
	c, err := e.f.block(address, 28, "FAHD", 0)
	if err != nil {
		return err
	}
	if err := e.entry(c); err != nil {
		return err
	}
	log, n, block := c.uint(1), length(c.uint(8)), c.uint(8)
	if n < 0 || int64(n) > e.f.structures/8 || log > 32 {
		return errDamaged
	}
	page := 1 << log
	const prefix = 14
	if n <= page {
		c, err := e.f.block(block, prefix+n*e.size, "FADB", 0)
		if err != nil {
			return err
		}
		c.skip(prefix - 5)
		return e.take(c, n)
	}
	count := (n + page - 1) / page
	bitmap := (count + 7) / 8
	if c, err = e.f.block(block, prefix+bitmap, "FADB", 0); err != nil {
		return err
	}
	c.skip(prefix - 5)
	there := c.bytes(bitmap)
	at := block + uint64(prefix+bitmap+4)
	for i := range count {
		now := min(page, n-i*page)
		if there[i/8]>>(7-i%8)&1 == 0 {
			err = e.missing(now)
		} else {
			err = e.pages(at, now, page)
		}
		if err != nil {
			return err
		}
		at += uint64(page*e.size + 4)
	}
	return nil
}

// extensible is an extensible array's header. The first elements are in the
// index block. The others are in data blocks, in groups (super blocks) of which
// group u has 2^(u/2) data blocks of minElements·2^((u+1)/2) elements. The index
// block has the addresses of the first groups' data blocks, and of the super
// blocks, which have those of the others.
type extensible struct {
	*elements
	inIndex, minElements, minPointers int
	offset                            int // bytes of the number of a block's first element
	pageLog                           uint64
	most                              uint64 // elements that are needed
}

// extensible reads the first most elements of an extensible array.
func (e *elements) extensible(address, most uint64) error {
	c, err := e.f.block(address, 72, "EAHD", 0)
	if err != nil {
		return err
	}
	if err := e.entry(c); err != nil {
		return err
	}
	x := &extensible{elements: e, most: most}
	maxBits := int(c.uint(1))
	x.inIndex, x.minElements, x.minPointers = int(c.uint(1)), int(c.uint(1)), int(c.uint(1))
	x.pageLog = c.uint(1)
	x.offset = (maxBits + 7) / 8
	c.skip(6 * 8)
	block := c.uint(8)
	powers := bits.OnesCount(uint(x.minElements)) == 1 && bits.OnesCount(uint(x.minPointers)) == 1
	if c.err != nil || !powers || x.minPointers < 2 || maxBits > 64 || x.pageLog > 32 || int64(most) > e.f.structures/8 {
		return errDamaged
	}
	if block == undefined {
		return nil
	}
	return x.indexBlock(block, 1+maxBits-bits.Len(uint(x.minElements))+1)
}

func (x *extensible) done() bool { return uint64(len(x.list)) >= x.most }

func (x *extensible) indexBlock(address uint64, groups int) error {
	direct := 2 * (bits.Len(uint(x.minPointers)) - 1) // groups
	pointers := 2 * (x.minPointers - 1)
	const prefix = 14
	n := prefix + x.inIndex*x.size + 8*pointers + 8*max(groups-direct, 0)
	c, err := x.f.block(address, n, "EAIB", 0)
	if err != nil {
		return err
	}
	c.skip(prefix - 5)
	if err := x.take(c, x.inIndex); err != nil {
		return err
	}
	for u := 0; u < groups && !x.done(); u++ {
		blocks, each := 1<<(u/2), x.minElements<<((u+1)/2)
		if u < direct {
			err = x.dataBlocks(c, blocks, each, nil)
		} else {
			err = x.superBlock(c.uint(8), blocks, each)
		}
		if err != nil {
			return err
		}
	}
	return c.err
}

// pageBytes is the bytes of the bitmap of a data block's pages, 0 if it has none.
func (x *extensible) pageBytes(each int) int {
	if page := 1 << x.pageLog; each > page {
		return (each/page + 7) / 8
	}
	return 0
}

func (x *extensible) superBlock(address uint64, blocks, each int) error {
	if address == undefined {
		return x.missing(blocks * each)
	}
	bitmap := x.pageBytes(each)
	c, err := x.f.block(address, 14+x.offset+blocks*(bitmap+8), "EASB", 0)
	if err != nil {
		return err
	}
	c.skip(9 + x.offset)
	return x.dataBlocks(c, blocks, each, c.bytes(blocks*bitmap))
}

// dataBlocks reads the data blocks whose addresses are next.
func (x *extensible) dataBlocks(c *cursor, blocks, each int, bitmaps []byte) error {
	for i := 0; i < blocks && !x.done(); i++ {
		address := c.uint(8)
		if c.err != nil {
			return c.err
		}
		var err error
		switch n := x.pageBytes(each); {
		case address == undefined:
			err = x.missing(each)
		case n == 0:
			err = x.dataBlock(address, each)
		default:
			if len(bitmaps) < (i+1)*n {
				return errDamaged
			}
			err = x.paged(address, each, bitmaps[i*n:(i+1)*n])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *extensible) dataBlock(address uint64, each int) error {
	c, err := x.f.block(address, 14+x.offset+each*x.size, "EADB", 0)
	if err != nil {
		return err
	}
	c.skip(9 + x.offset)
	return x.take(c, each)
}

// paged reads a data block in pages, those that the bitmap says are there.
func (x *extensible) paged(address uint64, each int, there []byte) error {
	if _, err := x.f.block(address, 14+x.offset, "EADB", 0); err != nil {
		return err
	}
	page := 1 << x.pageLog
	at := address + uint64(14+x.offset+4)
	for i := range each / page {
		if x.done() {
			return nil
		}
		var err error
		if there[i/8]>>(7-i%8)&1 == 0 {
			err = x.missing(page)
		} else {
			err = x.pages(at, page, page)
		}
		if err != nil {
			return err
		}
		at += uint64(page*x.size + 4)
	}
	return nil
}
