package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// message is one of ONNX's protobuf messages. fields visits its fields, whether
// to write or to read them, so that each message states its layout once.
type message interface{ fields(w *wire) }

// wire is protobuf's wire format. While it writes, a visit of a field appends
// it to buf, unless it is empty. While it reads, fields is called once for each
// field that the message holds, and the visit with its number takes it; fields
// that nobody visits are skipped.
type wire struct {
	buf     []byte // what was written
	reading bool
	num     int    // of the field being read
	kind    int    // its wire type
	value   uint64 // of a number
	bytes   []byte // of everything else, a part of the file
	depth   int
	err     error
}

// Wire types.
const (
	kindVarint  = 0
	kindFixed64 = 1
	kindBytes   = 2
	kindFixed32 = 5
)

// A file is hostile: messages are nested in ONNX's few levels only, and no list
// of messages or names is longer than any model's.
const (
	maxDepth = 16
	maxList  = 1 << 14
)

// marshal returns a message's bytes.
func marshal(m message) []byte {
	w := &wire{}
	m.fields(w)
	return w.buf
}

// unmarshal reads a message. Byte slices in it alias b.
func unmarshal(b []byte, m message) error { return unmarshalAt(0, b, m) }

func unmarshalAt(depth int, b []byte, m message) error {
	if depth > maxDepth {
		return fmt.Errorf("messages are nested more than %d deep", maxDepth)
	}
	w := &wire{reading: true, depth: depth}
	for len(b) > 0 {
		var err error
		if b, err = w.next(b); err != nil {
			return err
		}
		if m.fields(w); w.err != nil {
			return w.err
		}
	}
	return nil
}

var errCut = errors.New("a message is cut off")

// next takes one field off b.
func (w *wire) next(b []byte) (rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, errCut
	}
	if w.num, w.kind, b = int(tag>>3), int(tag&7), b[n:]; tag>>3 == 0 || tag>>3 > 1<<29 {
		return nil, fmt.Errorf("found field number %d: not an ONNX file", tag>>3)
	}
	switch w.kind {
	case kindVarint:
		if w.value, n = binary.Uvarint(b); n <= 0 {
			return nil, errCut
		}
		return b[n:], nil
	case kindFixed64:
		if len(b) < 8 {
			return nil, errCut
		}
		w.value = binary.LittleEndian.Uint64(b)
		return b[8:], nil
	case kindFixed32:
		if len(b) < 4 {
			return nil, errCut
		}
		w.value = uint64(binary.LittleEndian.Uint32(b))
		return b[4:], nil
	case kindBytes:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, errCut
		}
		w.bytes = b[n:][:size]
		return b[n:][size:], nil
	}
	return nil, fmt.Errorf("found wire type %d: not an ONNX file", w.kind)
}

// is reports whether field num is the one being read, of the wire type that it
// has to have.
func (w *wire) is(num, kind int) bool {
	if w.err != nil || w.num != num {
		return false
	}
	if w.kind != kind {
		w.err = fmt.Errorf("field %d has wire type %d, want %d: not an ONNX file", num, w.kind, kind)
		return false
	}
	return true
}

func (w *wire) tag(num, kind int) { w.buf = binary.AppendUvarint(w.buf, uint64(num)<<3|uint64(kind)) }

func (w *wire) append(num int, b []byte) {
	w.tag(num, kindBytes)
	w.buf = append(binary.AppendUvarint(w.buf, uint64(len(b))), b...)
}

// integer visits a number; always writes it even if it is 0.
func (w *wire) integer(num int, v *int64, always bool) {
	switch {
	case w.reading:
		if w.is(num, kindVarint) {
			*v = int64(w.value)
		}
	case *v != 0 || always:
		w.tag(num, kindVarint)
		w.buf = binary.AppendUvarint(w.buf, uint64(*v))
	}
}

// float visits a number; always writes it even if it is 0.
func (w *wire) float(num int, v *float32, always bool) {
	switch {
	case w.reading:
		if w.is(num, kindFixed32) {
			*v = math.Float32frombits(uint32(w.value))
		}
	case *v != 0 || always:
		w.tag(num, kindFixed32)
		w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(*v))
	}
}

// raw visits bytes.
func (w *wire) raw(num int, v *[]byte) {
	switch {
	case w.reading:
		if w.is(num, kindBytes) {
			*v = w.bytes
		}
	case len(*v) > 0:
		w.append(num, *v)
	}
}

// text visits a string; always writes it even if it is empty.
func (w *wire) text(num int, v *string, always bool) {
	switch {
	case w.reading:
		if w.is(num, kindBytes) {
			*v = string(w.bytes)
		}
	case *v != "" || always:
		w.append(num, []byte(*v))
	}
}

// texts visits a list of strings.
func (w *wire) texts(num int, v *[]string) {
	if !w.reading {
		for _, s := range *v {
			w.append(num, []byte(s))
		}
	} else if w.is(num, kindBytes) && w.room(num, len(*v)) {
		*v = append(*v, string(w.bytes))
	}
}

// integers visits a list of numbers, packed or one by one; it writes the latter,
// as ONNX's definition has it.
func (w *wire) integers(num int, v *[]int64) {
	if !w.reading {
		for _, i := range *v {
			w.integer(num, &i, true)
		}
		return
	}
	if w.num == num && w.kind == kindBytes {
		for b := w.bytes; len(b) > 0; {
			i, n := binary.Uvarint(b)
			if n <= 0 {
				w.err = errCut
				return
			}
			*v, b = append(*v, int64(i)), b[n:]
		}
	} else if w.is(num, kindVarint) {
		*v = append(*v, int64(w.value))
	}
}

// floats visits a list of numbers as integers does.
func (w *wire) floats(num int, v *[]float32) {
	if !w.reading {
		for _, f := range *v {
			w.float(num, &f, true)
		}
		return
	}
	if w.num == num && w.kind == kindBytes {
		for b := w.bytes; len(b) > 0; b = b[4:] {
			if len(b) < 4 {
				w.err = errCut
				return
			}
			*v = append(*v, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	} else if w.is(num, kindFixed32) {
		*v = append(*v, math.Float32frombits(uint32(w.value)))
	}
}

// one visits a message within a message; a nil one is not there.
func one[M any, P interface {
	*M
	message
}](w *wire, num int, v **M) {
	if !w.reading {
		if *v != nil {
			w.append(num, marshal(P(*v)))
		}
	} else if w.is(num, kindBytes) {
		if *v == nil {
			*v = new(M)
		}
		w.err = unmarshalAt(w.depth+1, w.bytes, P(*v))
	}
}

// list visits a list of messages.
func list[M any, P interface {
	*M
	message
}](w *wire, num int, v *[]M) {
	if !w.reading {
		for i := range *v {
			w.append(num, marshal(P(&(*v)[i])))
		}
	} else if w.is(num, kindBytes) && w.room(num, len(*v)) {
		var m M
		w.err = unmarshalAt(w.depth+1, w.bytes, P(&m))
		*v = append(*v, m)
	}
}

// room reports whether a list may grow.
func (w *wire) room(num, length int) bool {
	if length >= maxList {
		w.err = fmt.Errorf("field %d has more than %d entries", num, maxList)
	}
	return w.err == nil
}
