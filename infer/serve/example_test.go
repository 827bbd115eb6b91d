package serve_test

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer/serve"
	"tapenet/modelzoo"
)

// digits leaves a run's folder, of a network that has not learned anything.
func digits() (dir string) {
	dir, err := os.MkdirTemp("", "runs")
	if err != nil {
		log.Fatal(err)
	}
	dir = filepath.Join(dir, "cnn")
	if err := os.Mkdir(dir, 0o755); err != nil {
		log.Fatal(err)
	}
	n, err := graph.NewNetwork(modelzoo.CNN(2), []int{1, 28, 28}, graph.Options{})
	if err != nil {
		log.Fatal(err)
	}
	m := weights.Model{Name: "cnn", Input: [3]int{1, 28, 28}, Classes: []string{"0", "1"}, Tensors: n.Weights.Map()}
	if err := m.Save(filepath.Join(dir, "model.safetensors")); err != nil {
		log.Fatal(err)
	}
	return dir
}

// A Server is a handler for one's own HTTP server.
func ExampleServer() {
	s, err := serve.New(serve.Config{Model: digits(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	h := httptest.NewServer(s)
	defer h.Close()

	r, err := http.Get(h.URL + "/v2/models/cnn/ready")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, string(answer))
	// Output: 200 OK {"name":"cnn","ready":true}
}
