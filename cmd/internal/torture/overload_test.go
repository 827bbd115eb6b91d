package torture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapenet/modelzoo/open"
)

// TestTortureStorm has clients that are slow, idle, malformed or too many. A trial is one
// storm. While it lasts the server's health is asked for; after it a request is answered.
func TestTortureStorm(t *testing.T) {
	v := makeVariants(t)
	model := filepath.Join(t.TempDir(), "m")
	put(t, filepath.Join(model, open.ModelFile), v.files[0])
	s := served(t, nil, "-model", model, "-name", "m", "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0")
	goroutines, descriptors := s.metric(t, "go_goroutines"), s.metric(t, "process_open_fds")
	storms := []struct {
		name string
		run  func(t *testing.T, s *server, v *variants, random *rand.Rand, full bool)
	}{
		{"slow headers", slow("POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\nA", time.Second)},
		{"slow bodies", slow("POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{", time.Second)},
		{"large slow bodies", slow("POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 300_000), time.Second)},
		{"idle connections", slow("", time.Second)},
		{"kept connections", slow("GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 5*time.Second)},
		{"malformed requests", malformed},
		{"mutated requests", mutated},
		{"overload", overload},
	}
	full := os.Getenv(Folder) != ""
	Part{
		Name: "storm", Short: len(storms), Full: 100 * len(storms),
		Failure:   "2,000 slow headers, bodies or idle connections; every kind of malformed request; 1,000 mutated requests; four times the requests that the server can answer",
		Guarantee: "health is answered throughout, only documented statuses, at least 80 % of the peak's answers, back to normal within a second, no goroutine or descriptor is left",
	}.Run(t, func(t *testing.T, number int) string {
		storm := storms[number%len(storms)]
		stop := make(chan struct{})
		var probing sync.WaitGroup
		probing.Go(func() { probe(t, s, stop) })
		storm.run(t, s, v, rand.New(rand.NewPCG(uint64(number), 5)), full)
		close(stop)
		probing.Wait()
		after := settles(t, "an answer after the storm", func() bool {
			got, err := overClassify(client, s.url)(t.Context(), v.pictures[0])
			return err == nil && near(got, v.answers[0][0])
		})
		if full && after > time.Second {
			t.Errorf("back to normal after %v, want a second", after)
		}
		client.CloseIdleConnections()
		settles(t, "goroutines and descriptors after the storm", func() bool {
			http.DefaultClient.CloseIdleConnections()
			return s.metric(t, "go_goroutines") < goroutines+20 && s.metric(t, "process_open_fds") < descriptors+20
		})
		return storm.name
	})
	s.stop(t)
}

// probe asks for the server's health until stop is closed, by a connection each. As for
// Kubernetes the server is not healthy when three in a row have no answer: with more
// connections than there are, one that waits may be closed.
func probe(t *testing.T, s *server, stop chan struct{}) {
	const patience = 10 * time.Second // a busy machine's
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	for failures := 0; ; {
		r, err := c.Get(s.url + "/v2/health/ready")
		if err != nil {
			if failures++; failures == 3 {
				t.Errorf("health: %v, the third time", err)
				return
			}
			continue
		}
		failures = 0
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("health: status %d", r.StatusCode)
		}
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// slow opens many connections that begin so and do not go on, waits until the server's
// patience with them is over, and asks beside them.
func slow(begin string, patience time.Duration) func(*testing.T, *server, *variants, *rand.Rand, bool) {
	return func(t *testing.T, s *server, v *variants, random *rand.Rand, full bool) {
		n := 300
		if full {
			n = 2000
		}
		addr := strings.TrimPrefix(s.url, "http://")
		var open []net.Conn
		defer func() {
			for _, c := range open {
				c.Close()
			}
		}()
		for range n {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Errorf("connection %d: %v", len(open), err)
				return
			}
			open = append(open, c)
			c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)) // the server need not read all of it
			io.WriteString(c, begin)
		}
		time.Sleep(patience + 200*time.Millisecond)
		for i := range 20 {
			if err := v.ask(t.Context(), overClassify(client, s.url), random.IntN(len(v.pictures))); err != nil {
				t.Errorf("request %d beside %d slow clients: %v", i, n, err)
			}
		}
	}
}

// documented are the statuses that README.md names for clients' mistakes and for a server
// that has too much to do, and success.
var documented = []int{200, 204, 400, 401, 403, 404, 405, 408, 413, 415, 417, 421, 429, 431, 501, 503, 504, 505}

// answered sends bytes by a connection of their own and checks that what comes is an
// answer of a documented status, or none.
func answered(t *testing.T, s *server, name, request string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, request)
	c.(*net.TCPConn).CloseWrite()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
			t.Errorf("%s: no answer, and the connection stays", name)
		}
		return
	}
	defer r.Body.Close()
	if !slices.Contains(documented, r.StatusCode) {
		text, _ := io.ReadAll(r.Body)
		t.Errorf("%s: status %d, %.300s", name, r.StatusCode, text)
	}
}

func malformed(t *testing.T, s *server, v *variants, random *rand.Rand, full bool) {
	for _, request := range malformedRequests(v) {
		answered(t, s, fmt.Sprintf("%.100q", request), request)
	}
}

// mutated sends requests that are good but for some bytes.
func mutated(t *testing.T, s *server, v *variants, random *rand.Rand, full bool) {
	good := goodRequests(v)
	n := 200
	if full {
		n = 8000 // 100,000 in a full run
	}
	for range n {
		b := []byte(good[random.IntN(len(good))])
		for range 1 + random.IntN(8) {
			at := random.IntN(len(b))
			if random.IntN(2) == 0 {
				at = random.IntN(min(len(b), 300)) // the header, and the text's begin
			}
			switch random.IntN(4) {
			case 0:
				b[at] = byte(random.IntN(256))
			case 1:
				b[at] ^= 1 << random.IntN(8)
			case 2:
				b = slices.Delete(b, at, min(len(b), at+1+random.IntN(8)))
			case 3:
				b = slices.Insert(b, at, bytes.Repeat([]byte{byte(random.IntN(256))}, 1+random.IntN(8))...)
			}
		}
		answered(t, s, fmt.Sprintf("%.200q", b), string(b))
	}
}

// overload measures how many requests a second the server answers when as many come as it
// can answer, and when four times as many come.
func overload(t *testing.T, s *server, v *variants, random *rand.Rand, full bool) {
	const clients = 32
	last := time.Second
	if full {
		last = 10 * time.Second
	}
	peak := goodput(t, s, v, clients, last, 0)
	good := goodput(t, s, v, 900, last, 4*peak) // of 1,024 connections; 512 images wait
	share := good / peak
	t.Logf("%.0f answers a second at the peak, %.0f (%.0f %%) when four times as many requests come", peak, good, 100*share)
	if full && share < 0.8 {
		t.Errorf("%.0f %% of the peak, want 80", 100*share)
	}
}

// goodput is how many requests a second get their answer when so many clients send: each
// the next one when it has its answer, or together so many a second.
func goodput(t *testing.T, s *server, v *variants, clients int, last time.Duration, perSecond float64) float64 {
	t.Helper()
	url := s.url + "/v2/models/m/infer"
	bodies := make([][]byte, len(v.pictures))
	for i := range bodies {
		bodies[i] = []byte(textOf(v.pictures[i]))
	}
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer c.CloseIdleConnections()
	var good atomic.Int64
	var sending sync.WaitGroup
	begin := time.Now()
	for n := range clients {
		sending.Go(func() {
			for i := 0; ; i++ {
				now := time.Since(begin)
				if perSecond > 0 {
					due := time.Duration(float64(i*clients+n) / perSecond * float64(time.Second))
					time.Sleep(due - now)
					now = max(now, due)
				}
				if now > last {
					return
				}
				r, err := c.Post(url, "application/json", bytes.NewReader(bodies[(i*clients+n)%len(bodies)]))
				if err != nil {
					continue // of more connections than the server has, those that wait are closed
				}
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
				switch r.StatusCode {
				case http.StatusOK:
					good.Add(1)
				case http.StatusTooManyRequests, http.StatusGatewayTimeout:
				default:
					t.Errorf("status %d", r.StatusCode)
				}
			}
		})
	}
	sending.Wait()
	return float64(good.Load()) / time.Since(begin).Seconds()
}
