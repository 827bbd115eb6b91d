package hdf5

import (
	"errors"
	"fmt"
)

// The messages of object headers that are read.
const (
	messageDataspace     = 0x01
	messageLinkInfo      = 0x02
	messageDatatype      = 0x03
	messageLink          = 0x06
	messageLayout        = 0x08
	messageFilters       = 0x0B
	messageAttribute     = 0x0C
	messageContinuation  = 0x10
	messageSymbolTable   = 0x11
	messageAttributeInfo = 0x15
)

// message is one entry of an object header.
type message struct {
	kind   uint64
	shared bool // data says where the message is
	data   []byte
}

// Object is a group or a dataset.
type Object struct {
	f        *File
	messages []message
	links    map[string]uint64 // of a group, once they are read
	values   map[string][]string
}

// object reads the header at an address, once.
func (f *File) object(address uint64) (*Object, error) {
	if o, ok := f.objects[address]; ok {
		return o, nil
	}
	start, err := f.read(address, 4)
	if err != nil {
		return nil, err
	}
	o := &Object{f: f}
	if string(start) == "OHDR" {
		err = o.header2(address)
	} else {
		err = o.header1(address)
	}
	if err != nil {
		return nil, fmt.Errorf("object header: %w", err)
	}
	f.objects[address] = o
	return o, nil
}

// span is a part of the file.
type span struct {
	address uint64
	n       int
}

// header1 reads a header of version 1 and its continuations.
func (o *Object) header1(address uint64) error {
	const prefix = 16
	b, err := o.f.read(address, prefix)
	if err != nil {
		return err
	}
	c := &cursor{b: b}
	if v := c.uint(1); v != 1 {
		return fmt.Errorf("version %d, want 1 or 2", v)
	}
	c.skip(7)
	parts := []span{{address + prefix, length(c.uint(4))}}
	for i := 0; i < len(parts); i++ {
		if b, err = o.f.read(parts[i].address, parts[i].n); err != nil {
			return err
		}
		for c := (&cursor{b: b}); len(c.b) >= 8; {
			m := message{kind: c.uint(2)}
			n := int(c.uint(2))
			m.shared = c.uint(1)&2 != 0
			c.skip(3)
			m.data = c.bytes(n)
			if c.err != nil {
				return c.err
			}
			if err := o.add(m, &parts); err != nil {
				return err
			}
		}
	}
	return nil
}

// header2 reads a header of version 2 and its continuations.
func (o *Object) header2(address uint64) error {
	const most = 4 + 1 + 1 + 16 + 4 + 8 // bytes before the messages
	b, err := o.f.read(address, int(min(most, uint64(o.f.size-o.f.base)-address)))
	if err != nil {
		return err
	}
	c := &cursor{b: b}
	c.skip(4)
	if v := c.uint(1); v != 2 {
		return fmt.Errorf("version %d, want 1 or 2", v)
	}
	flags := c.uint(1)
	if flags&0x20 != 0 {
		c.skip(16) // four times
	}
	if flags&0x10 != 0 {
		c.skip(4)
	}
	n := length(c.uint(1 << (flags & 3)))
	if c.err != nil {
		return c.err
	}
	parts := []span{{address + uint64(len(b)-len(c.b)), n}}
	for i := 0; i < len(parts); i++ {
		if b, err = o.f.read(parts[i].address, parts[i].n); err != nil {
			return err
		}
		if i > 0 {
			if len(b) < 8 || string(b[:4]) != "OCHK" {
				return errors.New("a continuation has no OCHK")
			}
			b = b[4 : len(b)-4]
		}
		if err := o.messages2(b, flags&4 != 0, &parts); err != nil {
			return err
		}
	}
	return nil
}

// messages2 reads the messages of one part. The rest of a part may be a gap that
// no message fits into.
func (o *Object) messages2(b []byte, ordered bool, parts *[]span) error {
	prefix := 4
	if ordered {
		prefix = 6
	}
	for c := (&cursor{b: b}); len(c.b) >= prefix; {
		m := message{kind: c.uint(1)}
		n := int(c.uint(2))
		m.shared = c.uint(1)&2 != 0
		c.skip(prefix - 4)
		m.data = c.bytes(n)
		if c.err != nil {
			return c.err
		}
		if err := o.add(m, parts); err != nil {
			return err
		}
	}
	return nil
}

// add keeps a message, or follows it to a continuation.
func (o *Object) add(m message, parts *[]span) error {
	if m.kind == messageContinuation {
		c := &cursor{b: m.data}
		*parts = append(*parts, span{c.uint(8), length(c.uint(8))})
		if c.err != nil {
			return c.err
		}
	} else {
		o.messages = append(o.messages, m)
	}
	if len(o.messages) > maxMessages || len(*parts) > maxMessages {
		return fmt.Errorf("more than %d messages", maxMessages)
	}
	return nil
}

// length is a number of bytes as an int, -1 if it is too large for any file.
func length(n uint64) int {
	if n > 1<<48 {
		return -1
	}
	return int(n)
}

// find returns the data of the first message of a kind, nil if there is none.
func (o *Object) find(kind uint64) ([]byte, error) {
	for _, m := range o.messages {
		if m.kind == kind {
			if m.shared {
				return nil, errors.New("the type is shared with other objects, want one of its own")
			}
			return m.data, nil
		}
	}
	return nil, nil
}
