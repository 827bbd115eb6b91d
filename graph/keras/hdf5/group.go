package hdf5

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Names returns the names of a group's members in alphabetical order. A dataset
// has none, nor does a link to another name or file count.
func (o *Object) Names() ([]string, error) {
	if err := o.open(); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(o.links)), nil
}

// Find follows a path of names that are separated by slashes. The object is nil
// if there is none.
func (o *Object) Find(path string) (*Object, error) {
	for _, name := range strings.Split(path, "/") {
		if err := o.open(); err != nil {
			return nil, fmt.Errorf("%.128q: %w", path, err)
		}
		address, ok := o.links[name]
		if !ok {
			return nil, nil
		}
		var err error
		if o, err = o.f.object(address); err != nil {
			return nil, fmt.Errorf("%.128q: %w", path, err)
		}
	}
	return o, nil
}

// open reads the links of a group.
func (o *Object) open() error {
	if o.links != nil {
		return nil
	}
	o.links = map[string]uint64{}
	for _, m := range o.messages {
		var err error
		switch m.kind {
		case messageSymbolTable:
			err = o.symbolTable(m.data)
		case messageLink:
			err = o.link(m.data)
		case messageLinkInfo:
			err = o.denseLinks(m.data)
		}
		if err != nil {
			o.links = nil
			return fmt.Errorf("group: %w", err)
		}
	}
	return nil
}

// put adds a link.
func (o *Object) put(name string, address uint64) error {
	if _, twice := o.links[name]; twice {
		return fmt.Errorf("the name %.64q is there twice", name)
	}
	if len(o.links) >= maxLinks {
		return fmt.Errorf("more than %d members", maxLinks)
	}
	o.links[name] = address
	return nil
}

// symbolTable reads an old group: a B-tree of symbol table nodes, whose names
// are in a local heap.
func (o *Object) symbolTable(message []byte) error {
	c := &cursor{b: message}
	tree, heap := c.uint(8), c.uint(8)
	if c.err != nil {
		return c.err
	}
	names, err := o.f.localHeap(heap)
	if err != nil {
		return err
	}
	return o.f.tree1(tree, 0, 8, func(_ []byte, child uint64) error { return o.symbols(child, names) })
}

// localHeap returns a local heap's data.
func (f *File) localHeap(address uint64) ([]byte, error) {
	c, err := f.block(address, 32, "HEAP", 0)
	if err != nil {
		return nil, err
	}
	c.skip(3)
	n := length(c.uint(8))
	c.skip(8)
	return f.read(c.uint(8), n)
}

// symbols reads the entries of a symbol table node.
func (o *Object) symbols(address uint64, names []byte) error {
	const entry = 40
	c, err := o.f.block(address, 8, "SNOD", 1)
	if err != nil {
		return err
	}
	c.skip(1)
	b, err := o.f.read(address+8, entry*int(c.uint(2)))
	if err != nil {
		return err
	}
	for c = (&cursor{b: b}); len(c.b) > 0; {
		at, header, cache := c.uint(8), c.uint(8), c.uint(4)
		c.skip(20)
		if at >= uint64(len(names)) {
			return errors.New("a name lies outside its heap")
		}
		name := &cursor{b: names[at:]}
		text := name.text()
		if name.err != nil {
			return name.err
		}
		if cache == 2 || header == undefined { // a symbolic link
			continue
		}
		if err := o.put(text, header); err != nil {
			return err
		}
	}
	return nil
}

// link reads a link message. Links other than hard ones are passed over.
func (o *Object) link(b []byte) error {
	c := &cursor{b: b}
	if v := c.uint(1); v != 1 {
		return fmt.Errorf("link of version %d, want 1", v)
	}
	flags := c.uint(1)
	kind := uint64(0)
	if flags&8 != 0 {
		kind = c.uint(1)
	}
	if flags&4 != 0 {
		c.skip(8) // creation order
	}
	if flags&0x10 != 0 {
		c.skip(1) // character set
	}
	name := string(c.bytes(length(c.uint(1 << (flags & 3)))))
	if kind != 0 || c.err != nil {
		return c.err
	}
	address := c.uint(8)
	if c.err != nil {
		return c.err
	}
	return o.put(name, address)
}

// denseLinks reads a group whose link messages are in a fractal heap.
func (o *Object) denseLinks(b []byte) error {
	c := &cursor{b: b}
	c.skip(1)
	if c.uint(1)&1 != 0 {
		c.skip(8)
	}
	const hash = 4 // bytes of a record before the heap's ID
	return o.f.dense(c, hash, o.link)
}

// dense calls visit for each object of a fractal heap, which the B-tree behind
// the heap's address in c lists by name. The ID is skip bytes into a record.
func (f *File) dense(c *cursor, skip int, visit func([]byte) error) error {
	address, names := c.uint(8), c.uint(8)
	if c.err != nil || address == undefined {
		return c.err
	}
	h, err := f.fractalHeap(address)
	if err != nil {
		return err
	}
	return f.tree2(names, func(record []byte) error {
		if len(record) < skip+h.idLength {
			return errors.New("a record of the names is too short")
		}
		b, err := h.get(record[skip : skip+h.idLength])
		if err != nil {
			return err
		}
		return visit(b)
	})
}
