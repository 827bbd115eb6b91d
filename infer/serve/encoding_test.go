package serve

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// packedAs packs a body.
func packedAs(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip", "x-gzip", "GZIP":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	default:
		w, _ = flate.NewWriter(&b, 9)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPackedBodies: a packed body is what it unpacks to, for every address.
func TestPackedBodies(t *testing.T) {
	s := start(t, func(*Config) {})
	text, x := bodyV2(pictures(3)...), raw(pictures(1)[0])
	head := headV2("FP32", []int{1, 1, 28, 28}, len(x), "")
	for _, tt := range []struct {
		path    string
		body    []byte
		headers []string
	}{
		{"/v2/models/cnn/infer", []byte(text), nil},
		{"/v2/models/cnn/infer", append([]byte(head), x...), []string{headerLength, strconv.Itoa(len(head))}},
		{"/classify?model=cnn", pngFile(t, drawing()), nil},
	} {
		want := ask(t, s, "POST", tt.path, bytes.NewReader(tt.body), tt.headers...)
		for _, encoding := range []string{"gzip", "GZIP", "x-gzip", "deflate", "deflate, bare"} {
			body := packedAs(t, encoding, tt.body)
			name, _, _ := strings.Cut(encoding, ",")
			got := ask(t, s, "POST", tt.path, bytes.NewReader(body), append(tt.headers, "Content-Encoding", name)...)
			if got.Code != http.StatusOK || got.Body.String() != want.Body.String() {
				t.Errorf("%s, %s: status %d, %.200s\nwant %.200s", tt.path, encoding, got.Code, got.Body, want.Body)
			}
		}
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// TestPackedErrors: bodies that are not packed as they say, or unpack to too much.
func TestPackedErrors(t *testing.T) {
	s := start(t, func(c *Config) { c.Body = 1 << 20 })
	good := packedAs(t, "gzip", []byte(bodyV2(pictures(1)...)))
	broken := bytes.Clone(good)
	broken[len(broken)-5] ^= 1
	bomb := packedAs(t, "gzip", make([]byte, 50<<20))
	tests := []struct {
		name, encoding string
		body           []byte
		status         int
		want           string
	}{
		{"unknown", "br", good, 415, `content encoding "br", want none or one of gzip, deflate`},
		{"two", "gzip, gzip", good, 415, "content encoding"},
		{"not packed", "gzip", []byte("{}"), 400, "the body is not gzip, or broken"},
		{"empty", "gzip", nil, 400, "the body is not gzip, or broken: EOF"},
		{"empty", "deflate", nil, 400, "the body is not deflate, or broken"},
		{"not packed", "deflate", []byte("hello world"), 400, "the body is not deflate, or broken"},
		{"cut", "gzip", good[:len(good)/2], 400, "the body is not gzip, or broken"},
		{"broken", "gzip", broken, 400, "invalid checksum"},
		{"bomb", "gzip", bomb, 413, "the body has more than 1048576 bytes, unpacked"},
		{"bomb", "deflate", packedAs(t, "deflate", make([]byte, 50<<20)), 413, "the body has more than 1048576 bytes, unpacked"},
		{"too large, packed", "gzip", make([]byte, 2<<20), 413, "want at most 1048576"},
	}
	for _, tt := range tests {
		t.Run(tt.encoding+" "+tt.name, func(t *testing.T) {
			w := ask(t, s, "POST", "/v2/models/cnn/infer", bytes.NewReader(tt.body), "Content-Encoding", tt.encoding)
			wantFailure(t, w, tt.status, tt.want)
		})
	}
	w := ask(t, s, "POST", "/v2/models/cnn/infer", bytes.NewReader(good), "Content-Encoding", "br")
	if w.Header().Get("Accept-Encoding") != "gzip, deflate" {
		t.Errorf("Accept-Encoding %q of a refusal, want what is taken", w.Header().Get("Accept-Encoding"))
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// TestPackedMemory: what a body unpacks to counts among the memory of requests while
// it comes to be.
func TestPackedMemory(t *testing.T) {
	s := start(t, func(c *Config) { c.Memory = 1 << 20; c.Body = 1 << 30 })
	w := ask(t, s, "POST", "/v2/models/cnn/infer", bytes.NewReader(packedAs(t, "gzip", make([]byte, 50<<20))), "Content-Encoding", "gzip")
	wantFailure(t, w, http.StatusRequestEntityTooLarge, "the server has 1048576 for all requests")
}

// TestPackedAnswers: long answers are packed for who takes them so; others are not.
func TestPackedAnswers(t *testing.T) {
	s := start(t, func(*Config) {})
	long, short := bodyV2(pictures(100)...), bodyV2(pictures(1)...)
	want := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(long)).Body.String()
	if len(want) < packable {
		t.Fatalf("the long answer has %d bytes", len(want))
	}
	for accept, encoding := range map[string]string{
		"": "", "gzip": "gzip", "br, gzip;q=0.5": "gzip", "deflate": "deflate", "gzip;q=0, deflate": "deflate", "*": "gzip", "identity": "", "gzip;q=0": "", "gzip;q=x": "",
	} {
		w := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(long), "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding"); got != encoding || w.Header().Get("Vary") != "Accept-Encoding" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("Accept-Encoding %q: header %v, want encoding %q", accept, w.Header(), encoding)
		}
		if got := unpack(t, w); got != want {
			t.Errorf("Accept-Encoding %q: %.200s, want %.200s", accept, got, want)
		}
		if w := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(short), "Accept-Encoding", accept); w.Header().Get("Content-Encoding") != "" {
			t.Errorf("a short answer has the encoding %q", w.Header().Get("Content-Encoding"))
		}
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

func unpack(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var r io.Reader = w.Body
	var err error
	switch w.Header().Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPackerMemory holds what packing and unpacking are counted as.
func TestPackerMemory(t *testing.T) {
	body := []byte(strings.Repeat("tapenet ", 100))
	packed := packedAs(t, "gzip", body)
	tests := []struct {
		name string
		most int64
		f    func()
	}{
		{"inflate", inflateBytes, func() {
			r, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Error(err)
			}
			io.Copy(io.Discard, r)
		}},
		{"deflate", deflateBytes, func() {
			w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
			w.Write(body)
			w.Close()
		}},
	}
	for _, tt := range tests {
		got := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				tt.f()
			}
		}).AllocedBytesPerOp()
		if got > tt.most || got < tt.most/8 {
			t.Errorf("%s allocates %d bytes, counted as %d", tt.name, got, tt.most)
		}
	}
}
