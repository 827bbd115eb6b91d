package robust

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/earlier"
	"tapenet/cmd/internal/foreign"
	"tapenet/infer"
)

// measuredRun is a copy of a small run, and what the command prints of it.
func measuredRun(t *testing.T, args ...string) (r earlier.Run, stdout string) {
	t.Helper()
	r, err := earlier.Copy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return r, measureRun(t, append([]string{"-model", r.Dir, "-data", r.Data}, args...)...)
}

func measureRun(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if stderr.Len() > 0 {
		t.Errorf("%v print %q to stderr, want nothing where no terminal is", args, stderr.String())
	}
	return stdout.String()
}

// read reads a file of a folder.
func read(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRun: without -what and -out, everything is measured, in the run's folder; the
// same again gives the same bytes.
func TestRun(t *testing.T) {
	r, stdout := measuredRun(t, "-limit", "6")
	for _, want := range []string{"on 6 test images", "\nclean ", "MNIST-C", "rotation -90 to 90°", "right at all of them", "attacks within L∞ 0.3", "fgsm", "ECE", "noise, by energy", filepath.Join(r.Dir, "robust.json")} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	for line := range strings.Lines(stdout) {
		if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > 80 && !strings.Contains(line, r.Dir) || strings.HasSuffix(line, " ") {
			t.Errorf("line of %d columns: %q", utf8.RuneCountInString(line), line)
		}
	}
	first, page := read(t, r.Dir, jsonFile), read(t, r.Dir, pageFile)
	var got result
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		t.Fatal(err)
	}
	if m := got.Models[0]; len(got.Models) != 1 || m.Model != r.Dir || m.Report.Clean.Images != 6 || m.Report.Grid.Points != 775 || len(m.Report.Attacks.Attacks) < 2 {
		t.Errorf("%s says %s", jsonFile, first)
	}
	measureRun(t, "-model", r.Dir, "-data", r.Data, "-limit", "6")
	if second := read(t, r.Dir, jsonFile); second != first {
		t.Errorf("%s is another one the second time", jsonFile)
	}
	if second := read(t, r.Dir, pageFile); second != page {
		t.Errorf("%s is another one the second time", pageFile)
	}
}

// TestPageAlone: the page asks for nothing, and has what it is to have.
func TestPageAlone(t *testing.T) {
	r, _ := measuredRun(t, "-limit", "6", "-what", "geometry,corruptions/scale,calibration,attacks/curve")
	page := read(t, r.Dir, pageFile)
	for _, not := range []string{"http:", "https:", "url(", "@import", "<script", "ZgotmplZ"} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %q", not)
		}
	}
	for _, want := range []string{"prefers-color-scheme: dark", "width=device-width", "default-src 'none'", "What fails first", "What deformations look like",
		`aria-label="rotation"`, `aria-label="reliability"`, `aria-label="attack by pgd"`, "pgd by distance", `class="ideal"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// TestHostileNames: names are text.
func TestHostileNames(t *testing.T) {
	r, _ := measuredRun(t, "-limit", "2", "-what", "clean")
	dir := filepath.Join(filepath.Dir(r.Dir), "<script>alert(1)<")
	if err := os.Rename(r.Dir, dir); err != nil {
		t.Fatal(err)
	}
	measureRun(t, "-model", dir, "-data", r.Data, "-limit", "2", "-what", "clean")
	if page := read(t, dir, pageFile); strings.Contains(page, "<script>") || !strings.Contains(page, "&lt;script&gt;alert(1)&lt;") {
		t.Error("a name is not escaped")
	}
}

var photos = regexp.MustCompile(`<img src="data:image/png;base64,([^"]+)" alt="image (\d+) of class ([^,]+), (ε [^:]+): the network says (\S+) with`)

// TestPicturesOfAttacks: what the page shows of an attack, decoded, gets the answer
// that the page says when it is predicted as any other picture.
func TestPicturesOfAttacks(t *testing.T) {
	r, _ := measuredRun(t, "-limit", "12", "-what", "attacks/pgd")
	p, err := infer.Load(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	found := photos.FindAllStringSubmatch(read(t, r.Dir, pageFile), -1)
	if len(found) < 2 {
		t.Fatalf("%d pictures of the attack, want two or more", len(found))
	}
	wrong := 0
	for _, m := range found {
		b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(m[1], "&#43;", "+"))
		if err != nil {
			t.Fatal(err)
		}
		img, _, err := image.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, img.Bounds().Dx()*img.Bounds().Dy())
		for i, v := range img.(*image.Gray).Pix {
			x[i] = float32(v) / 255
		}
		predictions, err := p.Predict([][]float32{x})
		if err != nil {
			t.Fatal(err)
		}
		if got := predictions[0].Label; got != m[5] {
			t.Errorf("image %s, %s: the saved picture is a %s, the page says %s", m[2], m[4], got, m[5])
		}
		if m[5] != m[3] {
			wrong++
		}
	}
	if wrong == 0 {
		t.Error("no attack on the page turns an answer, want some at ε 0.3")
	}
}

// TestSeveral: two networks side by side, in the folder above, no line too long.
func TestSeveral(t *testing.T) {
	r, _ := measuredRun(t, "-limit", "2", "-what", "clean")
	others := []string{r.Dir}
	for _, name := range []string{"a-rather-long-name-of-a-run", "b", "c", "d", "e", "f", "g"} {
		dir := filepath.Join(filepath.Dir(r.Dir), name)
		if err := os.CopyFS(dir, os.DirFS(r.Dir)); err != nil {
			t.Fatal(err)
		}
		others = append(others, dir)
	}
	stdout := measureRun(t, "-model", strings.Join(others, ","), "-data", r.Data, "-limit", "3", "-what", "corruptions/scale,corruptions/rotate,attacks/fgsm")
	if !strings.Contains(stdout, "error relative to run") || !strings.Contains(stdout, "…name-of-a-run"[3:]) {
		t.Errorf("printed\n%s", stdout)
	}
	for line := range strings.Lines(stdout) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !strings.Contains(line, filepath.Dir(r.Dir)) {
			t.Errorf("line of %d columns: %q", n, line)
		}
	}
	var got result
	if err := json.Unmarshal([]byte(read(t, filepath.Dir(r.Dir), jsonFile)), &got); err != nil || len(got.Models) != len(others) {
		t.Errorf("%d models, error %v, want %d", len(got.Models), err, len(others))
	}
}

func TestInterrupt(t *testing.T) {
	r, _ := measuredRun(t, "-limit", "2", "-what", "clean")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := run(ctx, []string{"-model", r.Dir, "-data", r.Data}, new(bytes.Buffer), new(bytes.Buffer))
	if !errors.Is(err, context.Canceled) || cli.Report("robust", err, new(bytes.Buffer)) != 130 {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestErrors(t *testing.T) {
	r, err := earlier.Copy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no model", nil, "robust: no model, want -model DIR, as in -model runs/cnn"},
		{"missing model", []string{"-model", "nowhere"}, "no model"},
		{"twice", []string{"-model", "a,a"}, "robust: -model has a twice, want each once"},
		{"other images", []string{"-model", r.Dir, "-data", "mnist"}, "the dataset has images of (1,28,28) in 10 classes, the model takes (1,12,12) in 10"},
		{"unknown measurement", []string{"-model", r.Dir, "-data", r.Data, "-what", "luck"}, `no measurement "luck", want one of clean, corruptions, geometry, grid, attacks, certificates, calibration, unknown`},
		{"unknown item", []string{"-model", r.Dir, "-data", r.Data, "-what", "geometry/luck"}, `no measurement "geometry/luck", want one of geometry/: rotation, shift across`},
		{"limit", []string{"-model", r.Dir, "-limit", "-3"}, "robust: -limit -3, want a number from 1, 0 for the default or -1 for all"},
		{"epsilon", []string{"-model", r.Dir, "-eps", "-1"}, "robust: -eps -1, want 0 to 1, as pixels are 0..1"},
		{"epsilon of bytes", []string{"-model", r.Dir, "-eps", "8"}, "robust: -eps 8, want 0 to 1, as pixels are 0..1"},
		{"large epsilon", []string{"-model", r.Dir, "-eps", "1e7", "-norm", "l2"}, "robust: -eps 1e+07, want a number from 0 to 1e6"},
		{"sigma", []string{"-model", r.Dir, "-sigma", "-1"}, "robust: -sigma -1, want a number above 0, or 0 for the default"},
		{"samples", []string{"-model", r.Dir, "-samples", "-1"}, "robust: -samples -1, want a number from 1, or 0 for the default"},
		{"norm", []string{"-model", r.Dir, "-norm", "l7"}, "robust: -norm l7, want one of linf, l2"},
		{"unknown of another size", []string{"-model", r.Dir, "-data", r.Data, "-unknown", "mnist"}, "robust: -unknown mnist has images of (1,28,28), the model takes (1,12,12)"},
		{"an argument", []string{"-model", r.Dir, "x"}, `robust: unexpected argument "x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), tt.args, new(bytes.Buffer), new(bytes.Buffer))
			var stderr bytes.Buffer
			code := cli.Report("robust", err, &stderr)
			if line := stderr.String(); code == 0 || !strings.Contains(line, tt.want) || strings.Count(line, "\n") != 1 {
				t.Errorf("exit code %d and %q, want one line with %q", code, line, tt.want)
			}
		})
	}
}

// TestForeign: one line says what a file is that is no classifier of images.
func TestForeign(t *testing.T) {
	files, err := foreign.Files(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := f.Check(run(t.Context(), []string{"-model", f.Path, "-data", "mnist"}, new(bytes.Buffer), new(bytes.Buffer))); err != nil {
			t.Error(err)
		}
	}
}
