package infer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/foreign"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

var loadMNIST = sync.OnceValues(data.MNIST)

func mnist(t *testing.T) data.Dataset {
	t.Helper()
	d, err := loadMNIST()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// folder is for a run that all tests use.
var folder string

// TestMain is the command itself in a process that asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("TAPENET_TEST_COMMAND") != "" {
		cli.Main(Command)
	}
	var err error
	if folder, err = os.MkdirTemp("", "run"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

var fit = sync.OnceValue(func() error {
	d, err := loadMNIST()
	if err != nil {
		return err
	}
	d.Train, d.Test = data.Limit(d.Train, 1000), data.Limit(d.Test, 100)
	_, err = train.Fit(context.Background(), modelzoo.LeNet5(10), d, train.Config{Epochs: 3, Seed: 1, Dir: folder, Model: "lenet5"})
	return err
})

// trained returns the folder of a run, which the first call makes.
func trained(t *testing.T) (dir string) {
	t.Helper()
	if err := fit(); err != nil {
		t.Fatal(err)
	}
	return folder
}

// classified runs the command.
func classified(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// pictures writes the first n test digits as PNG files and returns their names
// and classes.
func pictures(t *testing.T, n int) (files []string, classes []int) {
	t.Helper()
	dir, test := t.TempDir(), mnist(t).Test
	x := make([]float32, 28*28)
	for i := range n {
		class, err := test.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		g := image.NewGray(image.Rect(0, 0, 28, 28))
		for k, v := range x {
			g.Pix[k] = uint8(v*255 + 0.5)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, g); err != nil {
			t.Fatal(err)
		}
		files = append(files, write(t, filepath.Join(dir, fmt.Sprintf("digit%d.png", i)), b.Bytes()))
		classes = append(classes, class)
	}
	return files, classes
}

func write(t *testing.T, file string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFiles(t *testing.T) {
	files, classes := pictures(t, 20)
	out, errs, err := classified(t, append([]string{"-model", trained(t), "-top", "10"}, files...)...)
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	format := regexp.MustCompile(`^(.*\.png): (\d)  \((\d: \d+\.\d %(, )?){10}\)$`)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(files) {
		t.Fatalf("%d lines for %d files:\n%s", len(lines), len(files), out)
	}
	right := 0
	for i, line := range lines {
		m := format.FindStringSubmatch(line)
		if m == nil || m[1] != files[i] {
			t.Fatalf("line %q, want %s: class  (0: 0.0 %%, …)", line, files[i])
		}
		if m[2] == fmt.Sprint(classes[i]) {
			right++
		}
	}
	if right < 15 {
		t.Errorf("%d of %d digits are right, want at least 15", right, len(files))
	}
}

// TestTop: the most probable classes come first, three unless -top says
// otherwise, and never more than there are.
func TestTop(t *testing.T) {
	files, _ := pictures(t, 1)
	for _, tt := range []struct {
		args []string
		want int
	}{{nil, 3}, {[]string{"-top", "1"}, 1}, {[]string{"-top", "10"}, 10}, {[]string{"-top", "99"}, 10}} {
		out, _, err := classified(t, append(append([]string{"-model", trained(t)}, tt.args...), files...)...)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`: (\d)  \((.*)\)\n$`).FindStringSubmatch(out)
		if m == nil || !strings.HasPrefix(m[2], m[1]+": ") {
			t.Fatalf("%q printed %q, want the class first", tt.args, out)
		}
		shown, last := strings.Split(m[2], ", "), 100.0
		for _, s := range shown {
			var class string
			var percent float64
			if _, err := fmt.Sscanf(s, "%1s: %f %%", &class, &percent); err != nil || percent > last {
				t.Errorf("%q printed %q, want falling percentages (%v)", tt.args, out, err)
			}
			last = percent
		}
		if len(shown) != tt.want {
			t.Errorf("%q shows %d classes, want %d: %q", tt.args, len(shown), tt.want, out)
		}
	}
}

func TestFilesAsJSON(t *testing.T) {
	files, _ := pictures(t, 3)
	out, errs, err := classified(t, append([]string{"-json", "-model", filepath.Join(trained(t), train.ModelFile)}, files...)...)
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(files) {
		t.Fatalf("%d lines for %d files:\n%s", len(lines), len(files), out)
	}
	for i, line := range lines {
		var r result
		strict(t, line, &r)
		sum := 0.0
		for _, p := range r.Probabilities {
			sum += float64(p)
		}
		if r.File != files[i] || len(r.Class) != 1 || len(r.Probabilities) != 10 || math.Abs(sum-1) > 1e-5 {
			t.Errorf("line %s, want file %s, a class, and 10 probabilities with sum 1", line, files[i])
		}
	}
}

// strict parses one JSON value that has no key but v's.
func strict(t *testing.T, text string, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("%q: more than one JSON value", text)
	}
}

// TestBadFiles: they do not stop the others, but the command fails.
func TestBadFiles(t *testing.T) {
	good, _ := pictures(t, 2)
	dir := t.TempDir()
	text := write(t, filepath.Join(dir, "text.png"), []byte("no picture"))
	empty := write(t, filepath.Join(dir, "empty.png"), nil)
	missing := filepath.Join(dir, "missing.png")
	folder := filepath.Join(dir, "folder") // without a picture
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	blank := filepath.Join(dir, "blank.png")
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 50, 50))); err != nil {
		t.Fatal(err)
	}
	write(t, blank, b.Bytes())
	out, errs, err := classified(t, "-model", trained(t), good[0], text, empty, missing, folder, blank, good[1])
	if err == nil || err.Error() != "infer: 5 of 7 files could not be classified" || errors.As(err, new(cli.UsageError)) {
		t.Errorf("error %v, want one that counts 5 of 7", err)
	}
	if lines := strings.Split(out, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], good[0]) || !strings.HasPrefix(lines[1], good[1]) {
		t.Errorf("stdout %q, want lines for %q", out, good)
	}
	wants := []string{
		text + ": infer: no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF", empty + ": infer: no picture, want PNG", missing + ": no such file or directory",
		folder + ": infer: no picture in the folder, want PNG, JPEG, GIF, WebP, BMP or TIFF", blank + ": infer: the picture is blank",
	}
	lines := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
	if len(lines) != len(wants) {
		t.Fatalf("stderr %q, want %d lines", errs, len(wants))
	}
	for i, want := range wants {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("stderr line %q, want %q", lines[i], want)
		}
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name  string
		args  []string
		usage bool // exit code 2
		want  string
	}{
		{"no model", []string{"x.png"}, true, "infer: no model, want -model DIR"},
		{"no file", []string{"-model", dir}, true, "infer: nothing to do, want picture files or -data"},
		{"files and data", []string{"-model", dir, "-data", "mnist", "x.png"}, true, "infer: got both -data and files"},
		{"flag after a file", []string{"x.png", "-model", dir}, false, "infer: no model: stat "},
		{"no classes to show", []string{"-model", dir, "-top", "0", "x.png"}, true, "infer: -top 0, want 1 or more"},
		{"no images together", []string{"-model", dir, "-batch", "-1", "x.png"}, true, "infer: -batch -1, want 1 or more, or 0 for the default"},
		{"two formats", []string{"-model", dir, "-json", "-csv", "x.png"}, true, "infer: got both -json and -csv, want one of them"},
		{"table of data", []string{"-model", dir, "-csv", "-data", "mnist"}, true, "infer: -csv and -saliency are for files"},
		{"saliency of data", []string{"-model", dir, "-saliency", "x.png", "-data", "mnist"}, true, "infer: -csv and -saliency are for files"},
		{"saliency as JPEG", []string{"-model", dir, "-saliency", "x.jpg", "y.png"}, true, "infer: -saliency x.jpg, want a file ending in .png"},
		{"saliency without folder", []string{"-model", dir, "-saliency", filepath.Join(dir, "none", "x.png"), "y.png"}, true, "there is no folder " + filepath.Join(dir, "none") + ", want one to write into"},
		{"empty name", []string{"-model", trained(t) + ",," + trained(t), "x.png"}, true, " has an empty name, want names with one comma between them"},
		{"saliency of very many", append([]string{"-model", trained(t), "-saliency", filepath.Join(dir, "x.png")}, slices.Repeat([]string{"y.png"}, 201)...), true, "infer: 201 files, -saliency draws at most 200"},
		{"unknown flag", []string{"-x"}, true, "infer: no flag -x; infer -help lists the flags"},
		{"folder without model", []string{"-model", dir, "x.png"}, false, "go run ./cmd/train makes one"},
		{"missing folder", []string{"-model", filepath.Join(dir, "none"), "x.png"}, false, "go run ./cmd/train makes one"},
		{"missing dataset", []string{"-model", trained(t), "-data", filepath.Join(dir, "none")}, true, "no dataset"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, err := classified(t, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line with %q", err, tt.want)
			}
			if usage := errors.As(err, new(cli.UsageError)); usage != tt.usage {
				t.Errorf("usage error: %t, want %t", usage, tt.usage)
			}
			if out != "" || errs != "" {
				t.Errorf("printed %q and %q besides the error", out, errs)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	out, errs, err := classified(t, "-help")
	if !errors.Is(err, flag.ErrHelp) || errs != "" {
		t.Errorf("error %v, stderr %q, want flag.ErrHelp alone", err, errs)
	}
	for _, want := range []string{"usage: tapenet infer", "-model", "-data", "-json"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"-data", "mnist"}, {"x.png"}} {
		var out bytes.Buffer
		err := run(ctx, append([]string{"-model", trained(t)}, args...), &out, io.Discard)
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "infer: stopped after 0 of ") || out.Len() > 0 {
			t.Errorf("%q: error %v, stdout %q, want the context's error alone", args, err, out.String())
		}
	}
}

// TestForeign: one line says what a file is that is no classifier of images. Features
// are there of networks that take images.
func TestForeign(t *testing.T) {
	files, err := foreign.Files(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, _, err := classified(t, "-model", f.Path, "x.png"); f.Check(err) != nil {
			t.Error(f.Check(err))
		}
		_, _, err := classified(t, "-model", f.Path, "-features", "x.png")
		if err == nil || strings.Contains(err.Error(), "\n") || !f.Opens && f.Check(err) != nil {
			t.Errorf("features: error %v", err)
		}
	}
}
