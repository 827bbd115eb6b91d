package grpc

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// TestMethods: what the server and a model are.
func TestMethods(t *testing.T) {
	s := start(t, func(*serve.Config) {})
	c, ctx := client(t, s.grpc), t.Context()
	if r, err := c.ServerLive(ctx, &inference.ServerLiveRequest{}); err != nil || !r.Live {
		t.Errorf("live: %v, %v", r, err)
	}
	if r, err := c.ServerReady(ctx, &inference.ServerReadyRequest{}); err != nil || !r.Ready {
		t.Errorf("ready: %v, %v", r, err)
	}
	if r, err := c.ServerMetadata(ctx, &inference.ServerMetadataRequest{}); err != nil || r.Name != "tapenet" || r.Version == "" || !slices.Contains(r.Extensions, "classification") {
		t.Errorf("server: %v, %v", r, err)
	}
	if r, err := c.ModelReady(ctx, &inference.ModelReadyRequest{Name: "cnn", Version: "1"}); err != nil || !r.Ready {
		t.Errorf("model ready: %v, %v", r, err)
	}
	_, err := c.ModelReady(ctx, &inference.ModelReadyRequest{Name: "none"})
	wantStatus(t, err, codes.NotFound, `no model "none", want one of cnn`)
	_, err = c.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "cnn", Version: "2"})
	wantStatus(t, err, codes.NotFound, `no version "2" of model cnn`)
	got, err := c.ModelMetadata(ctx, &inference.ModelMetadataRequest{Name: "cnn"})
	if err != nil {
		t.Fatal(err)
	}
	tensor := func(name string, shape ...int64) []*inference.ModelMetadataResponse_TensorMetadata {
		return []*inference.ModelMetadataResponse_TensorMetadata{{Name: name, Datatype: "FP32", Shape: shape}}
	}
	want := &inference.ModelMetadataResponse{Name: "cnn", Versions: []string{"1"}, Platform: "tapenet_gorgonia",
		Inputs: tensor("input", -1, 1, 28, 28), Outputs: tensor("output", -1, 10), Properties: got.Properties}
	if !proto.Equal(got, want) || !strings.HasPrefix(got.Properties["input"], "pixels scaled to 0..1") {
		t.Errorf("model: %v, want %v", got, want)
	}
}

// TestInfer: the answers are those of Predict, for every datatype, raw and not, and
// have the form of the request.
func TestInfer(t *testing.T) {
	dir := run(t)
	s := start(t, func(c *serve.Config) { c.Model = dir })
	c, x := client(t, s.grpc), pictures(3)
	for _, image := range x {
		for i, v := range image {
			image[i] = float32(int(2 * v)) // 0 or 1: there is no datatype without these
		}
	}
	all := slices.Concat(x...)
	want := slices.Concat(predictions(t, dir, x...)...)
	ints := make([]int32, len(all))
	for i, v := range all {
		ints[i] = int32(v)
	}
	small, _ := convert[uint8](ints)
	words, _ := convert[uint16](ints)
	for i := range words {
		words[i] *= 0x3c00 // 1 in FP16
	}
	long, bools := convert[int64](ints)
	uints, _ := convert[uint32](ints)
	ulong, _ := convert[uint64](ints)
	doubles, _ := convert[float64](ints)
	for _, tt := range []struct {
		datatype string
		raw      []byte
		contents *inference.InferTensorContents
	}{
		{datatype: "FP32", raw: raw(all)}, {datatype: "FP16", raw: raw(words)}, {datatype: "UINT8", raw: raw(small)}, {datatype: "INT64", raw: raw(long)},
		{datatype: "FP32", contents: &inference.InferTensorContents{Fp32Contents: all}},
		{datatype: "FP64", contents: &inference.InferTensorContents{Fp64Contents: doubles}},
		{datatype: "BOOL", contents: &inference.InferTensorContents{BoolContents: bools}},
		{datatype: "INT8", contents: &inference.InferTensorContents{IntContents: ints}},
		{datatype: "INT16", contents: &inference.InferTensorContents{IntContents: ints}},
		{datatype: "INT32", contents: &inference.InferTensorContents{IntContents: ints}},
		{datatype: "INT64", contents: &inference.InferTensorContents{Int64Contents: long}},
		{datatype: "UINT8", contents: &inference.InferTensorContents{UintContents: uints}},
		{datatype: "UINT16", contents: &inference.InferTensorContents{UintContents: uints}},
		{datatype: "UINT32", contents: &inference.InferTensorContents{UintContents: uints}},
		{datatype: "UINT64", contents: &inference.InferTensorContents{Uint64Contents: ulong}},
	} {
		r := requestFor(tt.datatype, 3)
		r.Inputs[0].Contents = tt.contents
		if tt.raw != nil {
			r.RawInputContents = [][]byte{tt.raw}
		}
		got, err := c.ModelInfer(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", tt.datatype, err)
			continue
		}
		if got.ModelName != "cnn" || got.ModelVersion != "1" || got.Id != "42" || len(got.Outputs) != 1 {
			t.Fatalf("%s: %v", tt.datatype, got)
		}
		o := got.Outputs[0]
		if o.Name != "output" || o.Datatype != "FP32" || !slices.Equal(o.Shape, []int64{3, 10}) {
			t.Errorf("%s: output %v", tt.datatype, o)
		}
		if tt.raw == nil && !near(o.Contents.GetFp32Contents(), want) {
			t.Errorf("%s: %v, want %v", tt.datatype, o.Contents, want)
		}
		if tt.raw != nil && (o.Contents != nil || len(got.RawOutputContents) != 1 || !near(floats(got.RawOutputContents[0]), want)) {
			t.Errorf("%s, raw: %v, want %v", tt.datatype, got, want)
		}
	}
}

// convert turns integers into another type, and into truth.
func convert[T uint8 | uint16 | uint32 | uint64 | int64 | float64](from []int32) (to []T, bools []bool) {
	for _, v := range from {
		to, bools = append(to, T(v)), append(bools, v != 0)
	}
	return to, bools
}

// floats reads raw FP32.
func floats(b []byte) []float32 {
	var x []float32
	for part := range slices.Chunk(b, 4) {
		x = append(x, math.Float32frombits(uint32(part[0])|uint32(part[1])<<8|uint32(part[2])<<16|uint32(part[3])<<24))
	}
	return x
}

// TestPicturesAndClasses: pictures in BYTES and the largest classes, raw and not.
func TestPicturesAndClasses(t *testing.T) {
	s := start(t, func(*serve.Config) {})
	c := client(t, s.grpc)
	g := image.NewGray(image.Rect(0, 0, 60, 40))
	copy(g.Pix[20*60+20:], bytes.Repeat([]byte{250}, 20))
	var file bytes.Buffer
	if err := png.Encode(&file, g); err != nil {
		t.Fatal(err)
	}
	rest, err := http.Post("http://"+s.http+"/v2/models/cnn/infer", "", strings.NewReader(fmt.Sprintf(
		`{"inputs":[{"name":"input","shape":[1],"datatype":"BYTES","data":[%q]}],"outputs":[{"name":"output","parameters":{"classification":2}}]}`, base64Of(file.Bytes()))))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(rest.Body)
	rest.Body.Close()
	for _, asRaw := range []bool{false, true} {
		r := requestFor("BYTES", 1)
		r.Inputs[0].Shape = []int64{1}
		element := file.Bytes()
		if r.Inputs[0].Contents = (&inference.InferTensorContents{BytesContents: [][]byte{element}}); asRaw {
			r.Inputs[0].Contents = nil
			r.RawInputContents = [][]byte{append(raw(uint32(len(element))), element...)}
		}
		r.Outputs = []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "output", Parameters: map[string]*inference.InferParameter{
			"classification": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: 2}}}}}
		got, err := c.ModelInfer(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		o := got.Outputs[0]
		classes := o.Contents.GetBytesContents()
		if asRaw {
			b := got.RawOutputContents[0]
			n := int(b[0])
			classes = [][]byte{b[4:][:n], b[8+n:]}
		}
		if o.Datatype != "BYTES" || !slices.Equal(o.Shape, []int64{1, 2}) || len(classes) != 2 {
			t.Fatalf("raw %t: %v, want two classes", asRaw, got)
		}
		if want := fmt.Sprintf(`"data":["%s","%s"]`, classes[0], classes[1]); !strings.Contains(string(text), want) {
			t.Errorf("raw %t: %s over gRPC, over REST %s", asRaw, want, text)
		}
	}
}

// TestInferErrors: bad input gets a code and a message that help.
func TestInferErrors(t *testing.T) {
	s := start(t, func(c *serve.Config) { c.Queue = 4; c.Body = 1 << 20 })
	c := client(t, s.grpc)
	zeros := make([]byte, 4*784)
	parameter := func(k int64) []*inference.ModelInferRequest_InferRequestedOutputTensor {
		return []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "output", Parameters: map[string]*inference.InferParameter{
			"classification": {ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: k}}}}}
	}
	tests := []struct {
		name   string
		change func(r *inference.ModelInferRequest)
		code   codes.Code
		want   string
	}{
		{"no model", func(r *inference.ModelInferRequest) { r.ModelName = "none" }, codes.NotFound, `no model "none"`},
		{"no version", func(r *inference.ModelInferRequest) { r.ModelVersion = "7" }, codes.NotFound, `no version "7"`},
		{"no inputs", func(r *inference.ModelInferRequest) { r.Inputs = nil }, codes.InvalidArgument, "1 raw_input_contents for 0 inputs"},
		{"nothing", func(r *inference.ModelInferRequest) { r.Inputs, r.RawInputContents = nil, nil }, codes.InvalidArgument, "0 inputs, want one, named input"},
		{"no data", func(r *inference.ModelInferRequest) { r.RawInputContents = nil }, codes.InvalidArgument, "input input has no data"},
		{"both", func(r *inference.ModelInferRequest) {
			r.Inputs[0].Contents = &inference.InferTensorContents{Fp32Contents: []float32{1}}
		}, codes.InvalidArgument, "has contents beside raw_input_contents"},
		{"shape", func(r *inference.ModelInferRequest) { r.Inputs[0].Shape[0] = -1 }, codes.InvalidArgument, "-1 in a shape"},
		{"channels last", func(r *inference.ModelInferRequest) { r.Inputs[0].Shape = []int64{1, 28, 28, 1} }, codes.InvalidArgument, "shape [1 28 28 1], want [n,1,28,28]"},
		{"datatype", func(r *inference.ModelInferRequest) { r.Inputs[0].Datatype = "fp32" }, codes.InvalidArgument, `datatype "fp32", want FP32`},
		{"short", func(r *inference.ModelInferRequest) { r.RawInputContents[0] = zeros[4:] }, codes.InvalidArgument, "3132 bytes, want 3136"},
		{"too many images", func(r *inference.ModelInferRequest) { r.Inputs[0].Shape[0] = 5 }, codes.ResourceExhausted, "5 images in a request, want at most 4"},
		{"too large", func(r *inference.ModelInferRequest) { r.RawInputContents[0] = make([]byte, 2<<20) }, codes.ResourceExhausted, "larger than max"},
		{"many raw", func(r *inference.ModelInferRequest) { r.RawInputContents = make([][]byte, 1000) }, codes.InvalidArgument, "more than 16 raw_input_contents"},
		{"output", func(r *inference.ModelInferRequest) { r.Outputs = parameter(1); r.Outputs[0].Name = "logits" }, codes.InvalidArgument, `output "logits", want "output"`},
		{"classes", func(r *inference.ModelInferRequest) { r.Outputs = parameter(0) }, codes.InvalidArgument, "want int64_param with the number of classes"},
		{"other list", func(r *inference.ModelInferRequest) {
			r.RawInputContents, r.Inputs[0].Contents = nil, &inference.InferTensorContents{IntContents: make([]int32, 784)}
		}, codes.InvalidArgument, "contents of another datatype than FP32"},
		{"short list", func(r *inference.ModelInferRequest) {
			r.RawInputContents, r.Inputs[0].Contents = nil, &inference.InferTensorContents{Fp32Contents: make([]float32, 783)}
		}, codes.InvalidArgument, "783 elements in contents, want 784"},
		{"no list", func(r *inference.ModelInferRequest) {
			r.RawInputContents, r.Inputs[0].Contents, r.Inputs[0].Datatype = nil, &inference.InferTensorContents{}, "FP16"
		}, codes.InvalidArgument, "contents have no list for FP16, want raw_input_contents"},
		{"too large for a byte", func(r *inference.ModelInferRequest) {
			r.RawInputContents, r.Inputs[0].Contents, r.Inputs[0].Datatype = nil, &inference.InferTensorContents{UintContents: slices.Repeat([]uint32{256}, 784)}, "UINT8"
		}, codes.InvalidArgument, "256 in contents, want integers from 0 to 255"},
		{"not a picture", func(r *inference.ModelInferRequest) {
			r.RawInputContents, r.Inputs[0].Contents = nil, &inference.InferTensorContents{BytesContents: [][]byte{[]byte("abcd")}}
			r.Inputs[0].Datatype, r.Inputs[0].Shape = "BYTES", []int64{1}
		}, codes.InvalidArgument, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := requestFor("FP32", 1)
			r.RawInputContents = [][]byte{zeros}
			tt.change(r)
			_, err := c.ModelInfer(t.Context(), r)
			wantStatus(t, err, tt.code, tt.want)
		})
	}
	r := requestFor("FP32", 1)
	r.RawInputContents = [][]byte{zeros}
	if _, err := c.ModelInfer(t.Context(), r); err != nil {
		t.Errorf("a good request after them: %v", err)
	}
}
