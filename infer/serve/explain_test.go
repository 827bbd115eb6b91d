package serve

import (
	"bytes"
	"image"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tapenet/infer"
)

// explained is the answer to POST /explain.
type explained struct {
	Model         string    `json:"model"`
	Version       string    `json:"version"`
	Class         string    `json:"class"`
	Classes       []string  `json:"classes"`
	Probabilities []float32 `json:"probabilities"`
	Picture       bitmap    `json:"picture"`
	Seen          seen      `json:"seen"`
	Saliency      bitmap    `json:"saliency"`
	Activation    *bitmap   `json:"activation"`
	ActivationOf  string    `json:"activation_layer"`
	Layer         string    `json:"layer"`
	Maps          *bitmap   `json:"maps"`
}

// TestExplain: the answer is package infer's, with and without feature maps.
func TestExplain(t *testing.T) {
	dir := folder(t)
	save(t, filepath.Join(dir, "mlp"), "mlp", 3)
	s := start(t, func(c *Config) { c.Models = dir })
	for _, tt := range []struct{ query, path, layer string }{
		{"model=lenet5&version=2", "lenet5/2", "conv2d"},
		{"model=cnn", "cnn", "conv2d"},
		{"model=mlp", "mlp", ""},
	} {
		t.Run(tt.path, func(t *testing.T) {
			w := ask(t, s, "POST", "/explain?"+tt.query, bytes.NewReader(pngFile(t, drawing())))
			var got explained
			strict(t, w.Body.Bytes(), &got)
			p, err := infer.Load(filepath.Join(dir, tt.path))
			if err != nil {
				t.Fatal(err)
			}
			x, err := p.Pixels(drawing())
			if err != nil {
				t.Fatal(err)
			}
			predictions, err := p.Predict([][]float32{x})
			if err != nil {
				t.Fatal(err)
			}
			want := predictions[0]
			if got.Class != want.Label || len(got.Classes) != 10 || !slices.Equal(got.Probabilities, want.Probabilities) {
				t.Errorf("class %s with %v, want %s with %v", got.Class, got.Probabilities, want.Label, want.Probabilities)
			}
			r, err := p.Region(drawing())
			if err != nil {
				t.Fatal(err)
			}
			if size := drawing().Bounds().Size(); got.Seen != (seen{size.X, size.Y, r.Left, r.Top, r.Right, r.Bottom}) {
				t.Errorf("it sees %+v, want %+v of %v", got.Seen, r, size)
			}
			saliency, err := p.Saliency(x, want.Class)
			if err != nil {
				t.Fatal(err)
			}
			wantRaster(t, "picture", got.Picture, 1, 28, 28, levels(x))
			wantRaster(t, "saliency", got.Saliency, 1, 28, 28, levels(saliency.Values))
			if (got.Activation != nil) != (tt.layer != "") {
				t.Fatalf("activation map %v, want one of a network with places", got.Activation)
			}
			if got.Activation != nil {
				a, err := p.GradCAM(x, want.Class)
				if err != nil {
					t.Fatal(err)
				}
				wantRaster(t, "activation map", *got.Activation, 1, a.Height, a.Width, levels(a.Values))
				if got.ActivationOf != a.Layer {
					t.Errorf("activation map of %q, want %q", got.ActivationOf, a.Layer)
				}
			}
			if got.Layer != tt.layer || (got.Maps != nil) != (tt.layer != "") {
				t.Fatalf("maps of layer %q, want %q", got.Layer, tt.layer)
			}
			if got.Maps == nil {
				return
			}
			maps, err := p.FeatureMaps(x, tt.layer)
			if err != nil {
				t.Fatal(err)
			}
			var pixels []byte
			for _, img := range maps.Images() {
				pixels = append(pixels, img.Pix...)
			}
			wantRaster(t, "maps", *got.Maps, maps.Channels, maps.Height, maps.Width, pixels)
		})
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

func wantRaster(t *testing.T, what string, got bitmap, channels, height, width int, pixels []byte) {
	t.Helper()
	if got.Channels != channels || got.Height != height || got.Width != width || !bytes.Equal(got.Pixels, pixels) {
		t.Errorf("%s: %d×%d×%d with %d bytes, want %d×%d×%d and infer's %d", what, got.Channels, got.Height, got.Width, len(got.Pixels), channels, height, width, len(pixels))
	}
}

// TestExplainable: a page learns what the models take and say.
func TestExplainable(t *testing.T) {
	s := start(t, func(*Config) {})
	got := ask(t, s, "GET", "/explain", nil).Body.String()
	ten := `"classes":["0","1","2","3","4","5","6","7","8","9"],"input":[1,28,28],"fit":"strokes"`
	if want := `{"models":[{"name":"cnn",` + ten + `},{"name":"lenet5",` + ten + "}]}\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s = start(t, func(c *Config) { c.Models = photos(t) })
	got = ask(t, s, "GET", "/explain", nil).Body.String()
	four := `"classes":["forest","mountains","sea","old town"],"input":[3,32,32],"fit":"crop"`
	if want := `{"models":[{"name":"crop",` + four + `},{"name":"several",` + four + `,"thresholds":[0.9,0.1,0.1,0.9]}]}` + "\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestExplainErrors: it refuses what /classify does.
func TestExplainErrors(t *testing.T) {
	s := start(t, func(c *Config) { c.Memory = 1 << 17 })
	file := pngFile(t, drawing())
	for _, tt := range []struct {
		name, query string
		body        []byte
		status      int
		want        string
	}{
		{"no model named", "", file, 400, "which model?"},
		{"unknown model", "model=none", file, 404, `no model "none"`},
		{"unknown version", "model=cnn&version=2", file, 404, `no version "2"`},
		{"text", "model=cnn", []byte("a picture"), 400, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"blank", "model=cnn", pngFile(t, image.NewGray(image.Rect(0, 0, 9, 9))), 400, "the picture is blank"},
		{"bomb", "model=cnn", claim(60000, 60000), 413, "a PNG picture of 60000×60000 pixels, want 1 to 67108864 of them"},
		{"too large with its maps", "model=cnn", file, 413, "the server has 131072 for all requests"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, ask(t, s, "POST", "/explain?"+tt.query, bytes.NewReader(tt.body)), tt.status, tt.want)
		})
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// explaining asks for an explanation by cnn, in the background.
func explaining(t *testing.T, s *Server) (status <-chan int) {
	done, file := make(chan int, 1), pngFile(t, drawing())
	go func() { done <- ask(t, s, "POST", "/explain?model=cnn", bytes.NewReader(file)).Code }()
	return done
}

// TestExplainQueue: explanations have a bounded queue, of their own.
func TestExplainQueue(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Queue = 1; c.Timeout = time.Hour })
	first := explaining(t, s)
	<-g.begun
	second := explaining(t, s)
	m, err := s.models.acquire("cnn", "")
	if err != nil {
		t.Fatal(err)
	}
	for m.explainer.waiting.Load() != 1 {
		time.Sleep(time.Millisecond)
	}
	m.users.Done()
	if got := <-explaining(t, s); got != http.StatusTooManyRequests {
		t.Errorf("status %d with a full queue, want 429", got)
	}
	prediction := send(t, s, 1)
	<-g.begun // without waiting for the explanations
	g.open <- nil
	g.open <- nil
	if n := <-g.begun; n != 1 {
		t.Errorf("%d images are explained at once, want 1", n)
	}
	g.open <- nil
	if w, a, b := <-prediction, <-first, <-second; w.Code != http.StatusOK || a != http.StatusOK || b != http.StatusOK {
		t.Errorf("status %d for the prediction, %d and %d for the explanations, want 200", w.Code, a, b)
	}
}

func TestExplainDeadline(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Timeout = 10 * time.Millisecond })
	status := explaining(t, s)
	<-g.begun
	if got := <-status; got != http.StatusGatewayTimeout {
		t.Errorf("status %d, want 504", got)
	}
	g.open <- nil
}

// TestExplanationBytes: an answer is not larger than what is counted for it.
func TestExplanationBytes(t *testing.T) {
	s := start(t, func(*Config) {})
	for _, name := range []string{"cnn", "lenet5"} {
		w := ask(t, s, "POST", "/explain?model="+name, bytes.NewReader(pngFile(t, drawing())))
		m, err := s.models.acquire(name, "")
		if err != nil {
			t.Fatal(err)
		}
		m.users.Done()
		values := m.predictor.FeatureLayers()[0].Output.TotalSize()
		if n := int64(w.Body.Len() + 5*values); w.Code != http.StatusOK || n > m.explanationBytes() {
			t.Errorf("%s: status %d; an answer and its maps of %d bytes, counted as %d", name, w.Code, n, m.explanationBytes())
		}
	}
}

// TestFirstMaps: a layer with very many filters does not make the answer large.
func TestFirstMaps(t *testing.T) {
	f := infer.FeatureMaps{Channels: 200, Height: 1, Width: 2, Values: make([]float32, 400)}
	f.Values[1] = 1
	if r := firstMaps(f); r.Channels != maxMaps || len(r.Pixels) != 2*maxMaps || r.Pixels[1] != 255 {
		t.Errorf("%d maps with %d bytes, want %d", r.Channels, len(r.Pixels), maxMaps)
	}
}
