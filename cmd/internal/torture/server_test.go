package torture

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// server is a running serve.
type server struct {
	*exec.Cmd
	url, grpc, admin string // addresses; all but url may be empty
	stderr           logged
}

// logged keeps what a command writes.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// served starts the command with these arguments. c says how, if not by itself: with
// sockets that it gets, for example.
func served(t *testing.T, c *exec.Cmd, args ...string) *server {
	t.Helper()
	if c == nil {
		c = exec.Command(program(t, "serve"))
	}
	s := &server{Cmd: c}
	c.Args = append(c.Args, args...)
	c.Stderr = &s.stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("serve %q: no address: %v\n%s", args, err, s.stderr.String())
		}
		line = strings.TrimSpace(line)
		if url, ok := strings.CutPrefix(line, "serving at "); ok {
			s.url = url
		}
		if addr, ok := strings.CutPrefix(line, "gRPC at "); ok {
			s.grpc = addr
		}
		if url, ok := strings.CutPrefix(line, "metrics and profiles at "); ok {
			s.admin = url
			return s
		}
	}
}

// stop ends the server as a system does, and fails unless it ends well.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%.2000s", err, s.stderr.String())
	}
}

// metric is a number of the server's metrics without labels.
func (s *server) metric(t *testing.T, name string) float64 {
	t.Helper()
	r, err := http.Get(s.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no metric %s", name)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// variants are files of one small network with weights of its own each, pictures, and what
// each network says of each picture.
type variants struct {
	files    [][]byte
	pictures []picture
	answers  [][][]float32 // by file and picture, for each class
}

// picture is one as a file, and as the network takes it.
type picture struct {
	file   []byte
	pixels []float32
}

// makeVariants makes them, the same every time.
func makeVariants(t *testing.T) *variants {
	t.Helper()
	return share(t, "variants", func() *variants {
		v := &variants{pictures: make([]picture, 50)}
		random := rand.New(rand.NewPCG(1, 2))
		for i := range v.pictures {
			img := image.NewGray(image.Rect(0, 0, 28, 28))
			p := &v.pictures[i]
			for k := range img.Pix {
				img.Pix[k] = uint8(random.IntN(256))
			}
			var b bytes.Buffer
			if err := png.Encode(&b, img); err != nil {
				t.Fatal(err)
			}
			p.file = b.Bytes()
		}
		for seed := range uint64(3) {
			file := modelFile(t, "lenet5", "lenet5", seed+1)
			dir := filepath.Join(shared, fmt.Sprint("variant", seed))
			put(t, filepath.Join(dir, open.ModelFile), file)
			p, err := infer.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			var answers [][]float32
			for i := range v.pictures {
				picture := &v.pictures[i]
				if picture.pixels == nil {
					picture.pixels = prepared(t, p, picture.file)
				}
				got, err := p.Predict([][]float32{picture.pixels})
				if err != nil {
					t.Fatal(err)
				}
				answers = append(answers, got[0].Probabilities)
			}
			v.files, v.answers = append(v.files, file), append(v.answers, answers)
		}
		return v
	})
}

// prepared is a picture's file as a network takes it.
func prepared(t *testing.T, p *infer.Predictor, file []byte) []float32 {
	t.Helper()
	img, err := infer.DecodeImage(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	pixels, err := p.Pixels(img)
	if err != nil {
		t.Fatal(err)
	}
	return pixels
}

// modelFile is the file of an untrained network. name is the one that the file says.
func modelFile(t *testing.T, network, name string, seed uint64) []byte {
	t.Helper()
	spec, err := modelzoo.Lookup(network)
	if err != nil {
		t.Fatal(err)
	}
	n, err := graph.NewNetwork(spec.New(10), []int{1, 28, 28}, graph.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), open.ModelFile)
	m := weights.Model{Name: name, Input: [3]int{1, 28, 28}, Classes: strings.Split("0123456789", ""), Tensors: n.Weights.Map()}
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// put writes a file at once, in the place of another.
func put(t *testing.T, file string, content []byte) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file+".new", content, 0o644)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		t.Error(err)
	}
}

// settles waits until a condition holds, for as long as a machine may take.
func settles(t *testing.T, what string, holds func() bool) (after time.Duration) {
	t.Helper()
	begin := time.Now()
	for !holds() {
		if time.Since(begin) > time.Minute {
			t.Errorf("%s: not within a minute", what)
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(begin)
}
