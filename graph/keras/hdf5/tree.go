package hdf5

import (
	"errors"
	"fmt"
	"math/bits"
)

// tree1 calls visit for each child of the leaves of a B-tree of version 1, with
// the key on its left. Keys have so many bytes. The kind is 0 for groups, 1 for
// chunks.
func (f *File) tree1(address uint64, kind byte, key int, visit func(key []byte, child uint64) error) error {
	return f.node1(address, kind, key, -1, visit)
}

// node1 reads one node. Its level must be the given one, unless that is -1: a
// node cannot contain itself.
func (f *File) node1(address uint64, kind byte, key, level int, visit func([]byte, uint64) error) error {
	if address == undefined {
		return nil
	}
	const prefix = 24
	c, err := f.block(address, prefix, "TREE", kind)
	if err != nil {
		return err
	}
	at, n := int(c.uint(1)), int(c.uint(2))
	if level >= 0 && at != level || at > maxDepth {
		return fmt.Errorf("a B-tree's node is of level %d, want %d: the file is damaged", at, level)
	}
	b, err := f.read(address+prefix, n*(key+8))
	if err != nil {
		return err
	}
	for c := (&cursor{b: b}); len(c.b) > 0 && err == nil; {
		k, child := c.bytes(key), c.uint(8)
		if at > 0 {
			err = f.node1(child, kind, key, at-1, visit)
		} else {
			err = visit(k, child)
		}
	}
	return err
}

// tree2 is a B-tree of version 2.
type tree2 struct {
	f        *File
	nodeSize int
	record   int // bytes
	count    int // bytes of the number of records of a child
	totals   []int
	visit    func(record []byte) error
}

// tree2 calls visit for each record of a B-tree of version 2.
func (f *File) tree2(address uint64, visit func(record []byte) error) error {
	if address == undefined {
		return nil
	}
	c, err := f.block(address, 38, "BTHD", 0)
	if err != nil {
		return err
	}
	c.skip(1)
	t := &tree2{f: f, nodeSize: int(c.uint(4)), record: int(c.uint(2)), visit: visit}
	depth := int(c.uint(2))
	c.skip(2)
	root, n := c.uint(8), int(c.uint(2))
	if depth > maxDepth || t.record < 1 || t.nodeSize < 10+t.record {
		return fmt.Errorf("a B-tree of depth %d with nodes of %d bytes: the file is damaged", depth, t.nodeSize)
	}
	t.sizes(depth)
	return t.node(root, n, depth)
}

// overhead is the bytes of a node beside its records: signature, version, type
// and checksum.
const overhead = 10

// sizes computes how many bytes the numbers in pointers to children have: as
// many as the largest number that could be there needs.
func (t *tree2) sizes(depth int) {
	most := uint64((t.nodeSize - overhead) / t.record) // records of a node
	t.count = width(most)
	t.totals = []int{0}
	all := most // records of a node and of all below
	for range depth {
		pointer := 8 + t.count + t.totals[len(t.totals)-1]
		most = uint64(max(t.nodeSize-overhead-pointer, 0) / (t.record + pointer))
		hi, lo := bits.Mul64(most+1, all)
		if all = lo + most; hi != 0 || all < lo {
			all = 1<<63 - 1
		}
		t.totals = append(t.totals, width(all))
	}
}

// width is the bytes of the largest number n.
func width(n uint64) int { return max(bits.Len64(n)-1, 0)/8 + 1 }

// node reads a node with n records.
func (t *tree2) node(address uint64, n, depth int) error {
	if address == undefined {
		return nil
	}
	name := "BTLF"
	if depth > 0 {
		name = "BTIN"
	}
	c, err := t.f.block(address, t.nodeSize, name, 0)
	if err != nil {
		return err
	}
	c.skip(1)
	for range n {
		record := c.bytes(t.record)
		if c.err != nil {
			return c.err
		}
		if err := t.visit(record); err != nil {
			return err
		}
	}
	if depth == 0 {
		return nil
	}
	for range n + 1 {
		child, records := c.uint(8), int(c.uint(t.count))
		c.skip(t.totals[depth-1])
		if c.err != nil {
			return c.err
		}
		if err := t.node(child, records, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// errDamaged is for structures that contradict each other.
var errDamaged = errors.New("structures contradict each other: the file is damaged")
