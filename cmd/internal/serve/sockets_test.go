package serve

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
)

// asCommand is the variable by which the test's binary is the command.
const asCommand = "TAPENET_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())) // as systemd sets it for the process that it starts
		cli.Main(Command)
		return
	}
	os.Exit(m.Run())
}

// handed starts the command with sockets of these names, and returns what it prints.
func handed(t *testing.T, names string, sockets []net.Listener, args ...string) (c *exec.Cmd, stdout *bufio.Reader, stderr *bytes.Buffer) {
	t.Helper()
	c = exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), asCommand+"=1", "LISTEN_FDS="+strconv.Itoa(len(sockets)), "LISTEN_FDNAMES="+names)
	for _, l := range sockets {
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c.ExtraFiles = append(c.ExtraFiles, f)
	}
	stderr = new(bytes.Buffer)
	c.Stderr = stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(out), stderr
}

// sockets are n that listen.
func sockets(t *testing.T, n int) (all []net.Listener) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		all = append(all, l)
	}
	return all
}

// TestHandedOver: sockets that systemd has opened take the place of addresses, each for
// what its name says.
func TestHandedOver(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows hands over no sockets")
	}
	model := filepath.Join(runs(t), "lenet5")
	ls := sockets(t, 3)
	c, stdout, stderr := handed(t, "admin:grpc:tapenet-serve.socket", ls, "-model", model, "-addr", "127.0.0.1:1")
	for _, want := range []string{
		"serving at http://" + ls[2].Addr().String(), "try them at http://" + ls[2].Addr().String() + "/",
		"gRPC at " + ls[1].Addr().String(), "metrics and profiles at http://" + ls[0].Addr().String(),
	} {
		if line, err := stdout.ReadString('\n'); err != nil || strings.TrimSpace(line) != want {
			t.Fatalf("printed %q (%v, %s), want %q", line, err, stderr, want)
		}
	}
	if status, body := get(t, "http://"+ls[2].Addr().String()+"/v2/health/ready", ""); status != http.StatusOK {
		t.Errorf("status %d, %s", status, body)
	}
	if status, _ := get(t, "http://"+ls[2].Addr().String()+"/metrics", ""); status != http.StatusNotFound {
		t.Errorf("/metrics beside a socket for operators: status %d, want 404", status)
	}
	if status, _ := get(t, "http://"+ls[0].Addr().String()+"/metrics", ""); status != http.StatusOK {
		t.Errorf("/metrics: status %d, want 200", status)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v, %s", err, stderr)
	}
}

// TestHandedOverErrors: two sockets for the same, and files that are no sockets, are
// errors.
func TestHandedOverErrors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows hands over no sockets")
	}
	model := filepath.Join(runs(t), "lenet5")
	c, _, stderr := handed(t, "a:b", sockets(t, 2), "-model", model)
	if err := c.Wait(); err == nil || !strings.Contains(stderr.String(), "a second socket for http, b, of LISTEN_FDS: want one") {
		t.Errorf("error %v, %s", err, stderr)
	}
	c = exec.CommandContext(t.Context(), os.Args[0], "-model", model)
	file, err := os.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c.Env, c.ExtraFiles = append(os.Environ(), asCommand+"=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=x"), []*os.File{file}
	if text, err := c.CombinedOutput(); err == nil || !strings.Contains(string(text), "serve: the socket x of LISTEN_FDS: ") {
		t.Errorf("error %v, %s", err, text)
	}
}

// TestOriginFlag: pages of the sites that -origin names may call, those of others not.
func TestOriginFlag(t *testing.T) {
	var stderr bytes.Buffer
	url, end := served(t, &stderr, "-model", filepath.Join(runs(t), "lenet5"), "-addr", "127.0.0.1:0", "-origin", "https://a.example", "-origin", "https://b.example")
	for origin, want := range map[string]int{"https://a.example": 400, "https://b.example": 400, "https://c.example": 403, "": 400} {
		r, err := http.NewRequest("POST", url+"/v2/models/lenet5/infer", strings.NewReader("{"))
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("from %q: status %d, want %d", origin, answer.StatusCode, want)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), []string{"-model", "x", "-origin", "a.example"}, &stderr, &stderr); err == nil || !strings.Contains(err.Error(), `the origin "a.example", want a scheme`) {
		t.Errorf("an origin without a scheme: %v", err)
	}
}
