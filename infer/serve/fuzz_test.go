package serve

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// sound checks an answer: nothing is the server's fault, and JSON is JSON.
func sound(t *testing.T, s *Server, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 || w.Code < 200 {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	if w.Header().Get("Content-Type") == "application/json" && w.Header().Get("Content-Encoding") == "" && !json.Valid(w.Body.Bytes()) {
		t.Errorf("status %d, %q, want JSON", w.Code, w.Body)
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Fatalf("keeps %d bytes", s.config.Memory-free)
	}
}

// FuzzBinary sends a text in JSON and bytes behind it, as binary tensors have them: no
// sizes, datatypes and bytes are the server's fault.
func FuzzBinary(f *testing.F) {
	for datatype, kind := range datatypes {
		n := kind.size * 784
		f.Add(headV2(datatype, []int{1, 1, 28, 28}, n, ""), make([]byte, n), 0)
	}
	picture := lengths(pngFile(f, drawing()))
	f.Add(headV2(bytesType, []int{1}, len(picture), `"parameters":{"binary_data_output":true},`), picture, 0)
	f.Add(headV2(bytesType, []int{2, 1}, 8, ""), make([]byte, 8), 0)
	f.Add(headV2("FP32", []int{1, 1, 28, 28}, 4, ""), []byte{1, 2, 3, 4}, -3)
	s := start(f, func(c *Config) { c.Model = filepath.Join(folder(f), "cnn"); c.Memory = 1 << 22 })
	f.Fuzz(func(t *testing.T, head string, data []byte, more int) {
		length := fmt.Sprint(len(head) + more)
		sound(t, s, askBinary(t, s, head, data, headerLength, length))
	})
}

// FuzzRequest sends requests as they come over a wire, with whatever line and headers.
func FuzzRequest(f *testing.F) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(bodyV2(make([]float32, 784))))
	z.Close()
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", packed.Len(), packed.Bytes())
	form, contentType := form(f, pngFile(f, drawing()))
	for _, text := range []string{
		"POST /v2/models/cnn/infer HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nAccept-Encoding: gzip;q=0.5, deflate\r\n\r\n" + chunked,
		"POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: " + contentType + "\r\nTraceparent: 00-" + exampleTrace + "-" + exampleParent + "-01\r\nContent-Length: " + fmt.Sprint(len(form)) + "\r\n\r\n" + string(form),
		"POST /explain?class=3&method=x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"POST /v1/models/cnn:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nExpect: 100-continue\r\n\r\n{\"instances\":[{\"b64\":\"AAAA\"}]}",
		"POST /v2/models/cnn/versions/1/infer HTTP/1.0\r\n" + headerLength + ": 2\r\nContent-Encoding: deflate\r\nContent-Length: 4\r\n\r\n\x78\x9c\x03\x00",
		"GET /metrics HTTP/1.1\r\nHost: [::1]:80\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
		"GET /v2/models/cnn%2f/ready HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nRange: bytes=0-9\r\nIf-None-Match: *\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Tue, 01 Dec 2026 00:00:00 GMT\r\nAccept-Encoding: *\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	s := start(f, func(c *Config) { c.Model = filepath.Join(folder(f), "cnn"); c.Memory = 1 << 22 })
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		r.RemoteAddr = "127.0.0.1:1234"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		sound(t, s, w)
	})
}
