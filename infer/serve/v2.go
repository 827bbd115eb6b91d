package serve

// The Open Inference Protocol, version 2, over REST: inference_rest.md in
// kserve/open-inference-protocol.

import (
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"

	"tapenet/infer"
)

// Names of every model's input and output.
const (
	inputName  = "input"
	outputName = "output"
	datatype   = "FP32"
)

// Names of two more outputs of a model with a threshold, for a request that names
// them: whether an image is of none of the classes, and how well the model knows it.
const (
	unknownName = "unknown" // BOOL, [n]
	scoreName   = "score"   // FP64, [n]
)

// outputs are the names of what a model can answer with.
func (m *model) outputs() []string {
	if m.predictor.Unknown() == nil {
		return []string{outputName}
	}
	return []string{outputName, unknownName, scoreName}
}

func live(*call) ([]byte, error) { return []byte(`{"live":true}`), nil }

func ready(c *call) ([]byte, error) {
	if c.server.draining.Load() {
		return nil, failed(http.StatusServiceUnavailable, kindStopping, "the server is shutting down")
	}
	if len(c.server.models.names()) == 0 {
		return nil, failed(http.StatusServiceUnavailable, kindModel, "no model is loaded")
	}
	return []byte(`{"ready":true}`), nil
}

func serverMetadata(*call) ([]byte, error) {
	version := "unknown"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		version = b.Main.Version
	}
	return mustMarshal(struct {
		Name       string   `json:"name"`
		Version    string   `json:"version"`
		Extensions []string `json:"extensions"`
	}{"tapenet", version, []string{}}), nil
}

// tensorMetadata describes an input or output. Dimension -1 is any number.
type tensorMetadata struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

func modelMetadata(c *call) ([]byte, error) {
	if err := c.use(c.PathValue("name"), c.PathValue("version")); err != nil {
		return nil, err
	}
	m := c.model
	outputs := []tensorMetadata{{outputName, datatype, []int{-1, len(m.classes)}}}
	if m.predictor.Unknown() != nil {
		outputs = append(outputs, tensorMetadata{unknownName, "BOOL", []int{-1}}, tensorMetadata{scoreName, "FP64", []int{-1}})
	}
	return mustMarshal(struct {
		Name       string            `json:"name"`
		Versions   []string          `json:"versions"`
		Platform   string            `json:"platform"`
		Inputs     []tensorMetadata  `json:"inputs"`
		Outputs    []tensorMetadata  `json:"outputs"`
		Properties map[string]string `json:"properties"`
	}{
		Name: m.name, Versions: c.server.models.versions(m.name), Platform: "tapenet_gorgonia",
		Inputs:     []tensorMetadata{{inputName, datatype, []int{-1, m.input[0], m.input[1], m.input[2]}}},
		Outputs:    outputs,
		Properties: map[string]string{"classes": string(appendJSON(nil, m.classes))},
	}), nil
}

func modelReady(c *call) ([]byte, error) {
	if err := c.use(c.PathValue("name"), c.PathValue("version")); err != nil {
		return nil, err
	}
	return mustMarshal(struct {
		Name  string `json:"name"`
		Ready bool   `json:"ready"`
	}{c.model.name, true}), nil
}

func inferV2(c *call) ([]byte, error) {
	if err := c.use(c.PathValue("name"), c.PathValue("version")); err != nil {
		return nil, err
	}
	if c.Header.Get("Inference-Header-Content-Length") != "" {
		return nil, wrongInput("binary tensor data: want data in JSON")
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	r, err := parseV2(body)
	if err != nil {
		return nil, err
	}
	images, err := c.imagesV2(body, r)
	if err != nil {
		return nil, err
	}
	predictions, err := c.predict(images)
	if err != nil {
		return nil, err
	}
	return r.answer(c.model, predictions), nil
}

// maxID bounds a request's id, which its answer repeats.
const maxID = 1000

// requestV2 is an inference request. Its data are not read yet: they are where
// the text has a value from byte data on.
type requestV2 struct {
	id      string
	inputs  int // how many came; the fields below are the last one's
	name    string
	shape   []int
	kind    string
	data    int
	length  int // of the data's text; 0 if there is none
	outputs []string
}

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
	r.name, r.shape, r.kind, r.length = "", nil, "", 0
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
		default:
			s.skip()
		}
	})
}

func (r *requestV2) output(s *scanner) {
	name := ""
	s.object(func(key string) {
		if key == "name" {
			name = s.str()
		} else {
			s.skip()
		}
	})
	if slices.Contains(r.outputs, name) {
		s.fail("a second output %.100q, want each once", name)
	} else if r.outputs = append(r.outputs, name); len(r.outputs) > maxOutputs {
		s.fail("more than %d outputs", maxOutputs)
	}
}

// maxOutputs bounds the outputs that a request names.
const maxOutputs = 16

// otherOutput is an output that a request names and a model has not, "" for none.
func (r *requestV2) otherOutput(m *model) (name string, found bool) {
	for _, name := range r.outputs {
		if !slices.Contains(m.outputs(), name) {
			return name, true
		}
	}
	return "", false
}

// check tells whether the request is one for the model, before its data are
// read. It returns the number of images.
func (r *requestV2) check(m *model, most int) (n int, err error) {
	want := []int{0, m.input[0], m.input[1], m.input[2]}
	output, other := r.otherOutput(m)
	switch {
	case r.inputs != 1:
		return 0, wrongInput("%d inputs, want one, named %s", r.inputs, inputName)
	case r.name != inputName:
		return 0, wrongInput("input %.100q, want %q", r.name, inputName)
	case other:
		return 0, wrongInput("output %.100q, want %s", output, quoted(m.outputs()))
	case r.kind != datatype:
		return 0, wrongInput("datatype %.100q, want %s", r.kind, datatype)
	case len(r.shape) != 4 || !slices.Equal(r.shape[1:], want[1:]):
		return 0, wrongInput("shape %v, want [n,%d,%d,%d] for n images", r.shape, want[1], want[2], want[3])
	case r.shape[0] < 1:
		return 0, wrongInput("shape %v has no image", r.shape)
	case r.shape[0] > most:
		return 0, tooLarge("%d images in a request, want at most %d", r.shape[0], most)
	case r.length == 0:
		return 0, wrongInput("input %s has no data", inputName)
	}
	return r.shape[0], nil
}

// imagesV2 reads the data: numbers in one array, or nested as the shape says.
func (c *call) imagesV2(body []byte, r requestV2) ([][]float32, error) {
	n, err := r.check(c.model, c.server.config.Queue)
	if err != nil {
		return nil, err
	}
	values := c.model.values()
	if n*values > r.length/2 { // every number has a digit and a comma or bracket
		return nil, wrongInput("data have less than the %d values of shape %v", n*values, r.shape)
	}
	if err := c.take(int64(n*values) * 4); err != nil {
		return nil, err
	}
	s := &scanner{text: body[:r.data+r.length], pos: r.data}
	dims := r.shape
	if !nested(s.text[r.data:]) {
		dims = []int{n * values}
	}
	x := s.pixels(make([]float32, 0, n*values), dims...)
	if err := s.end(); err != nil {
		return nil, wrongInput("data: %v", err)
	}
	return slices.Collect(slices.Chunk(x, values)), nil
}

// nested tells whether an array's text has an array as its first element.
func nested(text []byte) bool {
	s := &scanner{text: text}
	return s.accept('[') && s.next() == '['
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

// answer writes an inference response: with the outputs that the request names, or
// with the probabilities alone.
func (r requestV2) answer(m *model, predictions []infer.Prediction) []byte {
	b := make([]byte, 0, 256+12*len(predictions)*len(m.classes))
	b = append(b, `{"model_name":`...)
	b = appendJSON(b, m.name)
	b = append(b, `,"model_version":`...)
	b = appendJSON(b, m.version)
	if r.id != "" {
		b = append(b, `,"id":`...)
		b = appendJSON(b, r.id)
	}
	names := r.outputs
	if len(names) == 0 {
		names = []string{outputName}
	}
	b = append(b, `,"outputs":[`...)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOutput(b, name, len(m.classes), predictions)
	}
	return append(b, "]}\n"...)
}

// appendOutput writes one output of a response.
func appendOutput(b []byte, name string, classes int, predictions []infer.Prediction) []byte {
	b = append(b, `{"name":"`+name+`","shape":[`...)
	b = strconv.AppendInt(b, int64(len(predictions)), 10)
	kind, value := datatype, func(b []byte, p infer.Prediction) []byte { return appendFloats(b, p.Probabilities) }
	switch name {
	case unknownName:
		kind, value = "BOOL", func(b []byte, p infer.Prediction) []byte { return strconv.AppendBool(b, p.Unknown) }
	case scoreName:
		kind, value = "FP64", func(b []byte, p infer.Prediction) []byte { return appendJSON(b, p.Score) }
	default:
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(classes), 10)
	}
	b = append(b, `],"datatype":"`+kind+`","data":[`...)
	for i, p := range predictions {
		if i > 0 {
			b = append(b, ',')
		}
		b = value(b, p)
	}
	return append(b, "]}"...)
}

func appendJSON(b []byte, v any) []byte {
	text := mustMarshal(v)
	return append(b, text[:len(text)-1]...) // without the newline
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
