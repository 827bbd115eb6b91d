package serve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unsafe"

	"tapenet/graph/weights"
)

// Datatypes of the protocol that have a part of their own here.
const (
	floatType  = "FP32"
	doubleType = "FP64"
	boolType   = "BOOL"
	bytesType  = "BYTES"
)

// numeric is a datatype of numbers as bytes, little-endian.
type numeric struct {
	size   int                         // of an element, in bytes
	decode func(x []float32, b []byte) // reads len(x) elements; the values of an element are rounded to float32
}

var datatypes = map[string]numeric{
	boolType: of(1, func(b []byte) float32 {
		if b[0] != 0 {
			return 1
		}
		return 0
	}),
	"UINT8":    of(1, func(b []byte) float32 { return float32(b[0]) }),
	"UINT16":   of(2, func(b []byte) float32 { return float32(binary.LittleEndian.Uint16(b)) }),
	"UINT32":   of(4, func(b []byte) float32 { return float32(binary.LittleEndian.Uint32(b)) }),
	"UINT64":   of(8, func(b []byte) float32 { return float32(binary.LittleEndian.Uint64(b)) }),
	"INT8":     of(1, func(b []byte) float32 { return float32(int8(b[0])) }),
	"INT16":    of(2, func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) }),
	"INT32":    of(4, func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) }),
	"INT64":    of(8, func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) }),
	"FP16":     of(2, func(b []byte) float32 { return weights.FromHalf(binary.LittleEndian.Uint16(b)) }),
	"BF16":     of(2, func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }),
	doubleType: of(8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }),
	floatType:  {4, decodeFloats},
}

// of is a datatype whose elements of size bytes have the given values.
func of(size int, value func(b []byte) float32) numeric {
	return numeric{size, func(x []float32, b []byte) {
		for i := range x {
			x[i] = value(b[i*size:][:size])
		}
	}}
}

// decodeFloats is of's loop for the datatype that most tensors have.
func decodeFloats(x []float32, b []byte) {
	b = b[:4*len(x)]
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

// inputTypes lists the datatypes that an input may have.
func inputTypes() string {
	names := slices.Sorted(maps.Keys(datatypes))
	names = slices.DeleteFunc(names, func(name string) bool { return name == floatType })
	return floatType + ", " + strings.Join(names, ", ") + " or " + bytesType
}

// Raw is a tensor's data as bytes: the size bytes that r has, elements little-endian
// without anything between them, a BOOL one byte, BYTES with its length as four bytes
// before it. Fewer bytes or more are an error.
func (c *Call) Raw(r io.Reader, size int64) Data {
	return &rawData{call: c, r: r, left: size}
}

// rawData reads r as it goes.
type rawData struct {
	call *Call
	r    io.Reader
	left int64 // bytes
	kind numeric
	part []byte // that is being decoded

	inPlace bool // bytes are float32 already
}

// littleEndian tells whether memory has the protocol's order of bytes.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// rawPart is how many bytes are decoded at a time: they stay in the processor's cache.
const rawPart = 32 << 10

func (d *rawData) Expect(datatype string, elements int) error {
	if datatype == bytesType {
		if need := 4 * int64(elements); d.left < need {
			return fmt.Errorf("%d bytes, want at least %d for the lengths of %d elements", d.left, need, elements)
		}
		return nil
	}
	d.kind = datatypes[datatype]
	if want := int64(d.kind.size) * int64(elements); d.left != want {
		return fmt.Errorf("%d bytes, want %d for %d elements of %s", d.left, want, elements, datatype)
	}
	if d.inPlace = datatype == floatType && littleEndian; d.inPlace {
		return nil
	}
	size := min(d.left, rawPart)
	if err := d.call.Take(size); err != nil {
		return err
	}
	d.part = make([]byte, size)
	return nil
}

func (d *rawData) Floats(x []float32) error {
	if d.inPlace {
		return d.fill(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x)))
	}
	for len(x) > 0 {
		n := min(len(x), len(d.part)/d.kind.size)
		b := d.part[:n*d.kind.size]
		if err := d.fill(b); err != nil {
			return err
		}
		d.kind.decode(x[:n], b)
		x = x[n:]
	}
	return nil
}

// fill reads the next len(b) bytes.
func (d *rawData) fill(b []byte) error {
	n, err := io.ReadFull(d.r, b)
	d.left -= int64(n)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the body ends %d bytes before the tensor does", d.left)
	}
	return err
}

func (d *rawData) Bytes() ([]byte, error) {
	var head [4]byte
	if d.left < int64(len(head)) {
		return nil, fmt.Errorf("%d bytes are left for an element, want its length in %d bytes", d.left, len(head))
	}
	if err := d.fill(head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > d.left {
		return nil, fmt.Errorf("an element of %d bytes, and %d are left of the tensor", n, d.left)
	}
	element, err := d.call.slurp(io.LimitReader(d.r, n), n)
	if err != nil {
		return nil, err
	}
	if d.left -= int64(len(element)); int64(len(element)) < n {
		return nil, fmt.Errorf("the body ends %d bytes before the tensor does", d.left)
	}
	return element, nil
}

func (d *rawData) End() error {
	if d.left > 0 {
		return fmt.Errorf("%d bytes after the last element", d.left)
	}
	var one [1]byte
	if n, err := io.ReadFull(d.r, one[:]); n > 0 {
		return errors.New("bytes after the tensor")
	} else if err != io.EOF {
		return err
	}
	return nil
}

// AppendRaw appends the elements as bytes, as Call.Raw reads them.
func (t OutputTensor) AppendRaw(b []byte) []byte {
	for _, v := range t.Floats {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range t.Doubles {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	for _, v := range t.Bools {
		var bit byte
		if v {
			bit = 1
		}
		b = append(b, bit)
	}
	for _, v := range t.Strings {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}
