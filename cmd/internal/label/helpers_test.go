package label

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// drawn is a PNG of one colour, which a number chooses: equal numbers, equal files.
func drawn(t testing.TB, n int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 20, 12))
	for i := range 20 * 12 {
		img.SetNRGBA(i%20, i/20, color.NRGBA{uint8(40 * n), uint8(255 - 30*n), uint8(90 * n), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// photos is a folder of two classes, with pictures that have none, and files that are no
// pictures.
func photos(t testing.TB) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "photos")
	for i, name := range []string{"sea/1.png", "sea/2.png", "town/1.png", "town/3.png", "unsorted/4.png", "5.png"} {
		put(t, filepath.Join(dir, name), drawn(t, i))
	}
	put(t, filepath.Join(dir, "notes.txt"), []byte("of no use"))
	put(t, filepath.Join(dir, "sea", ".hidden.png"), drawn(t, 1))
	return dir
}

func put(t testing.TB, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// files are the files below a folder with their contents, but for the journal.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "journal.jsonl" {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// names are those of files, sorted, with spaces between.
func names(files map[string]string) string {
	var all []string
	for name := range files {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// start is a server of a folder, until the test ends.
func start(t testing.TB, o options) *server {
	t.Helper()
	if o.out == "" {
		o.out = filepath.Join(t.TempDir(), "run")
	}
	s, err := newServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// request sends a request as the page does.
func request(s *server, method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8090"+path, body)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}

// ask sends a request that has to go well.
func ask(t testing.TB, s *server, method, path, body string) (a stateAnswer) {
	t.Helper()
	w := request(s, method, path, strings.NewReader(body))
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s %s: status %d, %s", method, path, body, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// refused sends a request that has to be refused, with a text.
func refused(t testing.TB, s *server, status int, text, method, path, body string, headers ...string) {
	t.Helper()
	w := request(s, method, path, strings.NewReader(body), headers...)
	if w.Code != status || !strings.Contains(w.Body.String(), text) {
		t.Errorf("%s %s %.80s: status %d, %s, want %d and %q", method, path, body, w.Code, w.Body, status, text)
	}
}

// id is that of a picture.
func id(t testing.TB, s *server, file string) string {
	t.Helper()
	s.folder.mu.Lock()
	defer s.folder.mu.Unlock()
	p := s.folder.byPath[file]
	if p == nil {
		t.Fatalf("no picture %s", file)
	}
	return p.id
}

// moveTo is the body of a request to move a picture.
func moveTo(id, class string) string {
	b, _ := json.Marshal(map[string]string{"id": id, "class": class})
	return string(b)
}

// saveModel leaves a model of two classes, which has learned nothing, in a run's folder.
func saveModel(t testing.TB, dir string, classes ...string) {
	t.Helper()
	if err := writeModel(dir, classes); err != nil {
		t.Fatal(err)
	}
}

func writeModel(dir string, classes []string) error {
	spec, err := modelzoo.Lookup("mlp")
	if err != nil {
		return err
	}
	net, err := graph.NewNetwork(spec.New(len(classes)), []int{3, 8, 8}, graph.Options{Seed: 3})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	m := weights.Model{Name: "mlp", Input: [3]int{3, 8, 8}, Classes: classes, Tensors: net.Weights.Map()}
	return m.Save(filepath.Join(dir, open.ModelFile))
}
