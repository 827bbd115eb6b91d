package serve

import (
	"encoding/base64"
	"fmt"
	"strconv"
)

// textData are a tensor's elements in JSON: one array, or arrays nested as the shape
// says. Numbers are numbers whatever the datatype, but integers for those of integers;
// BOOL is true or false. BYTES are strings with a file in base64.
type textData struct {
	call  *Call
	s     *scanner
	shape []int
	kind  string
	count int   // elements that the outer array should have
	done  int   // those that were read
	inner []int // dimensions of each of them; nil if they are no arrays
}

// newTextData reads text from byte pos on.
func newTextData(c *Call, text []byte, pos int, shape []int) *textData {
	return &textData{call: c, s: &scanner{text: text, pos: pos}, shape: shape}
}

func (d *textData) Expect(datatype string, elements int) error {
	if elements > (len(d.s.text)-d.s.pos)/2 { // every one has a byte, and a comma or bracket
		return fmt.Errorf("less than the %d values of shape %v", elements, d.shape)
	}
	d.kind, d.count = datatype, elements
	if len(d.shape) > 1 && nested(d.s.text[d.s.pos:]) {
		d.count, d.inner = d.shape[0], d.shape[1:]
	}
	d.s.begin('[', "an array")
	return d.s.err
}

// nested tells whether an array's text has an array as its first element.
func nested(text []byte) bool {
	s := &scanner{text: text}
	return s.accept('[') && s.next() == '['
}

// next steps to the next element of the outer array.
func (d *textData) next() bool {
	ok := d.s.more(d.done == 0, ']')
	if !ok {
		d.s.fail("%d elements in an array, want dimensions %v", d.done, d.dims())
	}
	d.done++
	return ok
}

// dims are the dimensions that the arrays should have.
func (d *textData) dims() []int {
	if d.inner != nil {
		return d.shape
	}
	return []int{d.count}
}

func (d *textData) Floats(x []float32) error {
	if d.inner != nil {
		if d.next() {
			d.s.nestedValues(x[:0], d.kind, d.inner)
		}
		return d.s.err
	}
	for i := range x {
		if !d.next() {
			break
		}
		x[i] = d.s.value(d.kind)
	}
	return d.s.err
}

func (d *textData) Bytes() ([]byte, error) {
	if !d.next() {
		return nil, d.s.err
	}
	if d.inner != nil && !d.s.begin('[', "an array") {
		return nil, d.s.err
	}
	text := d.s.str()
	if d.inner != nil && d.s.more(false, ']') {
		d.s.fail("more than one element in an array, want dimensions %v", d.shape)
	}
	if d.s.err != nil {
		return nil, d.s.err
	}
	if err := d.call.Take(2 * int64(len(text))); err != nil { // the string, and what is in it
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("a string that is not base64, want a picture's file so: %w", err)
	}
	return b, nil
}

func (d *textData) End() error {
	if d.s.err == nil && d.s.more(d.done == 0, ']') {
		d.s.fail("more than %d elements in an array, want dimensions %v", d.count, d.dims())
	}
	return d.s.end()
}

// nestedValues is pixels for a datatype.
func (s *scanner) nestedValues(to []float32, kind string, dims []int) []float32 {
	n := 0
	s.array(func() {
		switch n++; {
		case n > dims[0]:
			s.fail("more than %d elements in an array, want dimensions %v", dims[0], dims)
		case len(dims) == 1:
			to = append(to, s.value(kind))
		default:
			to = s.nestedValues(to, kind, dims[1:])
		}
	})
	if s.err == nil && n < dims[0] {
		s.fail("%d elements in an array, want dimensions %v", n, dims)
	}
	return to
}

// integers are the datatypes of integers, and their bits; less than 0 with a sign.
var integers = map[string]int{
	"INT8": -8, "INT16": -16, "INT32": -32, "INT64": -64,
	"UINT8": 8, "UINT16": 16, "UINT32": 32, "UINT64": 64,
}

// value reads a number of a datatype.
func (s *scanner) value(kind string) float32 {
	switch kind {
	case floatType:
		return s.pixel()
	case boolType:
		if s.boolean() {
			return 1
		}
		return 0
	}
	number := s.number()
	if bits, ok := integers[kind]; ok && s.err == nil && !isInteger(string(number), bits) {
		s.fail("%.40s is not of datatype %s", number, kind)
	}
	return s.toPixel(number)
}

// isInteger tells whether a number is an integer of so many bits, less than 0 with a
// sign.
func isInteger(number string, bits int) bool {
	var err error
	if bits < 0 {
		_, err = strconv.ParseInt(number, 10, -bits)
	} else {
		_, err = strconv.ParseUint(number, 10, bits)
	}
	return err == nil
}
