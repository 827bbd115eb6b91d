package serve

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"tapenet/infer"
)

// Request is an inference request of the Open Inference Protocol, version 2,
// whatever way it came.
//
// The values of its one input are those that the model's metadata describe, pixels
// scaled to 0..1, whatever the datatype: 200 in UINT8 is the value 200. Of datatype
// BYTES and shape [n] or [n,1] it is instead n picture files, which
// are prepared as /classify prepares them.
type Request struct {
	Model   string
	Version string // "" is the newest
	ID      string // comes back in the response
	Inputs  []Tensor
	Outputs []Output // those wanted, each once; none is the probabilities
}

// Tensor is an input.
type Tensor struct {
	Name, Datatype string
	Shape          []int
	Data           Data
}

// Data hands out a tensor's elements in row-major order. An error is the client's
// fault, unless it comes from Call.Take.
type Data interface {
	// Expect comes first: it tells whether there can be so many elements of the
	// datatype, before memory is spent on them.
	Expect(datatype string, elements int) error
	// Floats reads the next len(x) elements of a datatype of numbers.
	Floats(x []float32) error
	// Bytes reads the next element of datatype BYTES.
	Bytes() ([]byte, error)
	// End comes last: an error if something is left.
	End() error
}

// Output is an output that a request wants.
type Output struct {
	Name           string
	Classification int // 0, or that many of the largest values, with index and label
}

// Response is the answer to a Request.
type Response struct {
	Model, Version, ID string
	Outputs            []OutputTensor
}

// OutputTensor is an output of a response. One of the slices has its elements: Floats
// for FP32, Doubles for FP64, Bools for BOOL, Strings for BYTES.
type OutputTensor struct {
	Name, Datatype string
	Shape          []int
	Floats         []float32
	Doubles        []float64
	Bools          []bool
	Strings        []string
}

// Infer answers a request from Go, within the bounds that other requests have too:
// its images join theirs in batches. Status says what an error is to a client.
func (s *Server) Infer(ctx context.Context, r Request) (response *Response, err error) {
	c := s.Call(Origin{Endpoint: "go", Method: "GO", Path: r.Model})
	defer func() { c.End(ctx, err) }()
	return c.Infer(ctx, r)
}

// Infer answers a request. The response has memory of its own.
func (c *Call) Infer(ctx context.Context, r Request) (*Response, error) {
	if err := c.use(r.Model, r.Version); err != nil {
		return nil, err
	}
	n, err := r.check(c.model, c.server.config.Queue)
	if err != nil {
		return nil, err
	}
	images, err := c.images(ctx, r.Inputs[0], n)
	if err != nil {
		return nil, err
	}
	predictions, err := c.predict(ctx, images)
	if err != nil {
		return nil, err
	}
	c.model.reuse(images)
	return r.response(c.model, predictions), nil
}

// maxOutputs bounds the outputs that a request names.
const maxOutputs = 16

// check tells whether the request is one for the model, before its data are
// read. It returns the number of images.
func (r *Request) check(m *model, most int) (n int, err error) {
	if len(r.Inputs) != 1 {
		return 0, wrongInput("%d inputs, want one, named %s", len(r.Inputs), inputName)
	}
	in, want := r.Inputs[0], m.input
	pictures := in.Datatype == bytesType
	switch _, numbers := datatypes[in.Datatype]; {
	case in.Name != inputName:
		return 0, wrongInput("input %.100q, want %q", in.Name, inputName)
	case !numbers && !pictures:
		return 0, wrongInput("datatype %.100q, want %s", in.Datatype, inputTypes())
	case pictures && (len(in.Shape) == 0 || len(in.Shape) > 2 || len(in.Shape) == 2 && in.Shape[1] != 1):
		return 0, wrongInput("shape %v, want [n] or [n,1] for n pictures", in.Shape)
	case !pictures && (len(in.Shape) != 4 || !slices.Equal(in.Shape[1:], want[:])):
		return 0, wrongInput("shape %v, want [n,%d,%d,%d] for n images", in.Shape, want[0], want[1], want[2])
	case in.Shape[0] < 1:
		return 0, wrongInput("shape %v has no image", in.Shape)
	case in.Shape[0] > most:
		return 0, tooLarge("%d images in a request, want at most %d", in.Shape[0], most)
	case in.Data == nil:
		return 0, wrongInput("input %s has no data", inputName)
	}
	return in.Shape[0], checkOutputs(r.Outputs, m)
}

// checkOutputs tells whether the model has the outputs.
func checkOutputs(outputs []Output, m *model) error {
	if len(outputs) > maxOutputs {
		return wrongInput("more than %d outputs", maxOutputs)
	}
	for i, o := range outputs {
		switch {
		case !slices.Contains(m.outputs(), o.Name):
			return wrongInput("output %.100q, want %s", o.Name, quoted(m.outputs()))
		case slices.ContainsFunc(outputs[:i], func(other Output) bool { return other.Name == o.Name }):
			return wrongInput("a second output %.100q, want each once", o.Name)
		case o.Classification < 0:
			return wrongInput("classification %d of output %s, want the number of classes, 1 or more", o.Classification, o.Name)
		case o.Classification > 0 && o.Name != outputName:
			return wrongInput("classification of output %s, want it of %s alone", o.Name, outputName)
		}
	}
	return nil
}

// images reads the images of an input, whose memory comes to be one by one.
func (c *Call) images(ctx context.Context, in Tensor, n int) ([][]float32, error) {
	elements, read := n*c.model.values(), c.numbers
	if in.Datatype == bytesType {
		elements, read = n, func(d Data) ([]float32, error) { return c.nextPicture(ctx, d) }
	}
	if err := in.Data.Expect(in.Datatype, elements); err != nil {
		return nil, asRefusal(err)
	}
	images := make([][]float32, n) // at most Queue
	for i := range images {
		var err error
		if images[i], err = read(in.Data); err != nil {
			return nil, asRefusal(err)
		}
	}
	return images, asRefusal(in.Data.End())
}

// numbers reads the next image as numbers.
func (c *Call) numbers(d Data) ([]float32, error) {
	if err := c.Take(4 * int64(c.model.values())); err != nil {
		return nil, err
	}
	x := c.model.image()
	if err := d.Floats(x); err != nil {
		return nil, err
	}
	if !allPixels(x) {
		i := slices.IndexFunc(x, func(v float32) bool { return !(v <= maxPixel && v >= -maxPixel) })
		return nil, fmt.Errorf("value %d of an image is %v, want pixels scaled to 0..1", i, x[i])
	}
	return x, nil
}

// image is memory for an image; what is in it is to be overwritten.
func (m *model) image() []float32 {
	if x, ok := m.spare.Get().(*[]float32); ok {
		return *x
	}
	return make([]float32, m.values())
}

// reuse takes the memory of images that nobody refers to any more: to have it anew, it
// would have to be cleared. What is not used for a while the garbage collector takes.
func (m *model) reuse(images [][]float32) {
	for _, x := range images {
		if len(x) == m.values() {
			m.spare.Put(&x)
		}
	}
}

// allPixels tells whether all values are between -maxPixel and maxPixel. Without the
// sign bit, the bits of numbers are in the order of their sizes, with those of NaN last:
// a difference below 0 is one too many. There is no branch for each value.
func allPixels(x []float32) bool {
	limit := int32(math.Float32bits(maxPixel))
	var a, b, c, d int32
	for ; len(x) >= 4; x = x[4:] {
		a |= limit - int32(math.Float32bits(x[0])&math.MaxInt32)
		b |= limit - int32(math.Float32bits(x[1])&math.MaxInt32)
		c |= limit - int32(math.Float32bits(x[2])&math.MaxInt32)
		d |= limit - int32(math.Float32bits(x[3])&math.MaxInt32)
	}
	for _, v := range x {
		a |= limit - int32(math.Float32bits(v)&math.MaxInt32)
	}
	return a|b|c|d >= 0
}

// nextPicture reads the next image as a picture's file.
func (c *Call) nextPicture(ctx context.Context, d Data) ([]float32, error) {
	file, err := d.Bytes()
	if err != nil {
		return nil, err
	}
	return c.pixels(ctx, file, nil)
}

// response has the outputs that the request names, or the probabilities alone.
func (r *Request) response(m *model, predictions []infer.Prediction) *Response {
	outputs := r.Outputs
	if len(outputs) == 0 {
		outputs = []Output{{Name: outputName}}
	}
	response := &Response{Model: m.name, Version: m.version, ID: r.ID}
	for _, o := range outputs {
		response.Outputs = append(response.Outputs, o.tensor(m, predictions))
	}
	return response
}

// tensor is an output of all images.
func (o Output) tensor(m *model, predictions []infer.Prediction) OutputTensor {
	t := OutputTensor{Name: o.Name, Datatype: floatType, Shape: []int{len(predictions)}}
	switch {
	case o.Name == unknownName:
		t.Datatype = boolType
		for _, p := range predictions {
			t.Bools = append(t.Bools, p.Unknown)
		}
	case o.Name == scoreName:
		t.Datatype = doubleType
		for _, p := range predictions {
			t.Doubles = append(t.Doubles, p.Score)
		}
	case o.Classification > 0:
		k := min(o.Classification, len(m.classes))
		t.Datatype, t.Shape = bytesType, append(t.Shape, k)
		for _, p := range predictions {
			t.Strings = append(t.Strings, largest(p.Probabilities, m.classes, k)...)
		}
	default:
		t.Shape = append(t.Shape, len(m.classes))
		t.Floats = make([]float32, 0, len(predictions)*len(m.classes))
		for _, p := range predictions {
			t.Floats = append(t.Floats, p.Probabilities...)
		}
	}
	return t
}

// largest names the k largest values as Triton does, "value:index:label", the largest
// first; of equal ones that with the lower index.
func largest(values []float32, labels []string, k int) []string {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[j], values[i]) })
	list := make([]string, k)
	for i, class := range order[:k] {
		list[i] = strconv.FormatFloat(float64(values[class]), 'f', 6, 32) + ":" + strconv.Itoa(class) + ":" + labels[class]
	}
	return list
}

// quoted lists names, as in "a" or "b".
func quoted(names []string) string {
	var b []byte
	for i, name := range names {
		if i > 0 {
			b = append(b, " or "...)
		}
		b = strconv.AppendQuote(b, name)
	}
	return string(b)
}
