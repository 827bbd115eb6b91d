package guard

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func addr(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 8080} }

// TestHost: at a loopback address there are numbers, localhost and the origins'; elsewhere any name leads here.
func TestHost(t *testing.T) {
	for _, tt := range []struct {
		listener string
		host     string
		ok       bool
	}{
		{"127.0.0.1", "127.0.0.1:8080", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "[::1]:8080", true},
		{"127.0.0.1", "::1", true},
		{"127.0.0.1", "LOCALHOST:8080", true},
		{"127.0.0.1", "localhost.", true},
		{"127.0.0.1", "app.example", true},
		{"127.0.0.1", "", true},
		{"127.0.0.1", "evil.example", false},
		{"127.0.0.1", "evil.example:8080", false},
		{"127.0.0.1", "127.0.0.1.evil.example:8080", false},
		{"127.0.0.1", "localhost.evil.example", false},
		{"::1", "evil.example", false},
		{"0.0.0.0", "evil.example", true},
		{"192.0.2.1", "model.internal:8080", true},
	} {
		g, err := New(Names(addr(tt.listener)), []string{"https://app.example"})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = tt.host
		err = g.Check(r)
		if (err == nil) != tt.ok || err != nil && (!errors.Is(err, ErrHost) || Status(err) != http.StatusMisdirectedRequest) {
			t.Errorf("at %s the host %q: got error %v, want one: %t", tt.listener, tt.host, err, !tt.ok)
		}
	}
}

// TestOrigin: what a browser sends for a page of another site is refused, and for one
// that was given not; clients that are no browsers do not say.
func TestOrigin(t *testing.T) {
	g, err := New(Names(addr("127.0.0.1")), []string{"https://app.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method  string
		headers map[string]string
		ok      bool
	}{
		{"POST", nil, true},
		{"POST", map[string]string{"Origin": "http://127.0.0.1:8080"}, true},
		{"POST", map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		{"POST", map[string]string{"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, true},
		{"GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, true}, // a link to the page
		{"POST", map[string]string{"Origin": "https://evil.example"}, false},
		{"POST", map[string]string{"Origin": "http://app.example"}, false},
		{"POST", map[string]string{"Origin": "null"}, false},
		{"POST", map[string]string{"Origin": "http://127.0.0.1:9999"}, false},
		{"POST", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"POST", map[string]string{"Sec-Fetch-Site": "same-site"}, false},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		r.Host = "127.0.0.1:8080"
		for k, v := range tt.headers {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if want := map[bool]int{true: 200, false: 403}[tt.ok]; w.Code != want {
			t.Errorf("%s with %v: status %d, want %d", tt.method, tt.headers, w.Code, want)
		}
	}
}

// TestShare: a page of a given origin reads the answers, and may ask whether it may send
// a request; others get no header.
func TestShare(t *testing.T) {
	g, err := New(Names(addr("127.0.0.1")), []string{"https://app.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, origin  string
		question, given bool
	}{
		{"OPTIONS", "https://app.example", true, true},
		{"POST", "https://app.example", false, true},
		{"OPTIONS", "https://evil.example", false, false},
		{"POST", "", false, false},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		h := http.Header{}
		question := g.Share(h, r)
		got := h.Get("Access-Control-Allow-Origin")
		if question != tt.question || (got == tt.origin && got != "") != tt.given || !tt.given && len(h) > 0 {
			t.Errorf("%s of %q: a question %t, headers %v; want %t and headers: %t", tt.method, tt.origin, question, h, tt.question, tt.given)
		}
		if question && h.Get("Access-Control-Allow-Headers") != "authorization,content-type" {
			t.Errorf("allowed headers %q", h.Get("Access-Control-Allow-Headers"))
		}
	}
}

func TestNewErrors(t *testing.T) {
	for _, origin := range []string{"example.com", "https://example.com/", "https://example.com/page", "ftp://example.com", "*", "null", "https://"} {
		if _, err := New(Names(addr("127.0.0.1")), []string{origin}); err == nil {
			t.Errorf("the origin %q: no error", origin)
		}
	}
}

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	g, err := New(Names(l.Addr()), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("GET", "http://evil.example/", nil)
	fmt.Println(g.Check(r))
	// Output: a request for the host "evil.example", want this server's address or name
}
