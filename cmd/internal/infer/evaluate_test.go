package infer

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/cmd/internal/testset"
	"tapenet/graph/raster"
	"tapenet/train/data"
)

// idx writes the first n test digits of the classes below a number as a dataset
// of IDX files, for training and for testing.
func idx(t *testing.T, n, classes int) (dir string) {
	t.Helper()
	test := mnist(t).Test
	images := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, uint32(n))
	images = append(images, 0, 0, 0, 28, 0, 0, 0, 28)
	labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(n))
	x := make([]float32, 28*28)
	for i := 0; n > 0; i++ {
		class, err := test.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		if class >= classes {
			continue
		}
		n--
		labels = append(labels, byte(class))
		for _, v := range x {
			images = append(images, byte(v*255+0.5))
		}
	}
	dir = t.TempDir()
	for _, part := range []string{"train", "t10k"} {
		write(t, filepath.Join(dir, part+"-images-idx3-ubyte"), images)
		write(t, filepath.Join(dir, part+"-labels-idx1-ubyte"), labels)
	}
	return dir
}

func TestEvaluate(t *testing.T) {
	dir := idx(t, 300, 10)
	out, errs, err := classified(t, "-model", trained(t), "-data", dir)
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	for _, want := range []string{"accuracy 0.", "(300 images)", "precision  recall      F1  images", "top-3 accuracy 0.", "confusion: true class in rows"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestEvaluateAsJSON(t *testing.T) {
	dir := idx(t, 300, 10)
	out, errs, err := classified(t, "-model", trained(t), "-data", dir, "-json")
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	var e evaluation
	strict(t, out, &e)
	if len(e.Classes) != 10 || len(e.Precision) != 10 || len(e.Recall) != 10 || len(e.F1) != 10 || len(e.Confusion) != 10 {
		t.Fatalf("%+v, want ten of each", e)
	}
	right := 0
	for k := range e.Confusion {
		right += e.Confusion[k][k]
	}
	if e.Confusion.Total() != 300 || math.Abs(e.Accuracy-float64(right)/300) > 1e-12 || e.Accuracy < 0.7 {
		t.Errorf("accuracy %v with %d of %d right, want at least 0.7 of 300", e.Accuracy, right, e.Confusion.Total())
	}

	if e.Top != 3 || e.TopAccuracy <= e.Accuracy || e.TopAccuracy > 1 {
		t.Errorf("top-%d accuracy %v beside accuracy %v, want more for three", e.Top, e.TopAccuracy, e.Accuracy)
	}
	for k, f := range e.F1 {
		if want := 2 * e.Precision[k] * e.Recall[k] / (e.Precision[k] + e.Recall[k]); math.Abs(f-want) > 1e-12 {
			t.Errorf("F1 of class %d is %v, want %v", k, f, want)
		}
	}
	for top, want := range map[string]float64{"1": e.Accuracy, "10": 1, "99": 1} {
		out, _, err := classified(t, "-model", trained(t), "-data", dir, "-json", "-top", top)
		if err != nil {
			t.Fatal(err)
		}
		var e evaluation
		if strict(t, out, &e); e.TopAccuracy != want || e.Top > 10 {
			t.Errorf("-top %s gives a top-%d accuracy of %v, want %v", top, e.Top, e.TopAccuracy, want)
		}
	}

	// The same pictures, one by one, give the same counts.
	d, err := data.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, classes := pictures(t, 50)
	out, _, err = classified(t, append([]string{"-model", trained(t)}, files...)...)
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if !strings.HasPrefix(line, files[i]+": "+d.Classes[classes[i]]+"  (") {
			wrong++
		}
	}
	if wrong > 300-right {
		t.Errorf("%d of 50 pictures are wrong, but %d of the 300 they are among", wrong, 300-right)
	}
}

func TestEvaluateMismatch(t *testing.T) {
	_, _, err := classified(t, "-model", trained(t), "-data", idx(t, 20, 7))
	want := "infer: the dataset has images of (1,28,28) in 7 classes, the model takes (1,28,28) in 10"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}

	named := func(first, second string) string { // ten classes of pictures, the first two by these names
		dir := t.TempDir()
		files, _ := pictures(t, 3)
		for i, name := range []string{first, second, "c", "d", "e", "f", "g", "h", "i", "j"} {
			for k, file := range files {
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				sub := filepath.Join(dir, name)
				if err := os.MkdirAll(sub, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i, k, ".png")), content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		return dir
	}
	if _, _, err := classified(t, "-model", trained(t), "-data", named("a", "b")); err != nil { // the model has numbers
		t.Error(err)
	}
	d, err := data.Open(named("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = testset.Open("infer", named("aa", "b"), d.Shape, d.Classes, raster.Preprocessing{}, 0, io.Discard)
	if want := `infer: class 0 of the dataset is "aa", the model's is "a", want the same classes in the same order`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestExitCodes runs the command as a process of its own.
func TestExitCodes(t *testing.T) {
	files, _ := pictures(t, 1)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		code int
	}{
		{"good file", []string{"-model", trained(t), files[0]}, 0},
		{"help", []string{"-help"}, 0},
		{"bad file", []string{"-model", trained(t), files[0], "none.png"}, 1},
		{"no model", []string{files[0]}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := exec.Command(self, tt.args...)
			c.Env = append(os.Environ(), "TAPENET_TEST_COMMAND=1")
			output, err := c.CombinedOutput()
			if c.ProcessState.ExitCode() != tt.code {
				t.Errorf("%v, want exit code %d; it printed %s", err, tt.code, output)
			}
		})
	}
}

// TestMirror: a picture and its mirror image get the same probabilities, the mean of their own.
func TestMirror(t *testing.T) {
	files, _ := pictures(t, 3)
	plain, _, err := classified(t, "-model", trained(t), "-json", files[0])
	if err != nil {
		t.Fatal(err)
	}
	mirrored, _, err := classified(t, "-model", trained(t), "-json", "-mirror", files[0])
	if err != nil || mirrored == plain {
		t.Errorf("%q with -mirror, %v, want others than without", mirrored, err)
	}
	if _, _, err := classified(t, "-model", trained(t), "-features", "-mirror", files[0]); err == nil || !strings.Contains(err.Error(), "go with none of -data, -saliency and -mirror") {
		t.Errorf("error %v, want that features have no mirror images", err)
	}
}
