package serve

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nestedText is an image's JSON text with the dimensions (1,28,28).
func nestedText(x []float32) string {
	text, err := json.Marshal([]any{slices.Collect(slices.Chunk(x, 28))})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestPredict: TensorFlow Serving's row and column forms, with and without the
// input's name.
func TestPredict(t *testing.T) {
	dir := folder(t)
	s := start(t, func(c *Config) { c.Models = dir })
	x := pictures(2)
	a, b := nestedText(x[0]), nestedText(x[1])
	for _, tt := range []struct{ body, key string }{
		{`{"instances":[` + a + `,` + b + `]}`, "predictions"},
		{`{"signature_name":"serving_default","instances":[{"input":` + a + `},{"input":` + b + `}]}`, "predictions"},
		{`{"inputs":[` + a + `,` + b + `],"signature_name":""}`, "outputs"},
		{`{"inputs":{"input":[` + a + `,` + b + `]}}`, "outputs"},
	} {
		for path, model := range map[string]string{"/v1/models/lenet5:predict": "lenet5/10", "/v1/models/lenet5/versions/2:predict": "lenet5/2"} {
			w := ask(t, s, "POST", path, strings.NewReader(tt.body))
			answer := map[string][][]float32{}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatalf("%s: %v", w.Body, err)
			}
			want := predictions(t, filepath.Join(dir, model), x...)
			if got := answer[tt.key]; len(got) != 2 || len(answer) != 1 || near(got[0], want[0]) != nil || near(got[1], want[1]) != nil {
				t.Errorf("%s: %s, want %v under %s", path, w.Body, want, tt.key)
			}
		}
	}
}

func TestPredictErrors(t *testing.T) {
	s := start(t, func(c *Config) { c.Queue = 2 })
	image := nestedText(pictures(1)[0])
	tests := []struct {
		name, body string
		status     int
		want       string
	}{
		{"empty", "", 400, "not a predict request in JSON for images of 1×28×28: byte 0"},
		{"nothing", "{}", 400, `no images, want {"instances": [image, …]}`},
		{"no instance", `{"instances":[]}`, 400, "no images"},
		{"null", `{"instances":null}`, 400, "null, want an array"},
		{"null image", `{"instances":[null]}`, 400, "null, want an array"},
		{"null pixel", `{"instances":[` + strings.Replace(image, "[[[", "[[[null,", 1) + `]}`, 400, "null, want a number"},
		{"flat image", `{"instances":[[0,0]]}`, 400, "a number, want an array"},
		{"short row", `{"instances":[[[[0,0]]]]}`, 400, "2 elements in an array, want dimensions [28]"},
		{"base64", `{"instances":[{"b64":"AAAA"}]}`, 400, `input "b64", want "input"`},
		{"empty object", `{"instances":[{}]}`, 400, `an object without "input"`},
		{"both", `{"instances":[` + image + `],"inputs":[` + image + `]}`, 400, "both instances and inputs"},
		{"twice", `{"instances":[` + image + `],"instances":[` + image + `]}`, 400, `key "instances" comes twice`},
		{"other signature", `{"signature_name":"train","instances":[` + image + `]}`, 400, `signature "train", want serving_default`},
		{"too many", `{"instances":[` + image + `,` + image + `,` + image + `]}`, 413, "more than 2 images in a request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, ask(t, s, "POST", "/v1/models/cnn:predict", strings.NewReader(tt.body)), tt.status, tt.want)
		})
	}
	if w := ask(t, s, "POST", "/v1/models/cnn:predict", strings.NewReader(`{"instances":[`+image+`]}`)); w.Code != http.StatusOK {
		t.Errorf("a good request after them: status %d, %s", w.Code, w.Body)
	}
}
