package grpc

import (
	"fmt"
	"net/http"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// Field numbers of ModelInferRequest.
const (
	rawField = 7 // raw_input_contents
	maxRaw   = 16
)

// What unpacking takes, in bytes, at most: lists grow to twice their size, and leave
// smaller ones behind.
const (
	messageBytes = 1024 // a message in a message, or an entry of a map
	fieldBytes   = 96   // another field that comes by itself
	maxDepth     = 8    // of messages in messages; the protocol has 4
)

// parse reads an inference request. raw are its raw_input_contents, which stay where
// they are in the message. What the rest unpacks to is counted before it is unpacked.
func parse(c *serve.Call, message []byte) (in *inference.ModelInferRequest, raw [][]byte, err error) {
	raw, rest, err := split(c, message)
	if err != nil {
		return nil, nil, err
	}
	in = &inference.ModelInferRequest{}
	for _, part := range rest {
		n, err := cost(in.ProtoReflect().Descriptor(), part, 0)
		if err != nil {
			return nil, nil, broken(err)
		}
		if err := c.Take(n); err != nil {
			return nil, nil, err
		}
		if err := (proto.UnmarshalOptions{DiscardUnknown: true, Merge: true}).Unmarshal(part, in); err != nil {
			return nil, nil, broken(err)
		}
	}
	return in, raw, nil
}

// split takes raw_input_contents out of a message. rest are the parts between them.
func split(c *serve.Call, message []byte) (raw, rest [][]byte, err error) {
	begin := 0
	for pos := 0; pos < len(message); {
		number, kind, n := protowire.ConsumeField(message[pos:])
		if n < 0 {
			return nil, nil, broken(protowire.ParseError(n))
		}
		if number == rawField && kind == protowire.BytesType {
			if len(raw) == maxRaw {
				return nil, nil, wrong("more than %d raw_input_contents", maxRaw)
			}
			_, _, tag := protowire.ConsumeTag(message[pos:])
			content, _ := protowire.ConsumeBytes(message[pos+tag:])
			raw, rest = append(raw, content), append(rest, message[begin:pos])
			begin = pos + n
		}
		pos += n
	}
	return raw, append(rest, message[begin:]), nil
}

func broken(err error) error {
	return serve.Refused(http.StatusBadRequest, fmt.Sprintf("the message is not an inference request: %v", err))
}

// cost is the memory that a message takes at most when it is unpacked.
func cost(d protoreflect.MessageDescriptor, b []byte, depth int) (int64, error) {
	if depth > maxDepth {
		return 0, fmt.Errorf("messages nested more than %d deep", maxDepth)
	}
	total := int64(messageBytes)
	for len(b) > 0 {
		number, kind, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return 0, protowire.ParseError(tag)
		}
		n := protowire.ConsumeFieldValue(number, kind, b[tag:])
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		value := b[tag:][:n]
		b = b[tag+n:]
		total += fieldBytes
		f := d.Fields().ByNumber(number)
		if f == nil || kind != protowire.BytesType {
			continue // skipped, or one number
		}
		content, _ := protowire.ConsumeBytes(value)
		if f.Kind() == protoreflect.MessageKind {
			inner, err := cost(f.Message(), content, depth+1)
			if err != nil {
				return 0, err
			}
			total += inner
			continue
		}
		total += unpacked(f, content)
	}
	return total, nil
}

// unpacked is the memory of a string, or of a list of numbers that is packed: of
// integers, each of which takes eight bytes at most and comes in one or more.
func unpacked(f protoreflect.FieldDescriptor, content []byte) int64 {
	size := int64(len(content))
	switch f.Kind() {
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return 8 * size
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		return 4 * size
	}
	return size
}
