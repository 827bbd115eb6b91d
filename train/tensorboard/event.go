package tensorboard

import (
	"encoding/binary"
	"math"
	"time"

	"tapenet/graph"
)

// The messages below are TensorFlow's, from event.proto (SessionLog too), summary.proto,
// graph.proto, node_def.proto and attr_value.proto, in the wire format of
// protocol buffers: each field is a key, its number and its wire type, and a
// value. Only the fields that are written have a name here.

// message is an encoded message, or the beginning of one.
type message []byte

// Wire types.
const (
	asVarint = 0
	as64Bits = 1
	asBytes  = 2
	as32Bits = 5
)

func (m message) key(field, wire uint64) message { return binary.AppendUvarint(m, field<<3|wire) }

func (m message) integer(field uint64, v int64) message {
	return binary.AppendUvarint(m.key(field, asVarint), uint64(v))
}

func (m message) double(field uint64, v float64) message {
	return binary.LittleEndian.AppendUint64(m.key(field, as64Bits), math.Float64bits(v))
}

func (m message) float(field uint64, v float32) message {
	return binary.LittleEndian.AppendUint32(m.key(field, as32Bits), math.Float32bits(v))
}

// bytes appends bytes, a text, or a message within this one.
func (m message) bytes(field uint64, v []byte) message {
	m = binary.AppendUvarint(m.key(field, asBytes), uint64(len(v)))
	return append(m, v...)
}

// event is the beginning of an Event: wall_time is 1.
func event(at time.Time) message { return message{}.double(1, float64(at.UnixMicro())/1e6) }

// version is the first Event of a file: file_version is 3.
func version(at time.Time) message { return event(at).bytes(3, []byte("brain.Event:2")) }

// goesOn is an Event that has TensorBoard forget what earlier files have of a step and
// those after it: step is 2 and session_log 7, a SessionLog whose status, 1, is START, 1.
func goesOn(at time.Time, step int) message {
	return event(at).integer(2, int64(step)).bytes(7, message{}.integer(1, 1))
}

// summary is an Event of values, made by scalar and picture: step is 2, summary
// 5, and Summary.value 1.
func summary(at time.Time, step int, values ...message) message {
	var s message
	for _, v := range values {
		s = s.bytes(1, v)
	}
	return event(at).integer(2, int64(step)).bytes(5, s)
}

// scalar is a Summary.Value: tag is 1 and simple_value 2.
func scalar(tag string, v float64) message {
	return message{}.bytes(1, []byte(tag)).float(2, float32(v))
}

// picture is a Summary.Value with an Image, which is 4: its height is 1, width
// 2, colorspace 3, with 3 meaning RGB, and encoded_image_string 4.
func picture(tag string, height, width int, png []byte) message {
	image := message{}.integer(1, int64(height)).integer(2, int64(width)).integer(3, 3).bytes(4, png)
	return message{}.bytes(1, []byte(tag)).bytes(4, image)
}

// network is an Event of a graph: graph_def is 4, a GraphDef of nodes, 1. A
// NodeDef has a name, 1, an op, 2, inputs, 3, and attributes, 5, of which
// _output_shapes is the one that TensorBoard shows on arrows.
func network(at time.Time, nodes []graph.Node) message {
	var def message
	for _, n := range nodes {
		node := message{}.bytes(1, []byte(n.Name)).bytes(2, []byte(opName(n)))
		for _, in := range n.Inputs {
			node = node.bytes(3, []byte(in))
		}
		attribute := message{}.bytes(1, []byte("_output_shapes")).bytes(2, message{}.bytes(1, message{}.bytes(7, shape(n.Shape))))
		def = def.bytes(1, node.bytes(5, attribute))
	}
	return event(at).bytes(4, def)
}

// opName is what a node does, by TensorFlow's names for bound tensors.
func opName(n graph.Node) string {
	switch {
	case n.Op != "":
		return n.Op
	case n.Name == "input":
		return "Placeholder"
	}
	return "Variable"
}

// shape is a TensorShapeProto: dim is 2 and its size 1.
func shape(s []int) (m message) {
	for _, d := range s {
		m = m.bytes(2, message{}.integer(1, int64(d)))
	}
	return m
}
