package grpc

import (
	"bytes"
	"maps"
	"math"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// messages are sound requests of every kind: raw contents, contents of each datatype,
// pictures, and outputs with parameters.
func messages(t testing.TB) (all [][]byte) {
	t.Helper()
	zeros := requestFor("FP32", 1)
	zeros.RawInputContents = [][]byte{make([]byte, 4*784)}
	small := requestFor("UINT8", 1)
	small.RawInputContents = [][]byte{make([]byte, 784)}
	small.Outputs = []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "output", Parameters: map[string]*inference.InferParameter{
		"classification": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: 3}},
	}}}
	pictures := requestFor("BYTES", 1)
	pictures.Inputs[0].Shape = []int64{1}
	pictures.Inputs[0].Contents = &inference.InferTensorContents{BytesContents: [][]byte{[]byte("\x89PNG\r\n\x1a\n")}}
	requests := []*inference.ModelInferRequest{zeros, small, pictures}
	for datatype, contents := range map[string]*inference.InferTensorContents{
		"FP32":   {Fp32Contents: make([]float32, 784)},
		"FP64":   {Fp64Contents: make([]float64, 784)},
		"BOOL":   {BoolContents: make([]bool, 784)},
		"INT8":   {IntContents: make([]int32, 784)},
		"INT64":  {Int64Contents: make([]int64, 784)},
		"UINT16": {UintContents: make([]uint32, 784)},
		"UINT64": {Uint64Contents: make([]uint64, 784)},
	} {
		r := requestFor(datatype, 1)
		r.Inputs[0].Contents = contents
		r.Inputs[0].Parameters = map[string]*inference.InferParameter{"p": {ParameterChoice: &inference.InferParameter_StringParam{StringParam: "v"}}}
		requests = append(requests, r)
	}
	for _, r := range requests {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// FuzzBody sends bodies to a handler: those of a message that is framed, or whatever
// comes. The client is told what is wrong; nothing is the server's fault, and no memory
// stays taken.
func FuzzBody(f *testing.F) {
	methods := slices.Sorted(maps.Keys(endpoints))
	infer := uint8(slices.Index(methods, inference.GRPCInferenceService_ModelInfer_FullMethodName))
	for _, m := range messages(f) {
		f.Add(infer, m, true)
	}
	one := framed([]byte("\x0a\x03cnn"))
	for _, body := range [][]byte{one, slices.Concat(one, one), one[:7], {1, 0, 0, 0, 1, 0}, {0, 0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0, 0}} {
		f.Add(infer, body, false)
	}
	for m := range methods {
		f.Add(uint8(m), []byte("\x0a\x03cnn\x12\x011"), true)
		f.Add(uint8(m), []byte("\x0a\x03cnn\x01"), true) // broken
	}
	s, err := serve.New(serve.Config{Model: run(f), Memory: 4 << 20, Log: silent()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	h := Handler(s)
	allowed := []codes.Code{codes.OK, codes.InvalidArgument, codes.NotFound, codes.ResourceExhausted, codes.Unavailable}
	f.Fuzz(func(t *testing.T, method uint8, body []byte, whole bool) {
		if whole {
			body = framed(body)
		}
		r := httptest.NewRequest("POST", methods[int(method)%len(methods)], bytes.NewReader(body))
		r.ProtoMajor, r.Proto = 2, "HTTP/2.0"
		r.Header.Set("Content-Type", "application/grpc")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		answer := w.Result()
		text := answer.Trailer.Get("Grpc-Status")
		if text == "" {
			text = answer.Header.Get("Grpc-Status")
		}
		code, err := strconv.Atoi(text)
		if err != nil || !slices.Contains(allowed, codes.Code(code)) {
			t.Errorf("%s: status %q %q, want one of %v", r.URL.Path, text, answer.Trailer.Get("Grpc-Message"), allowed)
		}
		(&server{Server: s}).settled(t)
	})
}

// FuzzParse: parse reads what protobuf itself reads, and takes the memory that it costs
// before it spends it.
func FuzzParse(f *testing.F) {
	for _, m := range messages(f) {
		f.Add(m)
	}
	s, err := serve.New(serve.Config{Model: run(f), Memory: math.MaxInt64 / 2, Log: silent()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, message []byte) {
		c := s.Call(serve.Origin{Endpoint: "grpc_infer", Method: "GRPC"})
		in, raw, err := parse(c, message)
		c.End(t.Context(), err)
		if err != nil {
			if status, text := serve.Status(err); status != 400 || text == "" {
				t.Errorf("status %d with %q, want 400 and why", status, text)
			}
			return
		}
		var want inference.ModelInferRequest
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(message, &want); err != nil {
			t.Fatalf("takes what protobuf refuses: %v", err)
		}
		in.RawInputContents = raw
		if !proto.Equal(in, &want) {
			t.Errorf("got %v, want %v", in, &want)
		}
	})
}
