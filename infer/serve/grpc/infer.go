package grpc

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// frame is a message whose bytes nobody has read yet.
type frame struct{ bytes mem.Buffer }

// codec is gRPC's for protocol buffers, but that it leaves a frame's message in bytes.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	b, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*frame); ok {
		f.bytes = data.MaterializeToBuffer(mem.DefaultBufferPool())
		return nil
	}
	b := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer b.Free()
	return proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b.ReadOnlyData(), v.(proto.Message))
}

// modelInfer answers ModelInfer. It is a method's handler itself, so that the message is
// looked at before memory is taken for what it unpacks to.
func modelInfer(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var f frame
	if err := decode(&f); err != nil {
		return nil, err
	}
	defer f.bytes.Free()
	message := f.bytes.ReadOnlyData()
	c := of(ctx).Call
	if err := c.Take(int64(len(message))); err != nil { // beside the pieces that it came in
		return nil, err
	}
	return answer(ctx, c, message)
}

// answer answers the message of an inference request.
func answer(ctx context.Context, c *serve.Call, message []byte) (*inference.ModelInferResponse, error) {
	in, raw, err := parse(c, message)
	if err != nil {
		return nil, err
	}
	r, err := requestOf(c, in, raw)
	if err != nil {
		return nil, err
	}
	response, err := c.Infer(ctx, r)
	if err != nil {
		return nil, err
	}
	return responseOf(response, len(raw) > 0), nil
}

// requestOf is a request without its transport.
func requestOf(c *serve.Call, in *inference.ModelInferRequest, raw [][]byte) (serve.Request, error) {
	r := serve.Request{Model: in.ModelName, Version: in.ModelVersion, ID: in.Id}
	if len(raw) > 0 && len(raw) != len(in.Inputs) {
		return r, wrong("%d raw_input_contents for %d inputs, want one for each", len(raw), len(in.Inputs))
	}
	for i, t := range in.Inputs {
		input := serve.Tensor{Name: t.Name, Datatype: t.Datatype}
		for _, n := range t.Shape {
			if n < 0 || n > math.MaxInt32 {
				return r, wrong("%d in a shape, want an integer from 0 to %d", n, math.MaxInt32)
			}
			input.Shape = append(input.Shape, int(n))
		}
		switch {
		case len(raw) > 0 && t.Contents != nil:
			return r, wrong("input %.100q has contents beside raw_input_contents, want one of them", t.Name)
		case len(raw) > 0:
			input.Data = c.Raw(bytes.NewReader(raw[i]), int64(len(raw[i])))
		case t.Contents != nil:
			input.Data = &contents{all: t.Contents}
		}
		r.Inputs = append(r.Inputs, input)
	}
	for _, o := range in.Outputs {
		k, err := classification(o)
		if err != nil {
			return r, err
		}
		r.Outputs = append(r.Outputs, serve.Output{Name: o.Name, Classification: k})
	}
	return r, nil
}

// classification is the number of classes that an output is to have, 0 for all values.
func classification(o *inference.ModelInferRequest_InferRequestedOutputTensor) (int, error) {
	p, ok := o.Parameters["classification"]
	if !ok {
		return 0, nil
	}
	k := p.GetInt64Param()
	if v, ok := p.GetParameterChoice().(*inference.InferParameter_Uint64Param); ok {
		k = int64(min(v.Uint64Param, math.MaxInt32))
	}
	if k < 1 || k > math.MaxInt32 {
		return 0, wrong("classification of output %.100q is %v, want int64_param with the number of classes, 1 or more", o.Name, p)
	}
	return int(k), nil
}

func wrong(format string, args ...any) error {
	return serve.Refused(http.StatusBadRequest, fmt.Sprintf(format, args...))
}

// responseOf is the message of a response: raw if the request was.
func responseOf(r *serve.Response, raw bool) *inference.ModelInferResponse {
	out := &inference.ModelInferResponse{ModelName: r.Model, ModelVersion: r.Version, Id: r.ID}
	for _, o := range r.Outputs {
		t := &inference.ModelInferResponse_InferOutputTensor{Name: o.Name, Datatype: o.Datatype, Shape: dims(o.Shape)}
		if raw {
			out.RawOutputContents = append(out.RawOutputContents, o.AppendRaw(nil))
		} else {
			t.Contents = &inference.InferTensorContents{Fp32Contents: o.Floats, Fp64Contents: o.Doubles, BoolContents: o.Bools}
			for _, v := range o.Strings {
				t.Contents.BytesContents = append(t.Contents.BytesContents, []byte(v))
			}
		}
		out.Outputs = append(out.Outputs, t)
	}
	return out
}
