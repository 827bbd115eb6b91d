package export

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/infer"
)

// source exports a model as Go and builds it for an operating system and a
// processor; "" means this one.
func source(t testing.TB, model, goos, goarch string) (binary string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "program")
	if _, err := export(t, "-model", model, "-to", "go", "-out", dir); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(t.TempDir(), "binary")
	for _, args := range [][]string{{"vet", "."}, {"build", "-ldflags", "-s -w", "-o", binary, "."}} {
		if goos != "" && args[0] == "vet" {
			continue // which compiles the standard library once more
		}
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		if goos != "" {
			cmd.Env = append(cmd.Env, "GOOS="+goos, "GOARCH="+goarch)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v for %s: %v\n%s", cmd, goos, err, out)
		}
	}
	return binary
}

// drawing is a thick stroke in colour on white, like a 1 that leans.
func drawing() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, 90, 120))
	for y := range 120 {
		for x := range 90 {
			c := color.NRGBA{255, 255, 255, 255}
			if y > 15 && y < 100 && math.Abs(float64(x)-60+0.3*float64(y)) < 7 {
				c = color.NRGBA{40, uint8(y), 90, 250}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// writePNG writes a picture to a file.
func writePNG(t *testing.T, path string, picture image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestProgram: the program that is written says of a picture what infer says, and
// of a file that is none why.
func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	dir := t.TempDir()
	picture, text := filepath.Join(dir, "one.png"), filepath.Join(dir, "none.png")
	writePNG(t, picture, drawing())
	if err := os.WriteFile(text, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lenet5", "resnet20"} {
		t.Run(name, func(t *testing.T) {
			run := model(t, name)
			p, err := infer.Load(run)
			if err != nil {
				t.Fatal(err)
			}
			want, err := p.PredictImages(drawing())
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(source(t, run, "", ""), text, picture)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(stderr.String(), text+": no picture, want PNG, JPEG or GIF") {
				t.Errorf("error %v and %q, want code 1 and the name of the bad file", err, stderr.String())
			}
			label, percent, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), picture+": "), " (")
			got, err := strconv.ParseFloat(strings.TrimSuffix(percent, " %)"), 64)
			if top := 100 * float64(want[0].Probabilities[want[0].Class]); !ok || err != nil || label != want[0].Label || math.Abs(got-top) > 0.2 {
				t.Errorf("printed %q, want %s and about %.1f %%", out, want[0].Label, top)
			}
		})
	}
}

// TestOnePackage: an export replaces the one before; beside Go files of another
// package nothing is written.
func TestOnePackage(t *testing.T) {
	run, dir := model(t, "lenet5"), t.TempDir()
	into := func(pkg string) error {
		_, err := export(t, "-model", run, "-to", "go", "-package", pkg, "-out", dir)
		return err
	}
	for range 2 {
		if err := into("main"); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(filepath.Join(dir, "model.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := "export: " + dir + " holds decode.go of package main, which does not go with package digits; want another folder"
	if err := into("digits"); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "model.go")); err != nil || string(after) != string(before) {
		t.Errorf("model.go was written over: %v", err)
	}
	dir = t.TempDir()
	for name, text := range map[string]string{"own.go": "package digits\n", "own_test.go": "package digits_test\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := into("digits"); err != nil {
			t.Error(err)
		}
	}
}

// answer is what testdata/wasm.js prints.
type answer struct {
	Input         [3]int    `json:"input"`
	Classes       []string  `json:"classes"`
	Probabilities []float32 `json:"probabilities"`
	Prepared      []float32 `json:"prepared"`
	Fit           string    `json:"fit"`
	Region        []float64 `json:"region"`
	Errors        []string  `json:"errors"`
	Again         []float32 `json:"again"`
	Milliseconds  float64   `json:"milliseconds"`
}

// inNode runs a program in Node; it skips the test where there is none.
func inNode(t testing.TB, program string, x []float32, img *image.NRGBA, args ...string) (a answer) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("Node is not installed: %v", err)
	}
	dir := t.TempDir()
	pixels, picture := filepath.Join(dir, "pixels"), filepath.Join(dir, "picture")
	raw, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{pixels: raw, picture: img.Pix} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := wasmExec(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	support := filepath.Join(dir, "wasm_exec.js")
	if err := os.WriteFile(support, b, 0o644); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"testdata/wasm.js", support, program, pixels, picture, strconv.Itoa(img.Rect.Dx()), strconv.Itoa(img.Rect.Dy())}, args...)
	cmd := exec.Command("node", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return a
}

// TestWasm: in WebAssembly the same comes out, and mistakes return errors.
func TestWasm(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	run := model(t, "cnn")
	p, err := infer.Load(run)
	if err != nil {
		t.Fatal(err)
	}
	x, err := p.Pixels(drawing())
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.Predict([][]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	a := inNode(t, source(t, run, "js", "wasm"), x, drawing())
	if a.Input != p.Input || strings.Join(a.Classes, "") != "abc" {
		t.Errorf("input %v and classes %v, want the model's", a.Input, a.Classes)
	}
	near(t, "probabilities", a.Probabilities, want[0].Probabilities, 1e-5)
	near(t, "probabilities after errors", a.Again, want[0].Probabilities, 1e-5)
	near(t, "prepared pixels", a.Prepared, x, 1e-6)
	r, err := p.Region(drawing())
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{r.Left, r.Top, r.Right, r.Bottom}; a.Fit != "strokes" || !slices.Equal(a.Region, want) {
		t.Errorf("fit %s with region %v, want strokes with %v", a.Fit, a.Region, want)
	}
	for i, want := range []string{
		"classify takes one Float32Array", "classify takes one Float32Array", "783 pixels, want 1×28×28", "pixel 0 is NaN", "want 4 for each of 1×1 pixels",
		"want 4 for each of", "want 4 for each of", "blank", "a picture is a Uint8ClampedArray", "orientation 9, want 1 to 8", "orientation takes one", "orientation takes one",
		"want 4 for each of", "a picture is a Uint8ClampedArray",
	} {
		if !strings.Contains(a.Errors[i], want) {
			t.Errorf("error %d is %q, want %s", i, a.Errors[i], want)
		}
	}
}

func near(t testing.TB, what string, got, want []float32, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d %s, want %d", len(got), what, len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= bound) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

// BenchmarkWasm is one image in WebAssembly, by processor time.
func BenchmarkWasm(b *testing.B) {
	for _, name := range []string{"cnn", "lenet5"} {
		b.Run(name, func(b *testing.B) {
			program := source(b, model(b, name), "js", "wasm")
			a := inNode(b, program, make([]float32, 28*28), drawing(), strconv.Itoa(max(b.N, 500)))
			b.ReportMetric(a.Milliseconds, "ms/image")
			b.ReportMetric(0, "ns/op")
		})
	}
}
