package torture

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// The parts of an ONNX file that the campaign writes, with the numbers of onnx.proto.

// onnxType is the type of a tensor's elements.
type onnxType int

const (
	float32Type onnxType = 1
	uint8Type   onnxType = 2
	int8Type    onnxType = 3
	int32Type   onnxType = 6
	int64Type   onnxType = 7
	boolType    onnxType = 9
	float64Type onnxType = 11
)

// onnxTypes are the types by their names in ONNX Runtime.
var onnxTypes = map[string]onnxType{
	"float32": float32Type, "uint8": uint8Type, "int8": int8Type, "int32": int32Type, "int64": int64Type, "bool": boolType, "float64": float64Type,
}

func (t onnxType) String() string {
	for name, other := range onnxTypes {
		if t == other {
			return name
		}
	}
	return fmt.Sprint(int(t))
}

func (t onnxType) float() bool { return t == float32Type || t == float64Type }

// raw is numbers of the type as a file has them.
func (t onnxType) raw(numbers []float64) []byte {
	b := []byte{} // not nil, as data of no elements
	for _, v := range numbers {
		switch t {
		case float32Type:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		case float64Type:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		case int32Type:
			b = binary.LittleEndian.AppendUint32(b, uint32(int64(v)))
		case int64Type:
			b = binary.LittleEndian.AppendUint64(b, uint64(integral(v)))
		default:
			b = append(b, byte(int64(v)))
		}
	}
	return b
}

// integral is an integer of a float that may be as large as integers get.
func integral(v float64) int64 {
	switch {
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	}
	return int64(v)
}

// numbers is raw backwards.
func (t onnxType) numbers(b []byte) (v []float64) {
	for len(b) > 0 {
		switch t {
		case float32Type:
			v, b = append(v, float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), b[4:]
		case float64Type:
			v, b = append(v, math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
		case int32Type:
			v, b = append(v, float64(int32(binary.LittleEndian.Uint32(b)))), b[4:]
		case int64Type:
			v, b = append(v, float64(int64(binary.LittleEndian.Uint64(b)))), b[8:]
		case int8Type:
			v, b = append(v, float64(int8(b[0]))), b[1:]
		default:
			v, b = append(v, float64(b[0])), b[1:]
		}
	}
	return v
}

type onnxTensor struct {
	name    string
	elem    onnxType
	dims    []int
	numbers []float64
}

func (t onnxTensor) String() string {
	text := fmt.Sprint(t.numbers)
	return fmt.Sprintf("%s %v %v %.200s", t.name, t.elem, t.dims, text)
}

// onnxAttribute has a value that is an int, a float64, a string, an []int, a []float64 or an
// onnxTensor.
type onnxAttribute struct {
	name  string
	value any
}

type onnxNode struct {
	kind            string
	inputs, outputs []string
	attributes      []onnxAttribute
}

func (n onnxNode) String() string {
	var a []string
	for _, x := range n.attributes {
		a = append(a, fmt.Sprintf("%s:%v", x.name, x.value))
	}
	return fmt.Sprintf("%s=%s[%s](%s)", strings.Join(n.outputs, ","), n.kind, strings.Join(a, "; "), strings.Join(n.inputs, ","))
}

// protobuf is a message that is being written.
type protobuf []byte

func (p protobuf) integer(field int, v int64) protobuf {
	return binary.AppendUvarint(binary.AppendUvarint(p, uint64(field)<<3), uint64(v))
}

func (p protobuf) bytes(field int, v []byte) protobuf {
	p = binary.AppendUvarint(binary.AppendUvarint(p, uint64(field)<<3|2), uint64(len(v)))
	return append(p, v...)
}

func (p protobuf) text(field int, v string) protobuf { return p.bytes(field, []byte(v)) }

func (p protobuf) float(field int, v float64) protobuf {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(p, uint64(field)<<3|5), math.Float32bits(float32(v)))
}

func (t onnxTensor) message() (p protobuf) {
	for _, d := range t.dims {
		p = p.integer(1, int64(d))
	}
	p = p.integer(2, int64(t.elem))
	if t.name != "" {
		p = p.text(8, t.name)
	}
	return p.bytes(9, t.elem.raw(t.numbers))
}

func (a onnxAttribute) message() (p protobuf) {
	p = p.text(1, a.name)
	kind := 0
	switch v := a.value.(type) {
	case float64:
		p, kind = p.float(2, v), 1
	case int:
		p, kind = p.integer(3, int64(v)), 2
	case string:
		p, kind = p.text(4, v), 3
	case onnxTensor:
		p, kind = p.bytes(5, v.message()), 4
	case []float64:
		for _, x := range v {
			p = p.float(7, x)
		}
		kind = 6
	case []int:
		for _, x := range v {
			p = p.integer(8, int64(x))
		}
		kind = 7
	}
	return p.integer(20, int64(kind))
}

func (n onnxNode) message() (p protobuf) {
	for _, in := range n.inputs {
		p = p.text(1, in)
	}
	for _, out := range n.outputs {
		p = p.text(2, out)
	}
	p = p.text(4, n.kind)
	for _, a := range n.attributes {
		p = p.bytes(5, a.message())
	}
	return p
}

// input is the message of a value: a batch of 0 is left open.
func inputMessage(name string, elem onnxType, shape []int) protobuf {
	var dims protobuf
	for i, d := range shape {
		if i == 0 && d == 0 {
			dims = dims.bytes(1, protobuf(nil).text(2, "batch"))
			continue
		}
		dims = dims.bytes(1, protobuf(nil).integer(1, int64(d)))
	}
	tensor := protobuf(nil).integer(1, int64(elem)).bytes(2, dims)
	return protobuf(nil).text(1, name).bytes(2, protobuf(nil).bytes(1, tensor))
}
