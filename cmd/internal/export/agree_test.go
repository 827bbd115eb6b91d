package export

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/infer/serve"
	"tapenet/train/data"
)

// waves is a picture in colour, without any flat part.
func waves(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			level := func(turn float64) uint8 {
				return uint8(127 + 110*math.Sin(0.31*float64(x)+turn)*math.Cos(0.17*float64(y)-turn))
			}
			img.SetNRGBA(x, y, color.NRGBA{level(0), level(1), level(2), 255})
		}
	}
	return img
}

// oddPictures are files of many kinds and shapes: every kind that infer reads, every
// orientation that EXIF knows, sizes that no network has.
func oddPictures(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	add := func(name string, encode func(w io.Writer) error) {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		files[name] = b.Bytes()
	}
	asPNG := func(name string, img image.Image) { add(name, func(w io.Writer) error { return png.Encode(w, img) }) }
	converted := func(to draw.Image) image.Image {
		draw.Draw(to, to.Bounds(), waves(to.Bounds().Dx(), to.Bounds().Dy()), image.Point{}, draw.Src)
		return to
	}
	asPNG("tall.png", waves(17, 301))
	asPNG("wide.png", waves(400, 9))
	asPNG("own.png", waves(32, 32))
	asPNG("dot.png", waves(1, 1))
	asPNG("grey.png", converted(image.NewGray(image.Rect(0, 0, 40, 50))))
	asPNG("grey16.png", converted(image.NewGray16(image.Rect(0, 0, 40, 50))))
	asPNG("deep.png", converted(image.NewNRGBA64(image.Rect(0, 0, 61, 47))))
	glass := waves(50, 40)
	for i := 3; i < len(glass.Pix); i += 4 {
		glass.Pix[i] = uint8(i)
	}
	asPNG("glass.png", glass)
	add("photo.jpg", func(w io.Writer) error { return jpeg.Encode(w, waves(123, 77), nil) })
	add("grey.jpeg", func(w io.Writer) error {
		return jpeg.Encode(w, converted(image.NewGray(image.Rect(0, 0, 70, 70))), nil)
	})
	add("few.gif", func(w io.Writer) error {
		return gif.Encode(w, converted(image.NewPaletted(image.Rect(0, 0, 60, 45), palette.Plan9)), nil)
	})
	b, err := os.ReadFile("../../../graph/raster/decode/testdata/pictures.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens []struct {
		Name string
		File []byte
	}
	if err := json.Unmarshal(b, &goldens); err != nil {
		t.Fatal(err)
	}
	for _, g := range goldens {
		files[g.Name] = g.File // whose content says what it is
	}
	return files
}

// ofKind tells whether a picture of oddPictures is of one of the formats.
func ofKind(name string, formats ...string) bool {
	return slices.ContainsFunc(formats, func(f string) bool { return strings.HasPrefix(name, f) })
}

// prepared is resnet20 with a preprocessing and a temperature.
func prepared(t *testing.T, p raster.Preprocessing) (dir string) {
	t.Helper()
	dir = model(t, "resnet20")
	path := filepath.Join(dir, "model.safetensors")
	m, err := weights.LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	m.Preprocessing, m.Temperature = p, 0.7
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAgree: training data, infer, serve, Go source, ONNX files with and without
// preprocessing and the page in a browser see the same of odd pictures, and say the same
// of them.
func TestAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs")
	}
	for _, p := range []raster.Preprocessing{
		{Fit: raster.Crop, Shorter: 36, Filter: raster.Linear, Mean: []float64{0.485, 0.456, 0.406}, Deviation: []float64{0.229, 0.224, 0.225}},
		{Fit: raster.Pad, Mean: []float64{0.1, 0.5, 0.9}, Deviation: []float64{0, 0.5, 2}},
		{},
	} {
		t.Run(p.For(3).Fit, func(t *testing.T) { agree(t, p) })
	}
}

func agree(t *testing.T, p raster.Preprocessing) {
	dir, files := prepared(t, p), oddPictures(t)
	predictor, err := infer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "train", "a")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var names, paths []string
	var pictures []image.Image
	var pixels, want [][]float32
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		img, err := infer.DecodeImage(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		x, err := predictor.Pixels(img)
		if err != nil {
			t.Fatal(err)
		}
		names, paths, pictures, pixels = append(names, name), append(paths, path), append(pictures, img), append(pixels, x)
	}
	predictions, err := predictor.Predict(pixels)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range predictions {
		want = append(want, r.Probabilities)
	}
	t.Run("train", func(t *testing.T) { trainSees(t, p, filepath.Dir(filepath.Dir(folder)), names, pixels) })
	t.Run("serve", func(t *testing.T) {
		for i, got := range served(t, dir, names, files) {
			near(t, names[i], got, want[i], 1e-5)
		}
	})
	t.Run("go", func(t *testing.T) {
		for i, got := range compiled(t, dir, pixels...) {
			near(t, names[i], got, want[i], 1e-5)
		}
		programSays(t, dir, paths, predictions)
	})
	t.Run("page", func(t *testing.T) {
		for i, got := range pageSays(t, dir, names, files) {
			if !ofKind(names[i], "TIFF") { // browsers do not read it
				near(t, names[i], got, want[i], 0.02)
			}
		}
	})
	t.Run("onnx", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "m.onnx")
		if _, err := export(t, "-model", dir, "-out", file); err != nil {
			t.Fatal(err)
		}
		again, err := infer.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		of, err := again.PredictImages(pictures...)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range of {
			near(t, names[i], r.Probabilities, want[i], 1e-5)
		}
	})
	t.Run("ONNX Runtime", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "m.onnx")
		if _, err := export(t, "-model", dir, "-out", file, "-preprocess"); err != nil {
			t.Fatal(err)
		}
		var flat []image.Image
		for _, img := range pictures {
			flat = append(flat, onWhite(img))
		}
		ofFlat, err := predictor.PredictImages(flat...)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range runtimeSays(t, file, flat) {
			// A byte may differ by one where float32 rounds to the other side of a border; one
			// byte of 3,072 moves these probabilities by up to 2e-5.
			near(t, names[i], got, ofFlat[i].Probabilities, 3e-5)
			near(t, names[i]+", whose pixels have more than 8 bits or are transparent", got, want[i], 0.02)
		}
	})
}

// onWhite is a picture in 8 bits, drawn on white.
func onWhite(img image.Image) *image.RGBA {
	flat := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(flat, flat.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(flat, flat.Rect, img, img.Bounds().Min, draw.Over)
	return flat
}

// trainSees holds what a dataset reads of a folder against pixels.
func trainSees(t *testing.T, p raster.Preprocessing, folder string, names []string, pixels [][]float32) {
	p = p.For(3)
	p.Mean, p.Deviation = nil, nil
	d, err := data.Options{Channels: 3, Height: 32, Width: 32, Preprocessing: p}.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	x, seen := make([]float32, 3*32*32), 0
	for _, part := range []data.Samples{d.Train, d.Test} {
		for i := range part.Len() {
			if _, err := part.Read(i, x); err != nil {
				t.Fatal(err)
			}
			k := slices.Index(names, filepath.Base(data.Name(part, i)))
			if k < 0 || !slices.Equal(x, pixels[k]) {
				t.Errorf("%s: other pixels than infer's", data.Name(part, i))
			}
			seen++
		}
	}
	if seen != len(names) {
		t.Errorf("%d pictures, want %d", seen, len(names))
	}
}

// served are a server's answers to files.
func served(t *testing.T, dir string, names []string, files map[string][]byte) (probabilities [][]float32) {
	s, err := serve.New(serve.Config{Model: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range names {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/classify", bytes.NewReader(files[name])))
		var answer struct{ Probabilities []float32 }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: status %d, %s", name, w.Code, w.Body)
		}
		probabilities = append(probabilities, answer.Probabilities)
	}
	return probabilities
}

// programSays holds what the exported program, which needs the standard library alone,
// prints of files against predictions.
func programSays(t *testing.T, dir string, all []string, predictions []infer.Prediction) {
	var paths []string
	var want []infer.Prediction
	for i, path := range all {
		if !ofKind(filepath.Base(path), "WebP", "BMP", "TIFF") {
			paths, want = append(paths, path), append(want, predictions[i])
		}
	}
	out, err := exec.Command(source(t, dir, "", ""), paths...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(paths) {
		t.Fatalf("printed %q, want %d lines", out, len(paths))
	}
	for i, line := range lines {
		label, percent, _ := strings.Cut(strings.TrimPrefix(line, paths[i]+": "), " (")
		got, err := strconv.ParseFloat(strings.TrimSuffix(percent, " %)"), 64)
		if top := 100 * float64(want[i].Probabilities[want[i].Class]); err != nil || label != want[i].Label || math.Abs(got-top) > 0.1 {
			t.Errorf("printed %q, want %s and about %.1f %%", line, want[i].Label, top)
		}
	}
}

// runtimeSays are ONNX Runtime's answers to pictures that are *image.RGBA.
func runtimeSays(t *testing.T, file string, pictures []image.Image) (probabilities [][]float32) {
	if err := exec.Command("node", "-e", "require('onnxruntime-node')").Run(); err != nil {
		t.Skipf("npm's onnxruntime-node is not installed, or NODE_PATH does not lead to it: %v", err)
	}
	type job struct {
		Model string `json:"model"`
		Shape []int  `json:"shape"`
		In    string `json:"input"`
		Out   string `json:"output"`
		Type  string `json:"type"`
	}
	dir := t.TempDir()
	var jobs []job
	for i, img := range pictures {
		size := img.Bounds().Size()
		var x []byte
		for k, v := range img.(*image.RGBA).Pix {
			if k%4 < 3 {
				x = binary.LittleEndian.AppendUint32(x, math.Float32bits(float32(v)))
			}
		}
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(path, x, 0o644); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job{file, []int{1, size.Y, size.X, 3}, path, path + ".out", "uint8"})
	}
	list, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jobs.json"), list, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("node", "../../../graph/onnx/testdata/run.js", filepath.Join(dir, "jobs.json")).CombinedOutput(); err != nil {
		t.Fatalf("ONNX Runtime: %v\n%s", err, out)
	}
	for _, j := range jobs {
		b, err := os.ReadFile(j.Out)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, len(b)/4)
		if _, err := binary.Decode(b, binary.LittleEndian, y); err != nil {
			t.Fatal(err)
		}
		probabilities = append(probabilities, y)
	}
	return probabilities
}
