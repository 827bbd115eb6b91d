package serve

// The Open Inference Protocol, version 2, over REST: inference_rest.md in
// kserve/open-inference-protocol, with Triton's extensions for binary tensor data and
// classification.

import (
	"bytes"
	"io"
	"math"
	"strconv"
)

// headerLength is the header with the size of the JSON text before binary data.
const headerLength = "Inference-Header-Content-Length"

// inferV2 answers POST /v2/models/NAME/infer.
func inferV2(c *call) ([]byte, error) {
	if err := c.useFree(c.PathValue("name"), c.PathValue("version")); err != nil {
		return nil, err
	}
	text, rest, err := c.textV2()
	if err != nil {
		return nil, err
	}
	r, err := parseV2(text)
	if err != nil {
		return nil, err
	}
	request, err := r.request(c, text, rest)
	if err != nil {
		return nil, err
	}
	response, err := c.Infer(c.Context(), request)
	if err != nil {
		return nil, err
	}
	body, header := r.answer(response)
	if header > 0 {
		c.w.Header().Set(headerLength, strconv.Itoa(header))
		c.w.Header().Set("Content-Type", "application/octet-stream")
	}
	return body, nil
}

// textV2 reads the request's JSON text. If binary data follow it, rest is where they
// come from, else nil.
func (c *call) textV2() (text []byte, rest io.Reader, err error) {
	header := c.Header.Get(headerLength)
	if header == "" {
		text, err = c.body()
		return text, nil, err
	}
	n, err := strconv.ParseInt(header, 10, 64)
	if err != nil || n < 1 || n > c.server.config.Body {
		return nil, nil, malformed("%s %.40q, want the size of the JSON text in bytes, 1 to %d", headerLength, header, c.server.config.Body)
	}
	body, err := c.source()
	if err != nil {
		return nil, nil, err
	}
	if text, err = c.slurp(io.LimitReader(body, n), n); err != nil {
		return nil, nil, err
	}
	if int64(len(text)) < n {
		return nil, nil, malformed("the body has %d bytes, and %s says that its JSON text has %d", len(text), headerLength, n)
	}
	return text, body, nil
}

// maxID bounds a request's id, which its answer repeats.
const maxID = 1000

// requestV2 is an inference request. Its data are not read yet: they are where
// the text has a value from byte data on, or binary bytes behind it.
type requestV2 struct {
	id      string
	inputs  int // how many came; the fields below are the last one's
	name    string
	shape   []int
	kind    string
	data    int
	length  int   // of the data's text; 0 if there is none
	binary  int64 // size of binary data, -1 if there are none
	outputs []Output
	raw     []wish // of each output
	all     bool   // outputs are binary that do not say what they are
}

// wish is whether an output is to be binary, if the request says so.
type wish struct{ said, binary bool }

// parseV2 reads all of a request but its data, of which it only sees that they
// are JSON.
func parseV2(body []byte) (r requestV2, err error) {
	s := &scanner{text: body}
	s.object(func(key string) {
		switch key {
		case "id":
			if r.id = s.str(); len(r.id) > maxID {
				s.fail("an id of more than %d bytes", maxID)
			}
		case "parameters":
			s.object(func(key string) {
				if key == "binary_data_output" {
					r.all = s.boolean()
				} else {
					s.skip()
				}
			})
		case "inputs":
			s.array(func() { r.inputs++; r.input(s) })
		case "outputs":
			s.array(func() { r.output(s) })
		default:
			s.skip()
		}
	})
	if err := s.end(); err != nil {
		return r, malformed("the body is not an inference request in JSON: %v", err)
	}
	return r, nil
}

func (r *requestV2) input(s *scanner) {
	r.name, r.shape, r.kind, r.length, r.binary = "", nil, "", 0, -1
	s.object(func(key string) {
		switch key {
		case "name":
			r.name = s.str()
		case "datatype":
			r.kind = s.str()
		case "shape":
			s.array(func() {
				if r.shape = append(r.shape, s.size()); len(r.shape) > maxDepth {
					s.fail("a shape of more than %d dimensions", maxDepth)
				}
			})
		case "data":
			r.data = s.skip()
			r.length = s.pos - r.data
		case "parameters":
			s.object(func(key string) {
				if key == "binary_data_size" {
					r.binary = int64(s.size())
				} else {
					s.skip()
				}
			})
		default:
			s.skip()
		}
	})
}

func (r *requestV2) output(s *scanner) {
	o, f := Output{}, wish{}
	s.object(func(key string) {
		switch key {
		case "name":
			o.Name = s.str()
		case "parameters":
			s.object(func(key string) {
				switch key {
				case "binary_data":
					f = wish{true, s.boolean()}
				case "classification":
					if o.Classification = s.size(); o.Classification == 0 {
						s.fail("classification 0, want the number of classes, 1 or more")
					}
				default:
					s.skip()
				}
			})
		default:
			s.skip()
		}
	})
	if r.outputs, r.raw = append(r.outputs, o), append(r.raw, f); len(r.outputs) > maxOutputs {
		s.fail("more than %d outputs", maxOutputs)
	}
}

// request is the request without its transport. rest has the binary data; it is nil
// for a body of JSON alone.
func (r *requestV2) request(c *call, text []byte, rest io.Reader) (Request, error) {
	request := Request{Model: c.PathValue("name"), Version: c.PathValue("version"), ID: r.id, Outputs: r.outputs}
	if r.inputs != 1 {
		return request, wrongInput("%d inputs, want one, named %s", r.inputs, inputName)
	}
	in := Tensor{Name: r.name, Datatype: r.kind, Shape: r.shape}
	switch {
	case r.binary >= 0 && r.length > 0:
		return request, wrongInput("input %.100q has data and binary_data_size, want one of them", r.name)
	case r.binary >= 0 && rest == nil:
		return request, wrongInput("input %.100q has binary_data_size, want the header %s too", r.name, headerLength)
	case r.binary >= 0:
		in.Data = c.Raw(rest, r.binary)
	case r.length > 0:
		if rest != nil {
			if n, err := rest.Read(make([]byte, 1)); n > 0 || err != io.EOF {
				return request, wrongInput("bytes after the JSON text, and no input has binary_data_size")
			}
		}
		in.Data = newTextData(c.Call, text[:r.data+r.length], r.data, r.shape)
	}
	request.Inputs = []Tensor{in}
	return request, nil
}

// answer writes a response. header is the size of its JSON text if binary data
// follow, else 0.
func (r *requestV2) answer(response *Response) (body []byte, header int) {
	b := make([]byte, 0, 1024)
	b = append(b, `{"model_name":`...)
	b = appendJSON(b, response.Model)
	b = append(b, `,"model_version":`...)
	b = appendJSON(b, response.Version)
	if response.ID != "" {
		b = append(b, `,"id":`...)
		b = appendJSON(b, response.ID)
	}
	b = append(b, `,"outputs":[`...)
	var raw []byte
	binary := false
	for i, o := range response.Outputs {
		if i > 0 {
			b = append(b, ',')
		}
		before := len(raw)
		if r.isRaw(i) {
			raw, binary = o.AppendRaw(raw), true
		}
		b = appendOutput(b, o, r.isRaw(i), len(raw)-before)
	}
	if b = append(b, "]}\n"...); !binary {
		return b, 0
	}
	return append(b, raw...), len(b)
}

// isRaw tells whether output i is to be binary.
func (r *requestV2) isRaw(i int) bool {
	if i < len(r.raw) && r.raw[i].said {
		return r.raw[i].binary
	}
	return r.all
}

// appendOutput writes one output of a response; of a binary one the size alone.
func appendOutput(b []byte, o OutputTensor, binary bool, size int) []byte {
	b = append(b, `{"name":"`+o.Name+`","shape":`...)
	b = appendJSON(b, o.Shape)
	b = append(b, `,"datatype":"`+o.Datatype+`"`...)
	if binary {
		b = append(b, `,"parameters":{"binary_data_size":`...)
		return append(strconv.AppendInt(b, int64(size), 10), "}}"...)
	}
	b = append(b, `,"data":`...)
	switch o.Datatype {
	case floatType:
		b = append(appendFloats(append(b, '['), o.Floats), ']')
	case doubleType:
		b = appendJSON(b, o.Doubles)
	case boolType:
		b = appendJSON(b, o.Bools)
	default:
		b = appendJSON(b, o.Strings)
	}
	return append(b, '}')
}

func appendJSON(b []byte, v any) []byte {
	return append(b, bytes.TrimSuffix(mustMarshal(v), []byte("\n"))...)
}

// appendFloats writes numbers with commas between them, each with as many
// digits as its float32 needs.
func appendFloats(b []byte, x []float32) []byte {
	for i, v := range x {
		if i > 0 {
			b = append(b, ',')
		}
		if a := math.Abs(float64(v)); a != 0 && a < 1e-6 {
			b = strconv.AppendFloat(b, float64(v), 'e', -1, 32)
		} else {
			b = strconv.AppendFloat(b, float64(v), 'f', -1, 32)
		}
	}
	return b
}
