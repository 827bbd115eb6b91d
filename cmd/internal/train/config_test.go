package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph/raster/corrupt"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/report"
)

// A run's config.toml repeats it, to the bit.
func TestConfigRepeats(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	all := quick(t, "-epochs", "2", "-augment", "shift=0.1,elastic", "-normalise", "-val", "0.2", "-mixup", "0.3", "-optimizer", "lion", "-lr", "0.0003",
		"-schedule", "cosine:0.5", "-decay", "0.1", "-smoothing", "0.1", "-clip", "2", "-average", "0.9", "-accumulate", "2", "-seed", "18446744073709551615",
		"-keep", "1", "-patience", "3", "-batch", "16")
	trained(t, append(all, "-out", first)...)
	trained(t, "-config", filepath.Join(first, configFile), "-out", second)
	for _, name := range []string{train.ModelFile, train.BestFile, configFile} { // checkpoints hold the speed
		if !bytes.Equal(read(t, first, name), read(t, second, name)) {
			t.Errorf("%s is another one", name)
		}
	}
	trained(t, "-config", filepath.Join(first, configFile), "-out", second, "-seed", "7")
	if bytes.Equal(read(t, first, train.ModelFile), read(t, second, train.ModelFile)) {
		t.Error("a flag beside -config changes nothing")
	}
	trained(t, "-config", filepath.Join(first, configFile), "-out", first) // which moves the file it reads
	if !bytes.Equal(read(t, first+".1", train.ModelFile), read(t, first, train.ModelFile)) {
		t.Error("in its own folder the run is another one")
	}
}

// A flag stands above a file, a file above the recipe, that above the default.
func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.toml")
	if err := os.WriteFile(file, []byte("model = 'resnet20'\nbatch = 7\nlr = 1\nseed = '18446744073709551615'\nnormalise = true"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"-config", file, "-batch", "8"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := recipeOf("resnet20")
	if err != nil {
		t.Fatal(err)
	}
	if o.batch != 8 || o.lr != 1 || o.optimizer != recipe["optimizer"] || o.optimizer == "adam" || o.limit != 0 || o.seed != 1<<64-1 || !o.normalise {
		t.Errorf("%+v", o)
	}
	if want := filepath.Join("runs", "resnet20"); o.out != want {
		t.Errorf("folder %s, want %s", o.out, want)
	}
	if o, err = parse([]string{"-config", file, "-model", "mlp", "-normalise=false"}, io.Discard); err != nil || o.model != "mlp" || o.batch != 7 || o.normalise {
		t.Errorf("%+v, error %v", o, err)
	}
}

// A recipe's learning rate and decay are its optimizer's; another has its own
// defaults.
func TestRecipeOfAnotherOptimizer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.toml")
	if err := os.WriteFile(file, []byte("optimizer = 'lion'"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args      []string
		lr, decay float64
	}{
		{nil, 0.1, 1e-4},
		{[]string{"-optimizer", "sgd"}, 0.1, 1e-4},
		{[]string{"-optimizer", "adam"}, 0, 0},
		{[]string{"-optimizer", "adam", "-lr", "0.5"}, 0.5, 0},
		{[]string{"-config", file, "-decay", "0.25"}, 0, 0.25},
	} {
		o, err := parse(append(tt.args, "-model", "resnet20"), io.Discard)
		if err != nil || o.lr != tt.lr || o.decay != tt.decay || o.schedule != "cosine:1" {
			t.Errorf("%v: learning rate %g, decay %g, schedule %s, error %v, want %g, %g and the recipe's", tt.args, o.lr, o.decay, o.schedule, err, tt.lr, tt.decay)
		}
	}
}

// One who chooses label smoothing or the generalized cross-entropy has it instead of the recipe's loss.
func TestRecipeOfAnotherLoss(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		smoothing, gce float64
	}{
		{[]string{"-model", "convnet"}, 0.1, 0},
		{[]string{"-model", "convnet", "-gce", "0.5"}, 0, 0.5},
		{[]string{"-model", "convnet", "-gce", "0"}, 0.1, 0},
		{[]string{"-model", "convnet", "-focal", "2"}, 0, 0},
		{[]string{"-recipe", "noisy-labels", "-focal", "2"}, 0, 0},
		{[]string{"-recipe", "noisy-labels"}, 0, 0.7},
		{[]string{"-recipe", "noisy-labels", "-smoothing", "0.2"}, 0.2, 0},
	} {
		o, err := parse(tt.args, io.Discard)
		if err != nil || o.smoothing != tt.smoothing || o.gce != tt.gce {
			t.Errorf("%v: smoothing %g, exponent %g, error %v, want %g and %g", tt.args, o.smoothing, o.gce, err, tt.smoothing, tt.gce)
		}
	}
}

// One who chooses another defence than the recipe's does not get the settings that only
// the recipe's reads.
func TestRecipesDefence(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want train.Adversarial
	}{
		{nil, train.Adversarial{Method: "trades", Epsilon: 0.3, Steps: 10, Ramp: 4, Beta: 3, Watch: 1000}},
		{[]string{"-adversarial", "trades", "-eps", "0.2"}, train.Adversarial{Method: "trades", Epsilon: 0.2, Steps: 10, Ramp: 4, Beta: 3, Watch: 1000}},
		{[]string{"-adversarial", "fgsm"}, train.Adversarial{Method: "fgsm", Epsilon: 0.3, Ramp: 4, Watch: 1000}},
		{[]string{"-adversarial", "pgd", "-attack-steps", "7"}, train.Adversarial{Method: "pgd", Epsilon: 0.3, Steps: 7, Ramp: 4, Watch: 1000}},
	} {
		o, err := parse(append([]string{"-recipe", "robust-adversarial"}, tt.args...), io.Discard)
		if err != nil {
			t.Errorf("%v: %v", tt.args, err)
			continue
		}
		if got, err := o.defence(); err != nil || got != tt.want {
			t.Errorf("%v: %+v and error %v, want %+v", tt.args, got, err, tt.want)
		}
	}
}

// -recipe chooses the network too; flags and files stand above it.
func TestRecipeByName(t *testing.T) {
	fast, err := recipeOf("fast99")
	if err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"-recipe", "fast99"}, io.Discard)
	if err != nil || o.model != "convnet" || o.model != fast["model"] || int64(o.limit) != fast["limit"] || int64(o.epochs) != fast["epochs"] {
		t.Errorf("%+v, error %v, want fast99's model, limit and epochs", o, err)
	}
	if o, err = parse([]string{"-recipe", "fast99", "-model", "convnet-0.5", "-epochs", "3"}, io.Discard); err != nil || o.model != "convnet-0.5" || o.epochs != 3 || int64(o.limit) != fast["limit"] {
		t.Errorf("%+v, error %v, want the flags' model and epochs", o, err)
	}
	if o, err = parse([]string{"-recipe", "mlp"}, io.Discard); err != nil || o.model != "mlp" {
		t.Errorf("%+v, error %v, want mlp, whose recipe it is", o, err)
	}
	_, err = parse([]string{"-recipe", "fast98"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `train: no recipe "fast98", want one of cnn, convnet, e2cnn, fast99, `) {
		t.Errorf("error %v, want the recipes there are", err)
	}
}

// What robust-corruptions is measured with, MNIST-C, must not be what it trains with:
// neither by its name nor by another one.
func TestRecipeSawNoCorruption(t *testing.T) {
	o, err := parse([]string{"-recipe", "robust-corruptions"}, io.Discard)
	if err != nil || o.augment == "none" {
		t.Fatalf("augmentation %q, error %v, want the recipe's", o.augment, err)
	}
	steps := strings.FieldsFunc(o.augment, func(r rune) bool { return r == ',' || r == '|' })
	if len(steps) < 5 {
		t.Fatalf("%q has %d steps, want the recipe's", o.augment, len(steps))
	}
	for _, step := range steps {
		name, _, _ := strings.Cut(step, "=")
		if _, err := corrupt.Find(name); err == nil || slices.Contains([]string{"shift", "rotate", "zoom", "shear", "brightness"}, name) {
			t.Errorf("%s is one of MNIST-C's corruptions", step)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.toml")
	for _, tt := range []struct{ content, want string }{
		{"epocs = 3", `x.toml: no setting "epocs", want some of accumulate, adversarial, attack-step, attack-steps, augment, average, balance, batch, `},
		{"resume = true", `x.toml: no setting "resume", want some of`},
		{"epochs = 'many'", `x.toml: epochs = "many", want a whole number`},
		{"epochs = 2.5", `x.toml: epochs = 2.5, want a whole number`},
		{"seed = -1", `x.toml: seed = -1, want a whole number`},
		{"epochs = 0", `train: -epochs 0, want 1 or more`},
		{"[cnn]\nepochs = 1", `x.toml: no setting "cnn"`},
		{"epochs 3", `x.toml, line 1: `},
	} {
		if err := os.WriteFile(file, []byte(tt.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := trains(t, "-config", file); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want one line with %q", tt.content, err, tt.want)
		}
	}
	if _, _, err := trains(t, "-config", filepath.Join(dir, "none.toml")); err == nil || !strings.Contains(err.Error(), "train: settings: open") {
		t.Errorf("error %v, want the missing file", err)
	}
}

// pictures writes a folder of MNIST's first digits as pictures.
func pictures(t *testing.T, n int) (dir string) {
	t.Helper()
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	x := make([]float32, 28*28)
	for i := range n {
		class, err := d.Train.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		img := image.NewGray(image.Rect(0, 0, 28, 28))
		for k, v := range x {
			img.Pix[k] = uint8(v*255 + 0.5)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, fmt.Sprint(class), fmt.Sprint(i, ".png"))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Every network of the zoo has a recipe, with which the loss falls below that of
// the first epoch; its model can be used.
func TestRecipes(t *testing.T) {
	dir := pictures(t, 120)
	for _, spec := range modelzoo.Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			recipe, err := recipeOf(spec.Name)
			if err != nil || recipe["epochs"] == nil {
				t.Fatalf("recipe %v, error %v", recipe, err)
			}
			out := filepath.Join(t.TempDir(), "x")
			stdout, _, err := trains(t, "-model", spec.Name, "-data", dir, "-epochs", "3", "-json", "-out", out,
				"-channels", fmt.Sprint(spec.Input[0]), "-height", fmt.Sprint(spec.Input[1]), "-width", fmt.Sprint(spec.Input[2]))
			if err != nil {
				t.Fatal(err)
			}
			if e := epochs(t, stdout); len(e) != 3 || !(min(e[1].Loss, e[2].Loss) < e[0].Loss) {
				t.Errorf("epochs %+v, want a falling loss", e)
			}
			p, err := infer.Load(out)
			if err != nil {
				t.Fatal(err)
			}
			if p.Input != spec.Input {
				t.Errorf("input %v, want %v", p.Input, spec.Input)
			}
		})
	}
	all := settings{}
	for _, spec := range modelzoo.Specs() {
		if scaled, _ := recipeOf(spec.Name + "-0.5"); spec.Scaled != nil && scaled["epochs"] == nil {
			t.Errorf("%s-0.5 has no recipe", spec.Name)
		}
		all[spec.Name] = true
	}
	tables, err := allRecipes()
	for name := range tables {
		if model := tables[name]["model"]; err != nil || name != fineTuned && all[name] == nil && all[fmt.Sprint(model)] == nil {
			t.Errorf("error %v, recipe %q for model %v: no such model", err, name, model)
		}
	}
}

// With -val, the epochs are evaluated on held-out training images, and the test
// set once.
func TestValidation(t *testing.T) {
	args := quick(t, "-limit", "100", "-val", "0.25", "-epochs", "2", "-out", filepath.Join(t.TempDir(), "x"))
	out := trained(t, args...)
	for _, want := range []string{" training and ", " validation images of (1,28,28)", "validation loss", "validation accuracy"} {
		if !strings.Contains(out, want) {
			t.Errorf("printed %s, want %q", out, want)
		}
	}
	if curves := string(read(t, args[len(args)-1], train.CurvesFile)); !strings.Contains(curves, ">validation<") || strings.Contains(curves, ">test<") {
		t.Error("the curves are of the test set")
	}
	tested := regexp.MustCompile(`test loss (\S+)  test accuracy (\S+)\n`).FindStringSubmatch(out)
	if tested == nil {
		t.Fatalf("printed %s, want the test's result", out)
	}
	accuracy, err := strconv.ParseFloat(tested[2], 64)
	if err != nil {
		t.Fatal(err)
	}
	page := string(read(t, args[len(args)-1], report.File))
	for _, want := range []string{"<th>validation accuracy</th>", "<th>test loss</th><td>" + tested[1] + "</td>", fmt.Sprintf("<th>test accuracy</th><td>%.2f %%</td>", 100*accuracy)} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the report", want)
		}
	}
	if n := strings.Count(out, "test loss"); n != 1 || !strings.Contains(out, "\ntest loss ") {
		t.Errorf("printed %s, want the test loss once", out)
	}
	out, _, err = trains(t, append(args, "-json")...)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last map[string]float64
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 3 || len(last) != 2 || last["test_loss"] <= 0 || last["test_accuracy"] <= 0 {
		t.Errorf("printed %s, error %v, want two epochs and the test set", out, err)
	}
}
