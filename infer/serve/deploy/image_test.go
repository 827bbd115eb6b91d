//go:build linux

package deploy

import (
	"bytes"
	"debug/elf"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// root is a folder that holds what the image would, and what is mounted into it: the
// binary, a model where each file wants it, and a token. Nobody but root writes there.
func root(t *testing.T, build string) (dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for chroot")
	}
	dir = t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { // the server's user has to come by
			t.Fatal(err)
		}
	}
	c := exec.Command("sh", "-c", strings.Replace(build, "-o /serve", "-o "+filepath.Join(dir, "serve"), 1))
	c.Dir = "../../.."
	c.Env = append(os.Environ(), "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	model, err := os.ReadFile("../../../cmd/internal/earlier/testdata/81b9a2b/run/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"models/digits", "srv/tapenet/models/digits", "mnt/models"} {
		write(t, filepath.Join(dir, file, "model.safetensors"), model)
	}
	write(t, filepath.Join(dir, "secret/token"), []byte("secret\n"))
	return dir
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// inside is a command that sees the folder alone, as the image's user.
func inside(dir string, args ...string) *exec.Cmd {
	c := exec.Command(args[0], args[1:]...)
	c.Path, c.Dir, c.Env = args[0], "/", []string{}
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return c
}

// ports replaces the ports of the files by free ones of this machine.
func ports(t *testing.T) *strings.Replacer {
	t.Helper()
	var pairs []string
	for _, port := range []string{"8080", "8081", "9090"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, free, _ := net.SplitHostPort(l.Addr().String())
		pairs = append(pairs, ":"+port, ":"+free)
	}
	return strings.NewReplacer(append(pairs, "{{.Name}}", "digits", "${CREDENTIALS_DIRECTORY}", "/secret")...)
}

func replaced(r *strings.Replacer, args []string) (all []string) {
	for _, a := range args {
		all = append(all, r.Replace(a))
	}
	return all
}

// TestImage builds the binary as the Dockerfile does and starts it with the arguments of
// each file, in a folder that has what a container would have: no library, no shell, no
// folder to write to, and no right. The health check of the Dockerfile says when it is
// ready, the manifest's probes are answered, and SIGTERM ends it without an error.
func TestImage(t *testing.T) {
	m := dockerfile(t)
	dir := root(t, m.build)
	wantStatic(t, filepath.Join(dir, "serve"))
	pod := kubernetes(t).deployment.Spec.Template.Spec.Containers[0]
	var runtime servingRuntime
	decode(t, "kserve.yaml", &runtime)
	_, service := unit(t)
	kserve := runtime.Spec.Containers[0]
	paths := []string{pod.StartupProbe.HTTPGet.Path, pod.LivenessProbe.HTTPGet.Path, pod.ReadinessProbe.HTTPGet.Path,
		kserve.LivenessProbe.HTTPGet.Path, kserve.ReadinessProbe.HTTPGet.Path}
	for name, args := range map[string][]string{"Dockerfile": m.cmd, "kubernetes.yaml": pod.Args, "kserve.yaml": kserve.Args, "service": service[1:]} {
		t.Run(name, func(t *testing.T) {
			r := ports(t)
			c := inside(dir, append([]string{m.entrypoint[0]}, replaced(r, args)...)...)
			var log bytes.Buffer
			c.Stdout, c.Stderr = &log, &log
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			for {
				check := inside(dir, replaced(r, m.health[1:])...)
				if out, err := check.CombinedOutput(); err == nil {
					break
				} else if len(ended) > 0 {
					t.Fatalf("it ended: %v\n%s\nthe last check said %s", <-ended, &log, out)
				}
				time.Sleep(20 * time.Millisecond)
			}
			for _, path := range paths {
				wantAnswer(t, "http://127.0.0.1"+r.Replace(":8080")+path, http.StatusOK)
			}
			has := strings.Join(args, " ")
			model := http.StatusOK
			if strings.Contains(has, "-token") {
				model = http.StatusUnauthorized
			}
			wantAnswer(t, "http://127.0.0.1"+r.Replace(":8080")+"/v2/models/digits/ready", model)
			if strings.Contains(has, "-admin") {
				wantAnswer(t, "http://127.0.0.1"+r.Replace(":9090")+"/metrics", http.StatusUnauthorized)
			}
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Errorf("SIGTERM: %v\n%s", err, &log)
			}
			if check := inside(dir, replaced(r, m.health[1:])...); check.Run() == nil || check.ProcessState.ExitCode() != 1 {
				t.Errorf("the check of a server that is gone ends with %d, want 1", check.ProcessState.ExitCode())
			}
		})
	}
}

func wantAnswer(t *testing.T, url string, want int) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != want {
		t.Errorf("%s: status %d, %s (%v), want %d", url, answer.StatusCode, body, err, want)
	}
}

// wantStatic wants a binary without interpreter and libraries, of less than 30 MB.
func wantStatic(t *testing.T, file string) {
	t.Helper()
	s, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB", float64(s.Size())/1e6)
	if s.Size() > 30e6 {
		t.Errorf("%d bytes, want at most 30 MB", s.Size())
	}
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary has a segment %v, want it static", p.Type)
		}
	}
}
