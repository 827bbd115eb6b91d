package infer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/testset"
)

func TestSources(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"digits/b", "digits/.cache", "empty", "[odd]", "mixed/own"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{
		"digits/b/1.png", "digits/b/2.JPG", "digits/a.gif", "digits/c.jpeg", "digits/notes.txt", "digits/.hidden.png", "digits/.cache/x.png", "[odd]/a*b.png", "0.png", "mixed/own/9.png",
	} {
		write(t, file, nil)
	}
	for link, to := range map[string]string{"link": "digits", "digits/b/3.png": "../../0.png", "digits/b/4.png": "nowhere", "digits/b/5.png": ".", "mixed/linked": "../digits/b", "mixed/own/up": "..", "mixed/z": "own"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	const none = ": infer: no picture in the folder, want PNG, JPEG, GIF, WebP, BMP or TIFF"
	for _, tt := range []struct {
		args, want []string
	}{
		{[]string{"z.png", "0.png", "-"}, []string{"z.png", "0.png", "-"}},
		{[]string{"digits"}, []string{"digits/a.gif", "digits/b/1.png", "digits/b/2.JPG", "digits/b/3.png", "digits/b/4.png", "digits/c.jpeg"}},
		{[]string{"link", "./link/b/"}, []string{"link/a.gif", "link/b/1.png", "link/b/2.JPG", "link/b/3.png", "link/b/4.png", "link/c.jpeg", "link/b/1.png", "link/b/2.JPG", "link/b/3.png", "link/b/4.png"}},
		{[]string{"mixed"}, []string{"mixed/linked/1.png", "mixed/linked/2.JPG", "mixed/linked/3.png", "mixed/linked/4.png", "mixed/own/9.png"}},
		{[]string{"digits/[a-z]*.?[if]*"}, []string{"digits/a.gif"}},
		{[]string{"digits/[ab]*", "0.png"}, []string{"digits/a.gif", "digits/b/1.png", "digits/b/2.JPG", "digits/b/3.png", "digits/b/4.png", "0.png"}},
		{[]string{"[odd]", "[odd]/a*b.png"}, []string{"[odd]/a*b.png", "[odd]/a*b.png"}},
		{[]string{"empty", "*.tiff", "a[", "0.png"}, []string{"empty" + none, "*.tiff: infer: no file matches the pattern", "a[: infer: not a pattern, want *, ? and [a-z] as in 'digits/*.png'", "0.png"}},
	} {
		var got []string
		list, _ := sources(tt.args)
		for _, s := range list {
			line := filepath.ToSlash(s.name)
			if s.err != nil {
				line += ": " + s.err.Error()
			}
			got = append(got, line)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q gives %q, want %q", tt.args, got, tt.want)
		}
	}
}

// TestMaxPixels: a picture of more than -max-pixels is refused, one of as many is not.
func TestMaxPixels(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 40, 30))
	img.Pix[500] = 255 // a network of strokes refuses what is blank
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	file := write(t, filepath.Join(t.TempDir(), "a.png"), b.Bytes())
	if _, _, err := classified(t, "-model", trained(t), "-max-pixels", "1200", file); err != nil {
		t.Error(err)
	}
	_, errs, err := classified(t, "-model", trained(t), "-max-pixels", "1199", file)
	if err == nil || !strings.HasPrefix(errs, file+": infer: a PNG picture of 40×30 pixels, want 1 to 1199 of them") {
		t.Errorf("stderr %q, %v, want that the picture is too large", errs, err)
	}
	_, _, err = classified(t, "-model", trained(t), "-max-pixels", "0", file)
	if !errors.As(err, new(cli.UsageError)) || !strings.Contains(err.Error(), "want an integer of 1 or more") {
		t.Errorf("error %v, want that of the flag", err)
	}
}

// TestManyFiles: more pictures than a batch has, some of them broken, come in
// order, each as it does alone.
func TestManyFiles(t *testing.T) {
	files, _ := pictures(t, 7)
	broken := write(t, filepath.Join(t.TempDir(), "broken.png"), []byte("no picture"))
	args, list := []string{"-model", trained(t), "-json"}, []string(nil)
	for i := range 3 * testset.Batch {
		if i%100 == 50 {
			list = append(list, broken)
		} else {
			list = append(list, files[i%7])
		}
	}
	out, errs, err := classified(t, append(args, list...)...)
	if err == nil || err.Error() != "infer: 4 of 384 files could not be classified" || strings.Count(errs, broken+": infer: no picture, want PNG") != 4 {
		t.Fatalf("error %v, stderr %q, want four broken files", err, errs)
	}
	p, err := load(trained(t), "", testset.Batch)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for _, name := range list {
		if name == broken {
			continue
		}
		var r result
		strict(t, lines[0], &r)
		lines = lines[1:]
		pixels, _, err := reader{pixels: p.Pixels}.read(name)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := p.Predict([][]float32{pixels})
		if err != nil {
			t.Fatal(err)
		}
		if r.File != name || r.Class != alone[0].Label {
			t.Fatalf("%s is %s, want %s, %s", r.File, r.Class, name, alone[0].Label)
		}
		for k, v := range alone[0].Probabilities {
			if d := v - r.Probabilities[k]; d > 1e-5 || d < -1e-5 {
				t.Fatalf("%s: probability %d is %v, alone %v", name, k, r.Probabilities[k], v)
			}
		}
	}
	if len(lines) != 0 {
		t.Errorf("%d lines too many", len(lines))
	}
}

// TestBatch: fewer pictures together say the same of each.
func TestBatch(t *testing.T) {
	files, _ := pictures(t, 7)
	args := append([]string{"-model", trained(t)}, files...)
	want, _, err := classified(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"1", "3", "1000"} {
		got, errs, err := classified(t, append([]string{"-batch", n}, args...)...)
		if err != nil || errs != "" || got != want {
			t.Errorf("-batch %s: error %v, stderr %q, got\n%s\nwant\n%s", n, err, errs, got, want)
		}
	}
}

// TestAhead: all pictures come, in batches of which there is room for one.
func TestAhead(t *testing.T) {
	list := slices.Repeat([]source{{name: "none.png"}}, 10*testset.Batch)
	n := 0
	for results := range ahead(t.Context(), reader{batch: testset.Batch}, list) {
		for _, r := range results {
			if r.File != "none.png" || r.err == nil {
				t.Fatalf("%+v, want the error of a missing file", r)
			}
		}
		if n += len(results); len(results) != testset.Batch {
			t.Errorf("a batch of %d, want %d", len(results), testset.Batch)
		}
	}
	if n != len(list) {
		t.Errorf("%d pictures, want %d", n, len(list))
	}
	if c := cap(ahead(t.Context(), reader{batch: testset.Batch}, nil)); c != 1 {
		t.Errorf("room for %d batches, want 1", c)
	}
}

func TestStdin(t *testing.T) {
	files, _ := pictures(t, 1)
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer func(old *os.File) { os.Stdin = old }(os.Stdin)
	os.Stdin = f
	out, errs, err := classified(t, "-model", trained(t), "-")
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	want, _, err := classified(t, "-model", trained(t), files[0])
	if err != nil {
		t.Fatal(err)
	}
	if out != "-"+strings.TrimPrefix(want, files[0]) {
		t.Errorf("printed %q, want %q with the name -", out, want)
	}
	out, errs, err = classified(t, "-model", trained(t), "-")
	if err == nil || out != "" || !strings.HasPrefix(errs, "-: infer: no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF") {
		t.Errorf("error %v, stdout %q, stderr %q, want that there is no more on standard input", err, out, errs)
	}
}

func TestCSV(t *testing.T) {
	files, _ := pictures(t, 2)
	odd := filepath.Join(filepath.Dir(files[0]), `a "digit", 7.png`)
	if err := os.Rename(files[1], odd); err != nil {
		t.Fatal(err)
	}
	out, errs, err := classified(t, "-model", trained(t), "-csv", files[0], odd)
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows (%v), want 3:\n%s", len(rows), err, out)
	}
	if got := strings.Join(rows[0], " "); got != "file class 0 1 2 3 4 5 6 7 8 9" {
		t.Errorf("columns %s", got)
	}
	for i, row := range rows[1:] {
		best := []float32{}
		for _, field := range row[2:] {
			v, err := strconv.ParseFloat(field, 32)
			if err != nil {
				t.Fatal(err)
			}
			best = append(best, float32(v))
		}
		if want := []string{files[0], odd}[i]; row[0] != want || row[1] != strconv.Itoa(ranking(best)[0]) {
			t.Errorf("row %q, want %s and the most probable class", row, want)
		}
	}
}

// TestSaliencyFile: each picture as the network gets it, and beside it the same
// with the pixels that mattered.
func TestSaliencyFile(t *testing.T) {
	files, _ := pictures(t, 5)
	for _, tt := range []struct {
		n, width, height int
	}{
		{1, 2*112 + 24, 112 + 18 + 24},
		{5, 4 * (2*112 + 24), 2*(112+18+12) + 12},
	} {
		file := filepath.Join(t.TempDir(), "out.PNG")
		out, errs, err := classified(t, append([]string{"-model", trained(t), "-saliency", file}, files[:tt.n]...)...)
		if err != nil || errs != "" || strings.Count(out, "\n") != tt.n {
			t.Fatalf("error %v, stdout %q, stderr %q", err, out, errs)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if size := img.Bounds().Size(); size != image.Pt(tt.width, tt.height) {
			t.Fatalf("%d pictures on a sheet of %v, want %dx%d", tt.n, size, tt.width, tt.height)
		}
		p, err := load(trained(t), "", testset.Batch)
		if err != nil {
			t.Fatal(err)
		}
		x, _, err := reader{pixels: p.Pixels}.read(files[tt.n-1])
		if err != nil {
			t.Fatal(err)
		}
		at := image.Pt(12, 12)
		if tt.n == 5 {
			at.Y += 142
		}
		orange := 0
		for i, v := range x {
			left := color.GrayModel.Convert(img.At(at.X+4*(i%28)+2, at.Y+4*(i/28)+2)).(color.Gray).Y
			if want := uint8(255*v + 0.5); left != want {
				t.Fatalf("%d pictures: pixel %d of the last is %d, want %d", tt.n, i, left, want)
			}
			if r, _, b, _ := img.At(at.X+112+4*(i%28)+2, at.Y+4*(i/28)+2).RGBA(); r > b {
				orange++
			}
		}
		if orange < 50 {
			t.Errorf("%d pixels are orange, want 50 or more", orange)
		}
	}
}

// TestSaliencyOfBadFiles: they are left out, and without a good one there is no
// sheet.
func TestSaliencyOfBadFiles(t *testing.T) {
	files, _ := pictures(t, 1)
	file := filepath.Join(t.TempDir(), "out.png")
	_, _, err := classified(t, "-model", trained(t), "-saliency", file, "none.png")
	if _, missing := os.Stat(file); err == nil || missing == nil {
		t.Errorf("error %v, and a sheet: %t", err, missing == nil)
	}
	_, _, err = classified(t, "-model", trained(t), "-saliency", file, "none.png", files[0])
	if _, missing := os.Stat(file); err == nil || err.Error() != "infer: 1 of 2 files could not be classified" || missing != nil {
		t.Errorf("error %v, and no sheet: %v", err, missing)
	}
}

// TestOddNames: names of files cannot write on the terminal, nor make lines of their own.
func TestOddNames(t *testing.T) {
	files, _ := pictures(t, 1)
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	odd := write(t, filepath.Join(dir, "a\x1b[31m\nb.png"), content)
	bad := write(t, filepath.Join(dir, "c\x1b[31m\nd.png"), nil)
	out, errs, err := classified(t, "-model", trained(t), odd, bad)
	if err == nil || strings.ContainsRune(out+errs, '\x1b') || strings.Count(out, "\n") != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(out, `a\x1b[31m\nb.png: `) {
		t.Errorf("printed %q and %q, error %v", out, errs, err)
	}
	if out, _, err := classified(t, "-model", trained(t), "-json", odd); err != nil || !strings.Contains(out, `a\u001b[31m\nb.png`) {
		t.Errorf("-json: %q, error %v, want the name as it is", out, err)
	}
}
