package serve

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"strconv"
	"testing"
)

// BenchmarkParse has a request of 32 images of 3×224×224 read to where its images
// are ready for the network: in JSON, and as bytes. Its time is that of the one
// request; the body comes from memory.
func BenchmarkParse(b *testing.B) {
	const n, values = 32, 3 * 224 * 224
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n*values)
	for i := range x {
		x[i] = float32(r.IntN(256)) / 255
	}
	shape := []int{n, 3, 224, 224}
	text, err := json.Marshal(map[string]any{"id": "7", "inputs": []any{map[string]any{"name": "input", "shape": shape, "datatype": "FP32", "data": x}}})
	if err != nil {
		b.Fatal(err)
	}
	data := raw(x)
	head := headV2("FP32", shape, len(data), "")
	s := start(b, func(c *Config) { c.Body = 1 << 30; c.Memory = 4 << 30 })
	for _, bb := range []struct {
		name, header string
		body         []byte
	}{{"json", "", text}, {"binary", strconv.Itoa(len(head)), append([]byte(head), data...)}} {
		b.Run(bb.name, func(b *testing.B) {
			m := &model{input: [3]int{3, 224, 224}}
			b.SetBytes(int64(len(data)))
			for range b.N {
				images := parsed(b, s, m, bb.body, bb.header)
				if len(images) != n || images[n-1][values-1] != x[n*values-1] {
					b.Fatal("other images")
				}
				m.reuse(images) // as after a prediction
			}
		})
	}
}

// parsed reads the images of a request.
func parsed(b *testing.B, s *Server, m *model, body []byte, header string) [][]float32 {
	b.Helper()
	r := httptest.NewRequest("POST", "/v2/models/x/infer", bytes.NewReader(body))
	if header != "" {
		r.Header.Set(headerLength, header)
	}
	c := &call{Request: r, Call: s.Call(Origin{}), w: httptest.NewRecorder()}
	c.model = m
	c.model.users.Add(1)
	defer c.release()
	text, rest, err := c.textV2()
	if err != nil {
		b.Fatal(err)
	}
	v2, err := parseV2(text)
	if err != nil {
		b.Fatal(err)
	}
	request, err := v2.request(c, text, rest)
	if err != nil {
		b.Fatal(err)
	}
	images, err := c.images(b.Context(), request.Inputs[0], request.Inputs[0].Shape[0])
	if err != nil {
		b.Fatal(err)
	}
	return images
}
