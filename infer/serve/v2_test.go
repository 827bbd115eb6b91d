package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// protocol reads the protocol's OpenAPI file, open_inference_rest.yaml of
// kserve/open-inference-protocol. It is not ours to copy: it lies
// beside the clone, or where TAPENET_OPEN_INFERENCE says.
func protocol(t *testing.T) routers.Router {
	t.Helper()
	file := os.Getenv("TAPENET_OPEN_INFERENCE")
	if file == "" {
		for _, f := range []string{"../../../shared/spec/open_inference_rest.yaml", "../../../../shared/spec/open_inference_rest.yaml"} {
			if _, err := os.Stat(f); err == nil {
				file = f
			}
		}
	}
	if file == "" {
		t.Skip("needs open_inference_rest.yaml of the Open Inference Protocol in ../shared/spec, or its path in TAPENET_OPEN_INFERENCE")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(bytes.ReplaceAll(text, []byte("${"), []byte("{")))
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// conforms sends a request and validates it and its answer.
func conforms(t *testing.T, spec routers.Router, s *Server, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	route, params, err := spec.FindRoute(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
		t.Fatalf("request to %s: %v", path, err)
	}
	w := ask(t, s, method, path, strings.NewReader(body), "Content-Type", "application/json")
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateResponse(t.Context(), out.SetBodyBytes(w.Body.Bytes())); err != nil {
		t.Errorf("%s: status %d, %s: %v", path, w.Code, w.Body, err)
	}
	return w
}

// TestProtocol holds the answers against the protocol's own description.
func TestProtocol(t *testing.T) {
	spec, s := protocol(t), start(t, func(*Config) {})
	x := pictures(2)
	for _, path := range []string{
		"/v2/", "/v2/health/live", "/v2/health/ready", "/v2/models/cnn/versions/1", "/v2/models/lenet5/versions/10", "/v2/models/lenet5/versions/2/ready",
	} {
		if w := conforms(t, spec, s, "GET", path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: status %d, want 200", path, w.Code)
		}
	}
	for _, body := range []string{
		bodyV2(x[0]), bodyV2(x...),
		strings.Replace(bodyV2(x...), `{"id":"42",`, `{"outputs":[{"name":"output","parameters":{"k":1}}],"parameters":{"a":[1,{"b":null}]},`, 1),
	} {
		if w := conforms(t, spec, s, "POST", "/v2/models/lenet5/versions/2/infer", body); w.Code != http.StatusOK {
			t.Errorf("status %d with %s, want 200", w.Code, w.Body)
		}
	}
	if w := conforms(t, spec, s, "POST", "/v2/models/cnn/versions/1/infer", `{"inputs":[]}`); w.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400", w.Code)
	}
}

// TestMetadata: what a model is, of the version asked for or the newest.
func TestMetadata(t *testing.T) {
	s := start(t, func(*Config) {})
	tests := []struct{ path, want string }{
		{"/v2/health/live", `{"live":true}`},
		{"/v2/health/ready", `{"ready":true}`},
		{"/v2/models/cnn/ready", `{"name":"cnn","ready":true}`},
		{"/v2/models/lenet5", `{"name":"lenet5","versions":["2","10"],"platform":"tapenet_gorgonia",` +
			`"inputs":[{"name":"input","datatype":"FP32","shape":[-1,1,28,28]}],"outputs":[{"name":"output","datatype":"FP32","shape":[-1,10]}],` +
			`"properties":{"classes":"[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]","input":"` + inputText + `"}}`},
		{"/v1/models/lenet5/versions/2", `{"model_version_status":[{"version":"2","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}`},
		{"/v1/models/cnn", `{"model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}`},
	}
	for _, tt := range tests {
		w := ask(t, s, "GET", tt.path, nil)
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != tt.want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: status %d, %s\nwant %s", tt.path, w.Code, got, tt.want)
		}
	}
	var v struct{ Name, Version string }
	if err := json.Unmarshal(ask(t, s, "GET", "/v2", nil).Body.Bytes(), &v); err != nil || v.Name != "tapenet" || v.Version == "" {
		t.Errorf("server metadata %+v (%v)", v, err)
	}
}

// TestInfer: the answers are those of Predict, for any number of images, in
// every form of the request.
func TestInfer(t *testing.T) {
	dir := folder(t)
	s := start(t, func(c *Config) { c.Models = dir })
	x := pictures(70)
	for _, tt := range []struct{ path, model, version string }{
		{"/v2/models/cnn/infer", "cnn", "1"}, {"/v2/models/lenet5/infer", "lenet5/10", "10"}, {"/v2/models/lenet5/versions/2/infer", "lenet5/2", "2"},
	} {
		for _, n := range []int{1, 3, 70} {
			want := predictions(t, filepath.Join(dir, tt.model), x[:n]...)
			w := ask(t, s, "POST", tt.path, strings.NewReader(bodyV2(x[:n]...)))
			var a answerV2
			strict(t, w.Body.Bytes(), &a)
			if a.Model != strings.Split(tt.model, "/")[0] || a.Version != tt.version || a.ID != "42" || len(a.Outputs) != 1 {
				t.Fatalf("%s: answer %s", tt.path, w.Body)
			}
			o := a.Outputs[0]
			if o.Name != "output" || o.Datatype != "FP32" || !slices.Equal(o.Shape, []int{n, 10}) || len(o.Data) != 10*n {
				t.Fatalf("%s: output %+v", tt.path, o)
			}
			for i := range n {
				if err := near(o.Data[10*i:][:10], want[i]); err != nil {
					t.Errorf("%s, image %d of %d: %v", tt.path, i, n, err)
				}
			}
		}
	}
}

// TestInferNested: data may be nested as the shape says.
func TestInferNested(t *testing.T) {
	s := start(t, func(*Config) {})
	x := pictures(2)
	var images []any
	for _, image := range x {
		images = append(images, []any{slices.Collect(slices.Chunk(image, 28))})
	}
	data, err := json.Marshal(images)
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"inputs":[{"data":%s,"datatype":"FP32","shape":[2,1,28,28],"name":"input"}],"id":"42"}`, data)
	flat, nested := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(bodyV2(x...))), ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(body))
	if nested.Code != http.StatusOK || nested.Body.String() != flat.Body.String() {
		t.Errorf("nested: %s\nflat: %s", nested.Body, flat.Body)
	}
}

// TestInferErrors: bad input gets a message that helps.
func TestInferErrors(t *testing.T) {
	s := start(t, func(c *Config) { c.Queue = 4; c.Body = 1 << 16 })
	good := bodyV2(pictures(1)...)
	with := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the request", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	zeros := func(n int) string { return "[" + strings.Repeat("0,", n-1) + "0]" }
	request := func(shape, data string) string {
		return `{"inputs":[{"name":"input","shape":` + shape + `,"datatype":"FP32","data":` + data + `}]}`
	}
	tests := []struct {
		name, body string
		status     int
		want       string
	}{
		{"empty", "", 400, "the body is not an inference request in JSON: byte 0: the end of the text, want an object"},
		{"text", "hello", 400, "'h', want an object"},
		{"array", "[]", 400, "an array, want an object"},
		{"two values", good + "{}", 400, "want the end of the text"},
		{"cut", good[:len(good)-1], 400, "the end of the text"},
		{"no inputs", "{}", 400, "0 inputs, want one, named input"},
		{"inputs is null", `{"inputs":null}`, 400, "null, want an array"},
		{"input is null", `{"inputs":[null]}`, 400, "null, want an object"},
		{"two inputs", with(`"inputs":[`, `"inputs":[{"name":"mask"},`), 400, "2 inputs, want one, named input"},
		{"other input", with(`"name":"input"`, `"name":"x"`), 400, `input "x", want "input"`},
		{"no name", with(`"name":"input",`, ``), 400, `input "", want "input"`},
		{"number for a name", with(`"name":"input"`, `"name":1`), 400, "a number, want a string"},
		{"number for an id", with(`"id":"42"`, `"id":42`), 400, "a number, want a string"},
		{"long id", with(`"42"`, `"`+strings.Repeat("4", 1001)+`"`), 400, "an id of more than 1000 bytes"},
		{"other output", with(`{"id"`, `{"outputs":[{"name":"logits"}],"id"`), 400, `output "logits", want "output"`},
		{"two outputs", with(`{"id"`, `{"outputs":[{"name":"output"},{"name":"output"}],"id"`), 400, "a second output"},
		{"other datatype", with(`"FP32"`, `"COMPLEX64"`), 400, `datatype "COMPLEX64", want FP32, BF16, BOOL, FP16,`},
		{"fraction in integers", with(`"FP32"`, `"INT32"`), 400, "is not of datatype INT32"},
		{"number for a boolean", with(`"FP32"`, `"BOOL"`), 400, "a number, want a boolean"},
		{"too large for a byte", strings.Replace(request("[1,1,28,28]", strings.Replace(zeros(784), "0", "256", 1)), "FP32", "UINT8", 1), 400, "256 is not of datatype UINT8"},
		{"too small for a byte", strings.Replace(request("[1,1,28,28]", strings.Replace(zeros(784), "0", "-1", 1)), "FP32", "UINT8", 1), 400, "-1 is not of datatype UINT8"},
		{"pictures' shape", `{"inputs":[{"name":"input","shape":[1,2],"datatype":"BYTES","data":["",""]}]}`, 400, "shape [1 2], want [n] or [n,1] for n pictures"},
		{"not base64", `{"inputs":[{"name":"input","shape":[1],"datatype":"BYTES","data":["%"]}]}`, 400, "a string that is not base64"},
		{"not a picture", `{"inputs":[{"name":"input","shape":[1],"datatype":"BYTES","data":["AAAA"]}]}`, 400, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"nested pictures", `{"inputs":[{"name":"input","shape":[1],"datatype":"BYTES","data":[["AAAA"]]}]}`, 400, "an array, want a string"},
		{"no classes", with(`{"id"`, `{"outputs":[{"name":"output","parameters":{"classification":0}}],"id"`), 400, "classification 0, want the number of classes"},
		{"classes in words", with(`{"id"`, `{"outputs":[{"name":"output","parameters":{"classification":"all"}}],"id"`), 400, "a string, want a number"},
		{"binary data without header", with(`"data":`, `"parameters":{"binary_data_size":3136},"x":`), 400, "want the header Inference-Header-Content-Length too"},
		{"binary data and data", with(`"data":`, `"parameters":{"binary_data_size":3136},"data":`), 400, "has data and binary_data_size, want one of them"},
		{"no datatype", with(`"datatype":"FP32",`, ``), 400, `datatype "", want FP32`},
		{"no shape", with(`"shape":[1,1,28,28]`, `"x":1`), 400, "shape [], want [n,1,28,28] for n images"},
		{"channels last", with(`[1,1,28,28]`, `[1,28,28,1]`), 400, "shape [1 28 28 1], want [n,1,28,28]"},
		{"flat shape", with(`[1,1,28,28]`, `[1,784]`), 400, "want [n,1,28,28]"},
		{"no image", request("[0,1,28,28]", "[]"), 400, "shape [0 1 28 28] has no image"},
		{"negative shape", with(`[1,1,28,28]`, `[-1,1,28,28]`), 400, "-1 in a shape, want an integer from 0"},
		{"fraction in a shape", with(`[1,1,28,28]`, `[1.5,1,28,28]`), 400, "1.5 in a shape"},
		{"huge shape", with(`[1,1,28,28]`, `[99999999999999999999,1,28,28]`), 400, "in a shape, want an integer"},
		{"string for a shape", with(`[1,1,28,28]`, `"1,1,28,28"`), 400, "a string, want an array"},
		{"long shape", with(`[1,1,28,28]`, zeros(100)), 400, "a shape of more than 32 dimensions"},
		{"too many images", request("[5,1,28,28]", zeros(5*784)), 413, "5 images in a request, want at most 4"},
		{"very many images", request("[2147483647,1,28,28]", "[0]"), 413, "2147483647 images in a request"},
		{"no data", `{"inputs":[{"name":"input","shape":[1,1,28,28],"datatype":"FP32"}]}`, 400, "input input has no data"},
		{"data too short", request("[1,1,28,28]", "[0,1]"), 400, "less than the 784 values of shape [1 1 28 28]"},
		{"one value short", request("[1,1,28,28]", strings.Replace(zeros(783), "0", "0.0", 1)), 400, "783 elements in an array, want dimensions [784]"},
		{"one value too many", request("[1,1,28,28]", zeros(785)), 400, "more than 784 elements in an array"},
		{"data is a string", request("[1,1,28,28]", `"`+strings.Repeat("A", 4000)+`"`), 400, "a string, want an array"},
		{"nested in another way", request("[1,1,28,28]", "["+zeros(784)+"]"), 400, "a number, want an array"},
		{"null pixel", request("[1,1,28,28]", strings.Replace(zeros(784), "0", "null", 1)), 400, "null, want a number"},
		{"NaN", request("[1,1,28,28]", strings.Replace(zeros(784), "0", "NaN", 1)), 400, "'N', want a value"},
		{"string pixel", request("[1,1,28,28]", strings.Replace(zeros(784), "0", `"0"`, 1)), 400, "a string, want a number"},
		{"huge number", request("[1,1,28,28]", strings.Replace(zeros(784), "0", "1e999", 1)), 400, "number 1e999 is too large, want pixels scaled to 0..1"},
		{"large number", request("[1,1,28,28]", strings.Replace(zeros(784), "0", "-3e38", 1)), 400, "number -3e38 is too large"},
		{"duplicate key", with(`{"id":"42"`, `{"id":"42","id":"43"`), 400, `key "id" comes twice`},
		{"duplicate data", with(`"datatype"`, `"data":[1],"datatype"`), 400, `key "data" comes twice`},
		{"duplicate key in what is ignored", with(`{"id"`, `{"parameters":{"a":1,"a":1},"id"`), 400, `key "a" comes twice`},
		{"deep", with(`{"id"`, `{"x":`+strings.Repeat("[", 9999)+`,"id"`), 400, "nested more than 32 deep"},
		{"large body", good + strings.Repeat(" ", 1<<16), 413, "bytes, want at most 65536"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(tt.body)), tt.status, tt.want)
		})
	}
	if w := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(good)); w.Code != http.StatusOK {
		t.Errorf("a good request after them: status %d, %s", w.Code, w.Body)
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// TestNeighbours: an image that overflows does nothing to the others of its
// batch.
func TestNeighbours(t *testing.T) {
	dir := folder(t)
	s := start(t, func(c *Config) { c.Models = dir })
	x := pictures(8)
	huge := slices.Repeat([]float32{3e38}, 784)
	p, err := s.models.acquire("cnn", "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.users.Done()
	all, err := p.predict(append([][]float32{huge}, x[:7]...))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range predictions(t, filepath.Join(dir, "cnn"), x[:7]...) {
		if err := near(all[i+1].Probabilities, want); err != nil {
			t.Errorf("image %d: %v", i, err)
		}
	}
}

// TestPaths: addresses and methods that are not there.
func TestPaths(t *testing.T) {
	s := start(t, func(*Config) {})
	tests := []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/none", 404, "nothing at \"/none\": want /v2"},
		{"POST", "/", 405, "method POST, want GET"},
		{"GET", "/v2/models/", 404, "nothing at"},
		{"GET", "/v2/models/none", 404, `no model "none", want one of cnn, lenet5`},
		{"GET", "/v2/models/cnn/versions/2", 404, `no version "2" of model cnn, want one of 1`},
		{"GET", "/v2/models/lenet5/versions/x/ready", 404, `no version "x" of model lenet5, want one of 2, 10`},
		{"POST", "/v2/models/none/infer", 404, `no model "none"`},
		{"POST", "/v2/models/a%2Fb/infer", 404, `no model "a/b"`},
		{"POST", "/v2/models/../cnn/infer", 400, "has an empty, . or .. part"},
		{"POST", "/v2/models/%2e%2e/infer", 400, "has an empty, . or .. part"},
		{"POST", "/v2/models/cnn%2F..%2F..%2Fetc/infer", 400, "has an empty, . or .. part"},
		{"POST", "/v2/models/..%5c..%5cetc/infer", 404, `no model`},
		{"POST", "/v2/models/cnn%00/infer", 404, `no model "cnn\x00"`},
		{"GET", "//v2", 400, "has an empty, . or .. part"},
		{"POST", "/v2/models//infer", 400, "has an empty"},
		{"GET", "/v2/models/cnn/infer", 405, "method GET, want POST"},
		{"POST", "/v2/models/cnn", 405, "method POST, want GET"},
		{"DELETE", "/v1/models/cnn", 405, "method DELETE, want GET, POST"},
		{"POST", "/v1/models/cnn", 404, "want /v1/models/NAME:predict"},
		{"POST", "/v1/models/cnn:classify", 404, "want /v1/models/NAME:predict"},
		{"POST", "/v1/models/none:predict", 404, `no model "none"`},
		{"POST", "/v1/models/cnn/versions/7:predict", 404, `no version "7" of model cnn`},
		{"POST", "/classify", 400, "which model? want ?model=NAME with one of cnn, lenet5"},
		{"POST", "/classify?model=../cnn", 404, `no model "../cnn"`},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			w := ask(t, s, tt.method, tt.path, nil)
			wantFailure(t, w, tt.status, tt.want)
			if (w.Code == http.StatusMethodNotAllowed) != (w.Header().Get("Allow") != "") {
				t.Errorf("status %d with Allow %q", w.Code, w.Header().Get("Allow"))
			}
		})
	}
}

// FuzzInfer holds that no body makes the server fail.
func FuzzInfer(f *testing.F) {
	good := bodyV2(pictures(1)...)
	f.Add([]byte(good))
	f.Add([]byte(good[:len(good)/2]))
	f.Add([]byte(`{"inputs":[{"name":"input","shape":[1,1,28,28],"datatype":"FP32","data":[[[[0]]]]}],"outputs":[{"name":"output"}]}`))
	f.Add([]byte(`{"instances":[{"input":[[[0]]]}],"signature_name":"serving_default"}`))
	s := start(f, func(*Config) {})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/v2/models/cnn/infer", "/v1/models/cnn:predict"} {
			w := ask(t, s, "POST", path, bytes.NewReader(body))
			if w.Code != 200 && w.Code != 400 && w.Code != 413 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s %q: status %d, %s", path, body, w.Code, w.Body)
			}
		}
		if free := s.memory.Load(); free != s.config.Memory {
			t.Fatalf("%q keeps %d bytes", body, s.config.Memory-free)
		}
	})
}
