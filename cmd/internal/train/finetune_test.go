package train

import (
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph/raster"
	"tapenet/infer"
	"tapenet/modelzoo/open"
)

// marks writes a folder of small pictures with a mark on noise: a class for each of the
// given kinds.
func marks(t *testing.T, kinds ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "marks")
	r := rand.New(rand.NewPCG(3, 4))
	for _, kind := range kinds {
		if err := os.MkdirAll(filepath.Join(dir, kind), 0o755); err != nil {
			t.Fatal(err)
		}
		for n := range 20 {
			img := image.NewGray(image.Rect(0, 0, 16, 16))
			for i := range img.Pix {
				img.Pix[i] = uint8(r.IntN(60))
			}
			at := 2 + r.IntN(10)
			for i := range 16 {
				switch kind {
				case "across":
					img.SetGray(i, at, color.Gray{250})
				case "down":
					img.SetGray(at, i, color.Gray{250})
				case "slope":
					img.SetGray(i, (i+at)%16, color.Gray{250})
				case "dot":
					img.SetGray(at+i%3, at+i/3%3, color.Gray{250})
				}
			}
			f, err := os.Create(filepath.Join(dir, kind, strconv.Itoa(n)+".png"))
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, img); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	return dir
}

// TestFineTune: -from with other classes puts a new head on the features of a run or of a
// foreign file, whose bits stay. The run is read as any other, goes on, repeats itself with
// features from the disk, and can be begun from again.
func TestFineTune(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	two, three := marks(t, "across", "down"), marks(t, "across", "dot", "slope")
	trained(t, "-model", "smallcnn", "-data", two, "-epochs", "5", "-report=false", "-out", at("a"))
	for _, from := range []string{at("a"), asONNX(t, at("a"), raster.Preprocessing{Fit: raster.Crop})} {
		out := trained(t, "-from", from, "-data", three, "-report=false", "-out", at("b"))
		for _, want := range []string{"a new head for 3 classes on ", "cut before ", "epoch 40/", "marks: 48 training and 12 test images"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in %q", want, out)
			}
		}
		before, after := openModel(t, from), openModel(t, at("b"))
		if before.Preprocessing.Fit != after.Preprocessing.Fit || len(after.Classes) != 3 {
			t.Errorf("the model's %+v and %q, want the preprocessing that it came with and three classes", after.Preprocessing, after.Classes)
		}
		kept := 0
		for _, was := range before.Tensors {
			for _, is := range after.Tensors {
				if was.Shape().Eq(is.Shape()) && reflect.DeepEqual(was.Float32s(), is.Float32s()) {
					kept++
					break
				}
			}
		}
		if want := len(before.Tensors) - 6; kept < want {
			t.Errorf("%d of %d tensors kept their bits, want all but those of the three Dense", kept, len(before.Tensors))
		}
		again := trained(t, "-from", from, "-data", three, "-report=false", "-out", at("c"))
		if err := os.RemoveAll(at(".features")); err != nil {
			t.Fatal(err)
		}
		anew := trained(t, "-config", filepath.Join(at("b"), "config.toml"), "-report=false", "-out", at("d"))
		if sum(out) == "" || sum(again) != sum(out) || sum(anew) != sum(out) {
			t.Errorf("hashes %q, with kept features %q, anew %q, want one", sum(out), sum(again), sum(anew))
		}
		trained(t, "-from", from, "-data", three, "-report=false", "-out", at("b"), "-resume", "-epochs", "41", "-schedule", "onecycle")
		os.RemoveAll(at("b"))
	}
	p, err := infer.Load(at("d"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Input != [3]int{1, 16, 16} || len(p.Classes) != 3 {
		t.Errorf("the model takes %v for %q", p.Input, p.Classes)
	}
	out := trained(t, "-from", at("d"), "-data", two, "-report=false", "-out", at("e"))
	if !strings.Contains(out, "a new head for 2 classes") {
		t.Errorf("from a run with a new head: %q", out)
	}
	out = trained(t, "-from", at("a"), "-data", three, "-epochs", "2", "-augment", "shift", "-report=false", "-out", at("f"))
	if !strings.Contains(out, "epoch 2/2") || !strings.Contains(out, "needs about") {
		t.Errorf("with augmentation, which features forbid: %q", out)
	}
}

// TestUnfreeze: the network in front of the head goes on, from the last layers or as a
// whole, with the statistics of BatchNorm as they were; the run goes on.
func TestUnfreeze(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	two, three := marks(t, "across", "down"), marks(t, "across", "dot", "slope")
	trained(t, "-model", "resnet20", "-data", two, "-epochs", "2", "-report=false", "-out", at("a"))
	before := openModel(t, at("a"))
	args := []string{"-from", at("a"), "-data", three, "-report=false", "-epochs", "5", "-unfreeze-epochs", "2"}
	changed := func(run string) (params, statistics int) {
		after := openModel(t, run)
		for name, was := range before.Tensors {
			same := false
			for _, is := range after.Tensors {
				same = same || was.Shape().Eq(is.Shape()) && reflect.DeepEqual(was.Float32s(), is.Float32s())
			}
			switch {
			case same:
			case strings.HasSuffix(name, "/mean") || strings.HasSuffix(name, "/variance"):
				statistics++
			default:
				params++
			}
		}
		return params, statistics
	}
	out := trained(t, append(args, "-unfreeze", "1", "-out", at("one"))...)
	for _, want := range []string{"head alone: 5 epochs", "goes on with ", "at rates up to 0.0003", "epoch 2/2"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	one, statistics := changed(at("one"))
	trained(t, append(args, "-unfreeze", "all", "-out", at("all"))...)
	all, more := changed(at("all"))
	if one < 1 || all <= one || statistics+more != 0 {
		t.Errorf("%d parameters and %d statistics changed behind one layer, %d and %d in all, want few, no, more and no", one, statistics, all, more)
	}
	straight := trained(t, append(args, "-unfreeze", "all", "-unfreeze-epochs", "3", "-schedule", "constant", "-out", at("straight"))...)
	trained(t, append(args, "-unfreeze", "all", "-unfreeze-epochs", "1", "-schedule", "constant", "-out", at("stopped"))...)
	rest := trained(t, append(args, "-unfreeze", "all", "-unfreeze-epochs", "3", "-schedule", "constant", "-out", at("stopped"), "-resume")...)
	if sum(rest) != sum(straight) || strings.Contains(rest, "head alone") {
		t.Errorf("hash %q of a run that goes on, %q in one piece", sum(rest), sum(straight))
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-unfreeze", "all"}, "train: -cut or -unfreeze without -from"},
		{[]string{"-from", at("a"), "-data", three, "-cut", "nowhere"}, `no output of a layer "nowhere" to cut at`},
		{[]string{"-from", at("a"), "-data", three, "-unfreeze", "some"}, "train: -unfreeze some, want all or a number of layers"},
		{[]string{"-from", at("a"), "-data", three, "-unfreeze", "99"}, "train: -unfreeze 99, the model has fewer"},
		{[]string{"-from", at("a"), "-data", three, "-mixup", "1"}, "a Backbone with a Defence, Mixup or CutMix"},
	} {
		_, _, err := trains(t, append(tt.args, "-out", at("x"), "-report=false")...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.args, err, tt.want)
		}
	}
}

func openModel(t *testing.T, path string) open.Model {
	t.Helper()
	m, err := open.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
