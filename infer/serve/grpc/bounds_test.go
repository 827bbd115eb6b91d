package grpc

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// TestToken: without the token there is only whether the server lives and is ready,
// and no message of a stranger's is read.
func TestToken(t *testing.T) {
	s := start(t, func(c *serve.Config) { c.Token = "secret" })
	c := client(t, s.grpc)
	if _, err := c.ServerLive(t.Context(), &inference.ServerLiveRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := c.ServerReady(t.Context(), &inference.ServerReadyRequest{}); err != nil {
		t.Error(err)
	}
	r := requestFor("FP32", 1)
	r.RawInputContents = [][]byte{make([]byte, 4*784)}
	for token, ok := range map[string]bool{"": false, "Bearer other": false, "secret": false, "Bearer secret": true, "bearer secret": true} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", token)
		_, err := c.ModelInfer(ctx, r)
		if ok && err != nil {
			t.Errorf("token %q: %v", token, err)
		}
		if !ok {
			wantStatus(t, err, codes.Unauthenticated, "want the header Authorization: Bearer and the server's token")
		}
		if _, err := c.ServerMetadata(ctx, &inference.ServerMetadataRequest{}); (err == nil) != ok {
			t.Errorf("token %q: metadata with error %v", token, err)
		}
	}
}

// TestDeadlines: a client's deadline and the server's end a request, with the code that
// says so.
func TestDeadlines(t *testing.T) {
	s := start(t, func(c *serve.Config) { c.Wait, c.Timeout = time.Hour, time.Second })
	c := client(t, s.grpc)
	r := requestFor("FP32", 1)
	r.RawInputContents = [][]byte{make([]byte, 4*784)}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := c.ModelInfer(ctx, r)
	wantStatus(t, err, codes.DeadlineExceeded, "")
	_, err = c.ModelInfer(t.Context(), r)
	wantStatus(t, err, codes.DeadlineExceeded, "no answer within the time allowed")
	canceled, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	_, err = c.ModelInfer(canceled, r)
	wantStatus(t, err, codes.Canceled, "")
	s.settled(t)
}

// settled waits until no request holds memory.
func (s *server) settled(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); s.Held() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are held after all requests", s.Held())
		}
	}
}

// TestQueue: a full queue is Unavailable, which clients may try again.
func TestQueue(t *testing.T) {
	s := start(t, func(c *serve.Config) { c.Queue, c.Batch, c.Wait, c.Timeout = 2, 4, time.Hour, time.Second })
	c := client(t, s.grpc)
	r := requestFor("FP32", 2)
	r.RawInputContents = [][]byte{make([]byte, 2*4*784)}
	var clients sync.WaitGroup
	counts := map[codes.Code]int{}
	var mu sync.Mutex
	for range 20 {
		clients.Go(func() {
			_, err := c.ModelInfer(t.Context(), r)
			mu.Lock()
			defer mu.Unlock()
			counts[codeIn(err)]++
		})
	}
	clients.Wait()
	if counts[codes.Unavailable] == 0 || counts[codes.Unavailable]+counts[codes.DeadlineExceeded]+counts[codes.OK] != 20 {
		t.Errorf("codes %v, want Unavailable among them, and else answers and DeadlineExceeded", counts)
	}
	s.settled(t)
}

// TestMessageMemory: what a message would unpack to is counted before it is unpacked,
// and what comes before it is whole.
func TestMessageMemory(t *testing.T) {
	s := start(t, func(c *serve.Config) { c.Memory = 4 << 20; c.Body = 1 << 30 })
	message := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "cnn")
	for range 100000 { // each an input without anything: 2 bytes that unpack to hundreds
		message = append(message, 5<<3|2, 0)
	}
	if w := post(t, s.grpc, bytes.NewReader(framed(message))); w != "8" {
		t.Errorf("200 KB that unpack to more than there is: code %s, want 8, ResourceExhausted", w)
	}
	if w := post(t, s.grpc, io.MultiReader(bytes.NewReader([]byte{0, 0x3f, 0xff, 0xff, 0xff}), zeroes{})); w != "8" {
		t.Errorf("a message that does not end: code %s, want 8, ResourceExhausted", w)
	}
	s.settled(t)
}

// zeroes never end.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// framed is a message as gRPC sends it.
func framed(message []byte) []byte {
	n := len(message)
	return append([]byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, message...)
}

// post sends ModelInfer by hand and returns the status.
func post(t *testing.T, addr string, body io.Reader) (code string) {
	t.Helper()
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	c := &http.Client{Transport: &http.Transport{Protocols: p}}
	defer c.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+inference.GRPCInferenceService_ModelInfer_FullMethodName, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc")
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	if code = answer.Trailer.Get("Grpc-Status"); code == "" {
		code = answer.Header.Get("Grpc-Status")
	}
	return code
}

// TestSlowMessage: a message that does not come ends with DeadlineExceeded, and broken
// ones with InvalidArgument.
func TestSlowMessage(t *testing.T) {
	s := start(t, func(c *serve.Config) { c.Read = 300 * time.Millisecond })
	slow, w := io.Pipe()
	defer w.Close()
	go w.Write([]byte{0, 0, 0, 1, 0, 'x'})
	if code := post(t, s.grpc, slow); code != "4" {
		t.Errorf("a slow message: code %s, want 4, DeadlineExceeded", code)
	}
	for _, body := range [][]byte{framed([]byte{0xff}), framed(bytes.Repeat([]byte{5<<3 | 3}, 1000)), framed([]byte{1<<3 | 2, 1, 0xff}),
		{0, 0, 0}, {1, 0, 0, 0, 1, 0}, slices.Concat(framed(nil), framed(nil))} {
		if code := post(t, s.grpc, bytes.NewReader(body)); code != "3" {
			t.Errorf("%x: code %s, want 3, InvalidArgument", body[:min(len(body), 20)], code)
		}
	}
	s.settled(t)
}

// TestPings: a client that sends pings and does not read the answers is hung up on.
func TestPings(t *testing.T) {
	s := start(t, func(*serve.Config) {})
	c, err := net.Dial("tcp", s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil { // with empty SETTINGS
		t.Fatal(err)
	}
	pings := bytes.Repeat([]byte("\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"), 1000)
	for n := 0; err == nil; n++ {
		if n == 10000 {
			t.Fatal("ten million pings were taken")
		}
		_, err = c.Write(pings)
	}
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("%v, want the end of the connection", err)
	}
}

// TestShutdown: a request under way is answered, then nobody is accepted.
func TestShutdown(t *testing.T) {
	s := start(t, func(c *serve.Config) { c.Wait = 500 * time.Millisecond })
	c := client(t, s.grpc)
	r := requestFor("FP32", 1)
	r.RawInputContents = [][]byte{make([]byte, 4*784)}
	done := make(chan error, 1)
	go func() {
		_, err := c.ModelInfer(t.Context(), r)
		done <- err
	}()
	for s.Held() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := s.end(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	if c, err := net.Dial("tcp", s.grpc); err == nil {
		c.Close()
		t.Error("a connection after the end")
	}
}
