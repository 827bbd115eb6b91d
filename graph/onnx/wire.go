package onnx

import (
	"bufio"
	"bytes"
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
	buf   []byte  // what was written
	in    *source // what is read; nil while it writes
	left  int64   // bytes of the message that are not read yet
	num   int     // of the field being read
	kind  int     // its wire type
	value uint64  // of a number
	size  int64   // of everything else, until it is taken
	depth int
	err   error
}

// Wire types.
const (
	kindVarint  = 0
	kindFixed64 = 1
	kindBytes   = 2
	kindFixed32 = 5
)

// A file is hostile: messages are nested in ONNX's few levels only, and no list
// of messages or names is longer than any model's, nor are all of them together: a
// message of two bytes takes a hundred in memory.
const (
	maxDepth   = 16
	maxList    = 1 << 16
	maxEntries = 1 << 20
)

// marshal returns a message's bytes.
func marshal(m message) []byte {
	w := &wire{}
	m.fields(w)
	return w.buf
}

// unmarshal reads a message.
func unmarshal(b []byte, m message) error {
	in := &source{r: bufio.NewReader(bytes.NewReader(b)), left: int64(len(b))}
	return in.message(m, in.left, 0)
}

// message reads a message of so many bytes.
func (in *source) message(m message, size int64, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("messages are nested more than %d deep", maxDepth)
	}
	w := &wire{in: in, left: size, depth: depth}
	for w.left > 0 && w.next() {
		if m.fields(w); w.err == nil && w.size > 0 {
			w.err = in.skip(w.size) // nobody took it
		}
	}
	return w.err
}

var errCut = errors.New("a message is cut off")

// next begins the next field, and reports whether there is one.
func (w *wire) next() bool {
	if w.left == endless && w.in.ended() {
		return false
	}
	tag := w.varint()
	if w.num, w.kind, w.size = int(tag>>3), int(tag&7), 0; w.err == nil && (tag>>3 == 0 || tag>>3 > 1<<29) {
		w.err = fmt.Errorf("found field number %d: not an ONNX file", tag>>3)
	}
	if w.err != nil {
		return false
	}
	switch w.kind {
	case kindVarint:
		w.value = w.varint()
	case kindFixed64:
		w.value = w.fixed(8)
	case kindFixed32:
		w.value = w.fixed(4)
	case kindBytes:
		if size := w.varint(); w.err == nil && size > uint64(min(w.left, w.in.most())) {
			w.err = errCut
		} else if w.size = int64(size); w.left != endless {
			w.left -= w.size
		}
	default:
		w.err = fmt.Errorf("found wire type %d: not an ONNX file", w.kind)
	}
	return w.err == nil
}

// varint reads a number of the message.
func (w *wire) varint() (v uint64) {
	if w.err != nil {
		return 0
	}
	v, n, err := w.in.varint(w.left)
	if w.err = err; w.left != endless {
		w.left -= n
	}
	return v
}

// fixed reads a number of so many bytes.
func (w *wire) fixed(size int64) uint64 {
	var b [8]byte
	if w.left < size {
		w.err = errCut
	} else if w.err = w.in.read(b[:size]); w.left != endless {
		w.left -= size
	}
	return binary.LittleEndian.Uint64(b[:])
}

// bytes takes the field that is being read.
func (w *wire) bytes() (b []byte) {
	b, w.err = w.in.bytes(w.size)
	w.size = 0
	return b
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
	case w.in != nil:
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
	case w.in != nil:
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
	case w.in != nil:
		if w.is(num, kindBytes) {
			*v = w.bytes()
		}
	case len(*v) > 0:
		w.append(num, *v)
	}
}

// text visits a string; always writes it even if it is empty.
func (w *wire) text(num int, v *string, always bool) {
	switch {
	case w.in != nil:
		if w.is(num, kindBytes) {
			*v = string(w.bytes())
		}
	case *v != "" || always:
		w.append(num, []byte(*v))
	}
}

// texts visits a list of strings.
func (w *wire) texts(num int, v *[]string) {
	if w.in == nil {
		for _, s := range *v {
			w.append(num, []byte(s))
		}
	} else if w.is(num, kindBytes) && w.room(num, len(*v)) {
		*v = append(*v, string(w.bytes()))
	}
}

// integers visits a list of numbers, packed or one by one; it writes the latter,
// as ONNX's definition has it.
func (w *wire) integers(num int, v *[]int64) {
	if w.in == nil {
		for _, i := range *v {
			w.integer(num, &i, true)
		}
		return
	}
	if w.num == num && w.kind == kindBytes {
		for w.size > 0 && w.err == nil {
			i, n, err := w.in.varint(w.size)
			*v, w.size, w.err = append(*v, int64(i)), w.size-n, err
		}
	} else if w.is(num, kindVarint) {
		*v = append(*v, int64(w.value))
	}
}

// floats visits a list of numbers as integers does.
func (w *wire) floats(num int, v *[]float32) {
	if w.in == nil {
		for _, f := range *v {
			w.float(num, &f, true)
		}
		return
	}
	if w.num == num && w.kind == kindBytes {
		more, err := w.in.floats(w.size)
		*v, w.size, w.err = append(*v, more...), 0, err
	} else if w.is(num, kindFixed32) {
		*v = append(*v, math.Float32frombits(uint32(w.value)))
	}
}

// one visits a message within a message; a nil one is not there.
func one[M any, P interface {
	*M
	message
}](w *wire, num int, v **M) {
	if w.in == nil {
		if *v != nil {
			w.append(num, marshal(P(*v)))
		}
	} else if w.is(num, kindBytes) {
		if *v == nil {
			*v = new(M)
		}
		w.nested(P(*v))
	}
}

// nested reads a message within a message.
func (w *wire) nested(m message) {
	size := w.size
	w.size = 0
	w.err = w.in.message(m, size, w.depth+1)
}

// list visits a list of messages.
func list[M any, P interface {
	*M
	message
}](w *wire, num int, v *[]M) {
	if w.in == nil {
		for i := range *v {
			w.append(num, marshal(P(&(*v)[i])))
		}
	} else if w.is(num, kindBytes) && w.room(num, len(*v)) {
		var m M
		w.nested(P(&m))
		*v = append(*v, m)
	}
}

// room reports whether a list may grow.
func (w *wire) room(num, length int) bool {
	if w.in.entries++; w.in.entries > maxEntries {
		w.err = fmt.Errorf("lists have more than %d entries in all", maxEntries)
	} else if length >= maxList {
		w.err = fmt.Errorf("field %d has more than %d entries", num, maxList)
	}
	return w.err == nil
}
