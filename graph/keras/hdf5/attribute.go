package hdf5

import (
	"bytes"
	"fmt"
	"strings"
)

// Strings returns an attribute that is a string, as a list of one, or a list of
// strings. It is nil if there is no such attribute, or it is of another type.
func (o *Object) Strings(name string) ([]string, error) {
	if o.values == nil {
		if err := o.attributes(); err != nil {
			return nil, fmt.Errorf("attributes: %w", err)
		}
	}
	return o.values[name], nil
}

// attributes reads all attributes.
func (o *Object) attributes() error {
	o.values = map[string][]string{}
	for _, m := range o.messages {
		var err error
		switch {
		case m.kind == messageAttribute && !m.shared:
			err = o.attribute(m.data)
		case m.kind == messageAttributeInfo:
			c := &cursor{b: m.data}
			c.skip(1)
			if c.uint(1)&1 != 0 {
				c.skip(2)
			}
			err = o.f.dense(c, 0, o.attribute)
		}
		if err != nil {
			o.values = nil
			return err
		}
	}
	return nil
}

// attribute reads an attribute message. Before version 3 it has no character
// set, in version 1 its parts are padded to 8 bytes.
func (o *Object) attribute(b []byte) error {
	c := &cursor{b: b}
	version, flags := c.uint(1), c.uint(1)
	if version < 1 || version > 3 {
		return fmt.Errorf("version %d, want 1 to 3", version)
	}
	sizes := [3]int{int(c.uint(2)), int(c.uint(2)), int(c.uint(2))}
	if version == 3 {
		c.skip(1)
	}
	var parts [3][]byte // name, datatype, dataspace
	for i, n := range sizes {
		parts[i] = c.bytes(n)
		if version == 1 {
			c.skip(-n & 7)
		}
	}
	if c.err != nil {
		return c.err
	}
	name := untilZero(parts[0])
	if version > 1 && flags&1 != 0 { // the datatype is shared
		return nil
	}
	t, err := readType(parts[1])
	if err != nil {
		return fmt.Errorf("%.64q: %w", name, err)
	}
	if t.class != classString && !(t.class == classVarying && t.text) {
		return nil
	}
	shape, _, err := readSpace(parts[2])
	if err != nil {
		return fmt.Errorf("%.64q: %w", name, err)
	}
	o.values[name], err = o.f.strings(t, shape, c)
	if err != nil {
		return fmt.Errorf("%.64q: %w", name, err)
	}
	return nil
}

// strings reads the strings of an attribute.
func (f *File) strings(t datatype, shape []uint64, c *cursor) ([]string, error) {
	n, err := product(shape, t.size)
	if err != nil {
		return nil, err
	}
	list := []string{}
	for value := (&cursor{b: c.bytes(n)}); len(value.b) > 0; {
		if t.class == classString {
			list = append(list, strings.TrimRight(untilZero(value.bytes(t.size)), " "))
			continue
		}
		long, address, index := length(value.uint(4)), value.uint(8), value.uint(4)
		value.skip(t.size - 16)
		if value.err != nil {
			return nil, value.err
		}
		if long == 0 {
			list = append(list, "")
			continue
		}
		b, err := f.global(address, index)
		if err != nil {
			return nil, err
		}
		list = append(list, untilZero(b[:min(long, len(b))]))
	}
	return list, c.err
}

func untilZero(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
