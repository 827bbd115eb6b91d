package serve

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// announced runs the command until the test ends it, and returns what stands behind a
// prefix of the lines that it prints, for each prefix.
func announced(t *testing.T, args []string, prefixes ...string) (found []string, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, args, w, io.Discard)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	for len(found) < len(prefixes) {
		if !lines.Scan() {
			t.Fatalf("no line %s…: %v", prefixes[len(found)], <-ended)
		}
		if rest, ok := strings.CutPrefix(lines.Text(), prefixes[len(found)]); ok {
			found = append(found, rest)
		}
	}
	return found, func() error { cancel(); return <-ended }
}

func tokenFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAdmin: metrics and profiles have an address of their own, and the same token. The
// public one then has neither.
func TestAdmin(t *testing.T) {
	urls, end := announced(t, []string{"-models", runs(t), "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-token", tokenFile(t)},
		"serving at ", "metrics and profiles at ")
	public, private := urls[0], urls[1]
	for _, tt := range []struct {
		url, token string
		status     int
		has        string
	}{
		{public + "/metrics", "secret", http.StatusNotFound, "nothing at"},
		{public + "/debug/pprof/", "secret", http.StatusNotFound, "nothing at"},
		{public + "/debug/pprof/heap", "secret", http.StatusNotFound, "nothing at"},
		{public + "/v2", "secret", http.StatusOK, "tapenet"},
		{private + "/metrics", "secret", http.StatusOK, "\ntapenet_queue_images{"},
		{private + "/metrics", "", http.StatusUnauthorized, "want the header Authorization"},
		{private + "/debug/pprof/", "secret", http.StatusOK, "goroutine"},
		{private + "/debug/pprof/", "", http.StatusUnauthorized, `{"error":"want the header Authorization`},
		{private + "/debug/pprof/heap?debug=1", "secret", http.StatusOK, "heap profile"},
		{private + "/debug/pprof/heap?debug=1", "other", http.StatusUnauthorized, "want the header"},
		{private + "/debug/pprof/cmdline", "other", http.StatusUnauthorized, "want the header"},
		{private + "/v2", "secret", http.StatusNotFound, ""},
	} {
		status, body := get(t, tt.url, tt.token)
		if status != tt.status || !strings.Contains("\n"+body, tt.has) {
			t.Errorf("%s with token %q: status %d, %.200q; want %d, %q", tt.url, tt.token, status, body, tt.status, tt.has)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestNoAdmin: without -admin the public address has the metrics, and never profiles.
func TestNoAdmin(t *testing.T) {
	url, end := served(t, io.Discard, "-models", runs(t), "-addr", "127.0.0.1:0")
	if status, body := get(t, url+"/metrics", ""); status != http.StatusOK || !strings.Contains(body, "tapenet_queue_images") {
		t.Errorf("metrics: status %d, %.200q", status, body)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline"} {
		if status, body := get(t, url+path, ""); status != http.StatusNotFound {
			t.Errorf("%s: status %d, %.200q, want 404", path, status, body)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestProfileEnds: a profile under way ends with the server, which it does not keep.
func TestProfileEnds(t *testing.T) {
	urls, end := announced(t, []string{"-models", runs(t), "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-grace", "20s"}, "metrics and profiles at ")
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answer, err := http.Get(urls[0] + "/debug/pprof/trace?seconds=50"); err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	}()
	for {
		if _, body := get(t, urls[0]+"/debug/pprof/goroutine?debug=1", ""); strings.Contains(body, "pprof.Trace") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := end(); err != nil {
		t.Errorf("%v, want the end of the profile", err)
	}
	<-done
}
