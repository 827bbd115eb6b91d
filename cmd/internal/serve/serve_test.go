package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/foreign"
	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer/serve/grpc/inference"
	"tapenet/modelzoo"
)

// runs is a folder with one run, of a network that has not learned anything.
func runs(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lenet5"), 0o755); err != nil {
		t.Fatal(err)
	}
	n, err := graph.NewNetwork(modelzoo.LeNet5(10), []int{1, 28, 28}, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := weights.Model{Name: "lenet5", Input: [3]int{1, 28, 28}, Classes: strings.Split("0123456789", ""), Tensors: n.Weights.Map()}
	if err := m.Save(filepath.Join(dir, "lenet5", "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// served runs the command until the test ends it, and returns its address.
func served(t *testing.T, stderr io.Writer, args ...string) (url string, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, args, w, stderr)
		w.Close()
	}()
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	if err != nil {
		cancel()
		t.Fatalf("no address: %v, %v", err, <-ended)
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "serving at ")
	if !ok {
		t.Fatalf("printed %q", line)
	}
	if page, err := lines.ReadString('\n'); page != "try them at "+url+"/\n" {
		t.Errorf("printed %q (%v), want the page's address", page, err)
	}
	return url, func() error { cancel(); return <-ended }
}

func get(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(text))
}

// TestServe: it serves, logs in JSON, and ends without an error.
func TestServe(t *testing.T) {
	dir := runs(t)
	for _, args := range [][]string{{"-model", filepath.Join(dir, "lenet5")}, {"-models", dir, "-batch", "4", "-wait", "1ms", "-reload", "-1s"}} {
		var stderr bytes.Buffer
		url, end := served(t, &stderr, append(args, "-addr", "127.0.0.1:0", "-json", "-v")...)
		if status, body := get(t, url+"/v2/models/lenet5/ready", ""); status != http.StatusOK || body != `{"name":"lenet5","ready":true}` {
			t.Errorf("status %d, %s", status, body)
		}
		if status, body := get(t, url+"/", ""); status != http.StatusOK || !strings.HasPrefix(body, "<!doctype html>") {
			t.Errorf("the page: status %d, %.100s", status, body)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		var messages []string
		for line := range strings.Lines(stderr.String()) {
			var v struct{ Msg, Memory string }
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			messages = append(messages, v.Msg)
			if v.Msg == "model loaded" && !strings.HasSuffix(v.Memory, " MB") {
				t.Errorf("memory %q, want what the model takes, in MB", v.Memory)
			}
		}
		if got := strings.Join(messages, ", "); got != "model loaded, request, request, shutting down, model dropped" {
			t.Errorf("log %s", got)
		}
	}
}

// TestName: a model is served by another name than its folder's.
func TestName(t *testing.T) {
	url, end := served(t, io.Discard, "-model", filepath.Join(runs(t), "lenet5"), "-name", "digits", "-addr", "127.0.0.1:0")
	for name, want := range map[string]int{"digits": http.StatusOK, "lenet5": http.StatusNotFound} {
		if status, body := get(t, url+"/v2/models/"+name+"/ready", ""); status != want {
			t.Errorf("%s: status %d, %s, want %d", name, status, body, want)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url, end := served(t, io.Discard, "-models", runs(t), "-addr", "127.0.0.1:0", "-token", file)
	for token, want := range map[string]int{"": http.StatusUnauthorized, "other": http.StatusUnauthorized, "secret": http.StatusOK} {
		if status, body := get(t, url+"/v2", token); status != want {
			t.Errorf("token %q: status %d, %s, want %d", token, status, body, want)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestOpenAddress: an address that others can reach is warned about, unless they
// need a token.
func TestOpenAddress(t *testing.T) {
	var stderr bytes.Buffer
	_, end := served(t, &stderr, "-models", runs(t), "-addr", "0.0.0.0:0")
	if err := end(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(stderr.String(), "level=WARN") {
		t.Errorf("log %q, want a warning", stderr.String())
	}
}

// TestGRPC: gRPC has an address of its own, with the same token.
func TestGRPC(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-models", runs(t), "-addr", "127.0.0.1:0", "-grpc", "127.0.0.1:0"}, w, io.Discard)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	addr, ok := "", false
	for !ok && lines.Scan() {
		addr, ok = strings.CutPrefix(lines.Text(), "gRPC at ")
	}
	if !ok {
		t.Fatalf("no address of gRPC: %v", <-ended)
	}
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, err := inference.NewGRPCInferenceServiceClient(conn).ModelReady(t.Context(), &inference.ModelReadyRequest{Name: "lenet5"})
	if err != nil || !answer.Ready {
		t.Errorf("ready: %v, %v", answer, err)
	}
	if cancel(); <-ended != nil {
		t.Error("the end is an error")
	}
}

func TestErrors(t *testing.T) {
	dir := runs(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		args  []string
		usage bool // exit code 2
		want  string
	}{
		{"no model", nil, true, "serve: want one of -model DIR and -models FOLDER"},
		{"both", []string{"-model", dir, "-models", dir}, true, "serve: want one of"},
		{"argument", []string{"-models", dir, "x"}, true, `serve: unexpected argument "x"`},
		{"unknown flag", []string{"-x"}, true, "serve: no flag -x"},
		{"no such duration", []string{"-models", dir, "-wait", "1"}, true, "serve: -wait 1, want a time, as in 90s or 10m"},
		{"below 0", []string{"-models", dir, "-queue", "-1"}, false, "serve: a bound below 0"},
		{"certificate without key", []string{"-models", dir, "-cert", "x"}, true, "serve: want both -cert FILE and -key FILE"},
		{"no certificate", []string{"-models", dir, "-cert", dir + "/none", "-key", dir + "/none"}, false, "serve: certificate: open "},
		{"no such address for gRPC", []string{"-models", dir, "-addr", "127.0.0.1:0", "-grpc", "127.0.0.1:99999"}, false, "serve: listen tcp"},
		{"no such address for operators", []string{"-models", dir, "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:99999"}, false, "serve: listen tcp"},
		{"a name for a folder of models", []string{"-models", dir, "-name", "x"}, false, "without Model"},
		{"a name of two parts", []string{"-model", dir, "-name", "x/y"}, false, "has / or :"},
		{"not a model", []string{"-model", dir + "/none"}, false, "go run ./cmd/train makes one"},
		{"no folder", []string{"-models", dir + "/none"}, false, "serve: no models"},
		{"no token file", []string{"-models", dir, "-token", dir + "/none"}, false, "serve: token"},
		{"empty token", []string{"-models", dir, "-token", empty}, false, "is empty, want a token in it"},
		{"no such address", []string{"-models", dir, "-addr", "127.0.0.1:99999"}, false, "serve: listen tcp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout bytes.Buffer
			err := run(t.Context(), tt.args, &stdout, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if usage := errors.As(err, new(cli.UsageError)); usage != tt.usage {
				t.Errorf("usage error: %t, want %t", usage, tt.usage)
			}
			if stdout.Len() > 0 {
				t.Errorf("printed %q besides the error", stdout.String())
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"-help"}, &stdout, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v, want flag.ErrHelp", err)
	}
	for _, want := range []string{"usage: tapenet serve", "-model", "-addr", "127.0.0.1:8080", "-token", "-grpc", "-cert", "-admin", "-health URL"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in %q", want, stdout.String())
		}
	}
}

// TestForeign: one line says what a file is that is no classifier of images.
func TestForeign(t *testing.T) {
	files, err := foreign.Files(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := f.Check(run(t.Context(), []string{"-model", f.Path, "-addr", "127.0.0.1:0"}, io.Discard, io.Discard)); err != nil {
			t.Error(err)
		}
	}
}
