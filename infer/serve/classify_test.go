package serve

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo/open"
)

// drawing is a picture with a stroke on it.
func drawing() *image.Gray {
	g := image.NewGray(image.Rect(0, 0, 60, 40))
	for y := 8; y < 30; y++ {
		g.SetGray(30, y, color.Gray{Y: 250})
		g.SetGray(31, y, color.Gray{Y: 200})
	}
	return g
}

func pngFile(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// form is a multipart body with the given files.
func form(t testing.TB, files ...[]byte) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, file := range files {
		part, err := w.CreateFormFile("image", "digit.png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// claim is a PNG file's begin, of a picture of the size that it claims.
func claim(width, height uint32) []byte {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	chunk = append(binary.BigEndian.AppendUint32(chunk, height), 8, 6, 0, 0, 0) // 8 bit, red, green, blue and alpha
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(chunk))
}

// TestClassify: the answer is PredictImages', whichever way the picture comes.
func TestClassify(t *testing.T) {
	dir := folder(t)
	s := start(t, func(c *Config) { c.Models = dir })
	var lossy bytes.Buffer
	if err := jpeg.Encode(&lossy, drawing(), &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	formBody, formType := form(t, pngFile(t, drawing()))
	tests := []struct {
		name, contentType string
		body, file        []byte
	}{
		{"png", "image/png", pngFile(t, drawing()), pngFile(t, drawing())},
		{"png without type", "", pngFile(t, drawing()), pngFile(t, drawing())},
		{"jpeg", "image/jpeg", lossy.Bytes(), lossy.Bytes()},
		{"form", formType, formBody, pngFile(t, drawing())},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(t, s, "POST", "/classify?model=lenet5&version=2", bytes.NewReader(tt.body), "Content-Type", tt.contentType)
			var got struct {
				Model         string    `json:"model"`
				Version       string    `json:"version"`
				Class         string    `json:"class"`
				Classes       []string  `json:"classes"`
				Probabilities []float32 `json:"probabilities"`
			}
			strict(t, w.Body.Bytes(), &got)
			p, err := infer.Load(filepath.Join(dir, "lenet5", "2"))
			if err != nil {
				t.Fatal(err)
			}
			img, err := infer.DecodeImage(bytes.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			want, err := p.PredictImages(img)
			if err != nil {
				t.Fatal(err)
			}
			if got.Model != "lenet5" || got.Version != "2" || got.Class != want[0].Label || len(got.Classes) != 10 || near(got.Probabilities, want[0].Probabilities) != nil {
				t.Errorf("answer %s, want %+v", w.Body, want[0])
			}
		})
	}
}

// TestClassifyOnlyModel: there is no need to name it.
func TestClassifyOnlyModel(t *testing.T) {
	s := start(t, func(c *Config) { c.Model = filepath.Join(folder(t), "cnn") })
	w := ask(t, s, "POST", "/classify", bytes.NewReader(pngFile(t, drawing())))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), `{"model":"cnn","version":"1","class":"`) {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

// TestClassifyScaled: a network that was trained on whole pictures in grey gets
// the whole picture, not the strokes on it.
func TestClassifyScaled(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "lenet5", 1)
	m, err := weights.LoadModel(filepath.Join(dir, open.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	m.Preprocessing.Fit = raster.Stretch
	if err := m.Save(filepath.Join(dir, open.ModelFile)); err != nil {
		t.Fatal(err)
	}
	p, err := infer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.PredictImages(drawing())
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *Config) { c.Model = dir })
	w := ask(t, s, "POST", "/classify", bytes.NewReader(pngFile(t, drawing())))
	var got struct{ Probabilities []float32 }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if err := near(got.Probabilities, want[0].Probabilities); err != nil {
		t.Error(err)
	}
}

// TestClassifyErrors: refusing a picture is cheap, whatever size it claims.
func TestClassifyErrors(t *testing.T) {
	s := start(t, func(c *Config) { c.Model, c.Memory = filepath.Join(folder(t), "cnn"), 128<<20 })
	file := pngFile(t, drawing())
	two, twoType := form(t, file, file)
	none, noneType := form(t)
	bomb, bombType := form(t, claim(50000, 50000))
	one, oneType := form(t, file)
	tests := []struct {
		name, contentType string
		body              []byte
		status            int
		want              string
	}{
		{"empty", "", nil, 400, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"text", "text/plain", []byte("a picture"), 400, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"cut", "image/png", file[:len(file)-30], 400, "a PNG picture that is damaged or of a kind that is not read: "},
		{"blank", "image/png", pngFile(t, image.NewGray(image.Rect(0, 0, 9, 9))), 400, "the picture is blank"},
		{"bomb", "image/png", claim(60000, 60000), 413, "a PNG picture of 60000×60000 pixels, want 1 to 67108864 of them"},
		{"wide bomb", "image/png", claim(1<<31-1, 1), 413, "a PNG picture of 2147483647×1 pixels, want 1 to 67108864 of them"},
		{"just too large", "image/png", claim(1<<13, 1<<12), 413, "a picture of 8192×4096"},
		{"tall bomb", "image/png", claim(1, 1<<22), 413, "a picture of 1×4194304"},
		{"bomb in a form", bombType, bomb, 413, "a PNG picture of 50000×50000 pixels, want 1 to 67108864 of them"},
		{"two files", twoType, two, 400, "the form does not end after one part"},
		{"no file", noneType, none, 400, "not a multipart form with a picture"},
		{"cut form", oneType, one[:len(one)-60], 400, "multipart form"},
		{"form without boundary", "multipart/form-data", one, 400, "not a multipart form"},
		{"form without a form", oneType, file, 400, "not a multipart form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := ask(t, s, "POST", "/classify", bytes.NewReader(tt.body), "Content-Type", tt.contentType)
			runtime.ReadMemStats(&after)
			wantFailure(t, w, tt.status, tt.want)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("allocates %d bytes, want at most 1 MB", n)
			}
		})
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// FuzzClassify holds that no picture and no form makes the server fail.
func FuzzClassify(f *testing.F) {
	file := pngFile(f, drawing())
	f.Add(file, "image/png")
	f.Add(file[:50], "")
	f.Add(claim(60000, 60000), "image/png")
	body, contentType := form(f, file)
	f.Add(body, contentType)
	f.Add(slices.Concat(body, body), contentType)
	f.Add([]byte("--x\r\n\r\nabc\r\n--x--"), "multipart/form-data; boundary=x")
	s := start(f, func(c *Config) { c.Model = filepath.Join(folder(f), "cnn"); c.Memory = 1 << 22 })
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		w := ask(t, s, "POST", "/classify", bytes.NewReader(body), "Content-Type", contentType)
		if w.Code != 200 && w.Code != 400 && w.Code != 413 && w.Code != 429 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("status %d, %s", w.Code, w.Body)
		}
		if free := s.memory.Load(); free != s.config.Memory {
			t.Fatalf("keeps %d bytes", s.config.Memory-free)
		}
	})
}
