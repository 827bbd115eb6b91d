package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/infer"
	"tapenet/train"
	"tapenet/train/report"
)

// trains runs the command.
func trains(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// trained is trains that must not fail.
func trained(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	out, errs, err := trains(t, args...)
	if err != nil || errs != "" {
		t.Fatalf("%q: error %v, stderr %q", args, err, errs)
	}
	return out
}

// TestText holds what a person sees without a terminal: plain lines.
func TestText(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "new")
	out := trained(t, quick(t, "-epochs", "2", "-out", dir)...)
	epoch := `loss \d\.\d{4}  accuracy \d\.\d{4}  test loss \d\.\d{4}  test accuracy \d\.\d{4}  \d+ images/s\n`
	want := regexp.MustCompile(`(?s)^layer .*conv2d .*total +61,706 .*
data\d+: 200 training and 200 test images of \(1,28,28\), 10 classes
needs about \d+ MB of memory: graphs \d+ MB, optimizer \d+ MB, images read ahead \d+ MB, all else \d+ MB(; available \d+ MB)?
epoch 1/2  ` + epoch + `epoch 2/2  ` + epoch + `sha256 of weights and optimizer: [0-9a-f]{64}
the model is in ` + regexp.QuoteMeta(filepath.Join(dir, train.ModelFile)) +
		`; its curves are in ` + regexp.QuoteMeta(filepath.Join(dir, train.CurvesFile)) +
		"\nthe report is in " + regexp.QuoteMeta(filepath.Join(dir, report.File)) + ", the model card in " + regexp.QuoteMeta(filepath.Join(dir, report.CardFile)) + "\n$")
	if !want.MatchString(out) {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
	if strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("control characters in %q", out)
	}
	for _, name := range []string{train.ModelFile, train.CheckpointFile, train.HistoryFile, train.CurvesFile, configFile, report.File, report.CardFile} {
		if s, err := os.Stat(filepath.Join(dir, name)); err != nil || s.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if events, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*")); err != nil || len(events) != 1 {
		t.Errorf("event files %q, error %v, want one", events, err)
	}
	p, err := infer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p.Input != [3]int{1, 28, 28} || len(p.Classes) != 10 {
		t.Errorf("input %v and classes %q, want MNIST's", p.Input, p.Classes)
	}
}

// epochs parses what -json has printed: a line with exactly these keys for each
// epoch, and with the accuracy under attack where that is measured.
func epochs(t *testing.T, out string) (list []train.Epoch) {
	t.Helper()
	want := []string{"accuracy", "epoch", "images_per_second", "learning_rate", "loss", "val_accuracy", "val_loss"}
	for line := range strings.Lines(out) {
		var keys map[string]float64
		var e train.Epoch
		if err := errors.Join(json.Unmarshal([]byte(line), &keys), json.Unmarshal([]byte(line), &e)); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if e.Attacked > 0 {
			delete(keys, "attacked_accuracy")
		}
		if got := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
			t.Fatalf("line %q has keys %q, want %q", line, got, want)
		}
		list = append(list, e)
	}
	return list
}

func TestJSON(t *testing.T) {
	out, errs, err := trains(t, quick(t, "-json", "-epochs", "3", "-out", filepath.Join(t.TempDir(), "x"))...)
	if err != nil {
		t.Fatal(err)
	}
	list := epochs(t, out)
	if len(list) != 3 {
		t.Fatalf("%d lines, want 3:\n%s", len(list), out)
	}
	for i, e := range list {
		if e.Epoch != i+1 || !(e.Loss > 0 && e.ValLoss > 0 && e.Accuracy > 0 && e.Accuracy <= 1 && e.ValAccuracy > 0 && e.ValAccuracy <= 1 && e.ImagesPerSecond > 0) {
			t.Errorf("line %d is %+v", i, e)
		}
	}
	if !strings.Contains(errs, "epoch 3/3") || !strings.Contains(errs, "the model is in") {
		t.Errorf("stderr %q, want the text for people", errs)
	}
}

// first trains quickly, with other flags after the usual ones, and returns the first epoch.
func first(t *testing.T, args ...string) train.Epoch {
	t.Helper()
	out, _, err := trains(t, append(quick(t, "-json", "-out", filepath.Join(t.TempDir(), "x")), args...)...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return epochs(t, out)[0]
}

// loss is the first epoch's loss.
func loss(t *testing.T, args ...string) float64 {
	t.Helper()
	return first(t, args...).Loss
}

// TestFlags holds that every flag reaches the training: with another value it
// gives another loss, and with its default spelled out the same.
func TestFlags(t *testing.T) {
	base := loss(t)
	tests := []struct {
		args []string
		same bool
	}{
		{nil, true},
		{[]string{"-batch", "32", "-optimizer", "adam", "-lr", "0.001", "-seed", "1", "-data", "mnist"}, true},
		{[]string{"-batch", "16"}, false},
		{[]string{"-batch", "100000"}, false}, // one batch of all
		{[]string{"-optimizer", "sgd"}, false},
		{[]string{"-optimizer", "nadam"}, false},
		{[]string{"-schedule", "constant"}, true},
		{[]string{"-schedule", "onecycle"}, false},
		{[]string{"-decay", "0.1"}, false},
		{[]string{"-clip", "0.1"}, false},
		{[]string{"-smoothing", "0.1"}, false},
		{[]string{"-gce", "0.7"}, false},
		{[]string{"-label-noise", "0.3"}, false},
		{[]string{"-accumulate", "1", "-clip", "0", "-decay", "0", "-average", "0"}, true},
		{[]string{"-accumulate", "2"}, false},
		{[]string{"-average", "0.9"}, true}, // it changes the evaluation
		{[]string{"-lr", "0.01"}, false},
		{[]string{"-seed", "2"}, false},
		{[]string{"-limit", "150"}, false},
		{[]string{"-augment", "shift=0.1"}, false},
		{[]string{"-normalise"}, false},
		{[]string{"-mixup", "0.2"}, false},
		{[]string{"-cutmix", "1"}, false},
		{[]string{"-balance", "weights"}, false},
		{[]string{"-balance", "sample"}, false},
		{[]string{"-noise", "0.1"}, false},
		{[]string{"-adversarial", "ibp", "-eps", "0.1", "-warmup", "9"}, true}, // its loss counts later
		{[]string{"-adversarial", "ibp", "-eps", "0.1", "-ramp", "0.5"}, false},
		{[]string{"-adversarial", "fgsm", "-eps", "0.1", "-watch", "5"}, false},
		{[]string{"-adversarial", "pgd", "-eps", "1", "-norm", "l2", "-attack-steps", "2", "-attack-step", "0.5"}, false},
		{[]string{"-adversarial", "trades", "-beta", "2", "-attack-steps", "1", "-ramp", "0"}, false},
		{[]string{"-height", "28", "-width", "28", "-channels", "1"}, true},
		{[]string{"-model", "fcnn"}, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.args), func(t *testing.T) {
			if got := loss(t, tt.args...); (got == base) != tt.same {
				t.Errorf("loss %v, without the flags %v, want the same: %t", got, base, tt.same)
			}
		})
	}
	if plain, averaged := first(t), first(t, "-average", "0.99"); plain.ValLoss == averaged.ValLoss {
		t.Errorf("the test loss is %v with and without -average", plain.ValLoss)
	}
	if sgd, same := loss(t, "-optimizer", "sgd"), loss(t, "-optimizer", "sgd", "-lr", "0.01"); sgd != same {
		t.Errorf("sgd's loss is %v, with -lr 0.01 %v, want the same", sgd, same)
	}
}

// TestPatience ends a run whose rate is too high to get better for long.
func TestPatience(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	out := trained(t, quick(t, "-epochs", "40", "-lr", "0.1", "-patience", "1", "-keep", "1", "-out", dir)...)
	n := strings.Count(out, "\nepoch ")
	if want := fmt.Sprintf("\n%d epochs; the model is that of epoch %d, with the lowest test loss\n", n, n-1); n == 40 || !strings.Contains(out, want) {
		t.Errorf("printed %s, want %q", out, want)
	}
	if !bytes.Equal(read(t, dir, train.ModelFile), read(t, dir, train.BestFile)) {
		t.Error("the model is not the best one")
	}
	again := trained(t, quick(t, "-epochs", "40", "-lr", "0.1", "-patience", "1", "-resume", "-out", dir)...)
	if want := fmt.Sprintf("%s has ended after epoch %d: a larger -patience goes on\n%d epochs; ", dir, n, n); !strings.Contains(again, want) {
		t.Errorf("resuming printed %s, want %q", again, want)
	}
	if len(read(t, dir, fmt.Sprintf("epoch-%04d.safetensors", n))) == 0 {
		t.Error("the last checkpoint is empty")
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		args  []string
		usage bool // exit code 2
		want  string
	}{
		{"unknown model", []string{"-model", "vgg"}, true, `modelzoo: no model "vgg", want one of cnn, fcnn, lenet5, mlp, convnet, stridednet, simplecnn, simplecnn-m3, simplecnn-m7, smallcnn, p4cnn, e2cnn, vgg11, resnet20, mobilenetv2, mlpmixer`},
		{"unknown optimizer", []string{"-optimizer", "newton"}, true, "train: -optimizer newton, want one of sgd, rmsprop, adagrad, adam, adamw, nadam, lion"},
		{"unknown augmentation", []string{"-augment", "melt"}, true, `data: no augmentation "melt", want some of shift, rotate`},
		{"validation on all", []string{"-val", "1"}, true, "train: -val 1, want at least 0 and below 1"},
		{"negative mixup", []string{"-mixup", "-1"}, true, "train: -mixup -1, want a positive number"},
		{"unknown attack", []string{"-adversarial", "noise"}, true, `train: -adversarial noise, want one of none, ibp, fgsm, pgd, trades`},
		{"unknown norm", []string{"-adversarial", "pgd", "-norm", "l1"}, true, "train: -norm l1, want one of linf, l2"},
		{"several steps of fgsm", []string{"-adversarial", "fgsm", "-attack-steps", "2"}, true, "train: Adversarial: 2 Steps of fgsm, want 1, or pgd"},
		{"beta of pgd", []string{"-adversarial", "pgd", "-beta", "2"}, true, "train: -beta 2 with -adversarial pgd, which does not read it, want -adversarial trades"},
		{"watch without attacks", []string{"-watch", "10"}, true, "train: -watch 10 with -adversarial none, which does not read it, want -adversarial fgsm or pgd or trades"},
		{"norm of bounds", []string{"-adversarial", "ibp", "-norm", "l2"}, true, "train: -norm l2 with -adversarial ibp, which does not read it"},
		{"attack and exponent", []string{"-adversarial", "pgd", "-gce", "0.7"}, true, "train: -gce 0.7 with -adversarial pgd, want one of the two"},
		{"no radius", []string{"-adversarial", "fgsm", "-eps", "0"}, true, "train: Adversarial: Epsilon 0, want above 0"},
		{"negative steps", []string{"-adversarial", "pgd", "-attack-steps", "-1"}, true, "train: Adversarial: Steps -1, want 1 or more"},
		{"radius", []string{"-adversarial", "ibp", "-eps", "2"}, true, "train: IBP: Epsilon 2, want above 0 and up to 1"},
		{"negative noise", []string{"-noise", "-1"}, true, "train: -noise -1, want a positive number"},
		{"no bounds", []string{"-adversarial", "ibp", "-model", "convnet"}, false, "no interval bounds of BatchNorm"},
		{"another size", []string{"-data", digits(t), "-height", "32"}, false, "want (0,32,0), 0 being any"},
		{"unknown schedule", []string{"-schedule", "linear"}, true, `train: no schedule "linear", want one of constant, step:EPOCHS:FACTOR`},
		{"schedule's number", []string{"-schedule", "cosine:x"}, true, `train: schedule "cosine:x": "x" is no number, want cosine:WARMUP`},
		{"negative decay", []string{"-decay", "-1"}, true, "train: -decay -1, want a positive number"},
		{"no decay", []string{"-model", "mlpmixer", "-decay", "0"}, true, "train: -decay 0 is adamw's default of 0.01, want -optimizer adam for none"},
		{"clipping to NaN", []string{"-clip", "NaN"}, true, "train: -clip NaN, want a positive number"},
		{"no batch a step", []string{"-accumulate", "0"}, true, "train: -accumulate 0, want 1 or more"},
		{"negative patience", []string{"-patience", "-1"}, true, "train: -patience -1 and -keep 0, want numbers of epochs"},
		{"smoothing of all", []string{"-smoothing", "1"}, true, "train: -smoothing 1, want at least 0 and below 1"},
		{"exponent above 1", []string{"-gce", "2"}, true, "train: -gce 2, want an exponent above 0 and at most 1"},
		{"exponent and smoothing", []string{"-gce", "0.7", "-smoothing", "0.1"}, true, "train: -smoothing 0.1 with -gce 0.7, want one of them"},
		{"γ and exponent", []string{"-gce", "0.7", "-focal", "2"}, true, "train: -gce 0.7 with -focal 2, want one of them"},
		{"γ below 0", []string{"-focal", "-1"}, true, "train: -focal -1, want γ above 0 and at most 100"},
		{"noise alone", []string{"-label-noise", "1"}, true, "train: -label-noise 1, want at least 0 and below 1"},
		{"average for ever", []string{"-average", "1"}, true, "train: -average 1, want at least 0 and below 1"},
		{"no epochs", []string{"-epochs", "0"}, true, "train: -epochs 0, want 1 or more"},
		{"no batch", []string{"-batch", "-3"}, true, "train: -batch -3, want 1 or more"},
		{"negative limit", []string{"-limit", "-1"}, true, "train: -limit -1, want"},
		{"negative rate", []string{"-lr", "-0.1"}, true, "train: -lr -0.1, want a positive number"},
		{"no rate", []string{"-lr", "NaN"}, true, "train: -lr NaN, want a positive number"},
		{"infinite rate", []string{"-lr", "Inf"}, true, "train: -lr +Inf, want a positive number"},
		{"negative seed", []string{"-seed", "-1"}, true, "train: -seed -1, want a whole number of 0 or more"},
		{"no number", []string{"-epochs", "ten"}, true, "train: -epochs ten, want a whole number"},
		{"a model like another", []string{"-model", "ResNet-20"}, true, "mlpmixer; did you mean resnet20?"},
		{"an optimizer like another", []string{"-optimizer", "Adam-W"}, true, "; did you mean adamw?"},
		{"a schedule like another", []string{"-schedule", "cosin:1"}, true, "; did you mean cosine?"},
		{"an augmentation like another", []string{"-augment", "flip,rotat=10"}, true, "; did you mean rotate?"},
		{"a recipe like another", []string{"-recipe", "fast9"}, true, "; did you mean fast99?"},
		{"a dataset like another", []string{"-data", "mnits"}, true, `data: no dataset "mnits", want mnist, rotated-mnist, fashion-mnist, or a folder or file with one; did you mean mnist?`},
		{"a balance like another", []string{"-balance", "weight"}, true, "train: -balance weight, want one of none, weights, sample; did you mean weights?"},
		{"a flag like another", []string{"-epoch", "3"}, true, "train: no flag -epoch; did you mean -epochs?; train -help lists the flags"},
		{"unknown flag", []string{"-gpu"}, true, "train: no flag -gpu"},
		{"argument", []string{"cnn"}, true, `train: unexpected argument "cnn"`},
		{"two mistakes", []string{"-epochs", "0", "cnn"}, true, `train: unexpected argument "cnn"`},
		{"missing folder", []string{"-data", filepath.Join(dir, "none")}, true, "data: no dataset"},
		{"nothing to resume", []string{"-data", digits(t), "-resume", "-out", filepath.Join(dir, "none")}, false, "train: nothing to resume"},
		{"no folder for the run", []string{"-data", digits(t), "-out", filepath.Join(file, "x")}, false, "train: the run's folder"},
		{"training goes off", quick(t, "-model", "cnn", "-lr", "1e30", "-out", filepath.Join(dir, "off")), false, "try a lower learning rate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, errs, err := trains(t, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line with %q", err, tt.want)
			}
			if usage := errors.As(err, new(cli.UsageError)); usage != tt.usage {
				t.Errorf("usage error: %t, want %t", usage, tt.usage)
			}
			if errs != "" {
				t.Errorf("stderr %q besides the error", errs)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	out, errs, err := trains(t, "-help")
	if !errors.Is(err, flag.ErrHelp) || errs != "" {
		t.Errorf("error %v, stderr %q, want flag.ErrHelp alone", err, errs)
	}
	for _, name := range []string{"model", "data", "epochs", "batch", "optimizer", "lr", "schedule", "decay", "smoothing", "clip", "accumulate", "average", "patience", "keep", "seed", "out", "until", "settings", "limit", "report", "dashboard", "resume", "json",
		"height", "width", "channels", "val", "normalise", "augment", "mixup", "cutmix", "balance", "fit", "skip-damaged", "max-pixels", "checkpoint", "find-lr", "folds", "fold", "cut", "unfreeze", "unfreeze-epochs", "unfreeze-lr", "gce", "focal", "teacher", "time", "temperature", "teacher-share", "label-noise", "config", "adversarial", "eps", "warmup", "ramp", "share", "noise", "norm", "attack-steps", "attack-step", "beta", "watch", "collapse"} {
		if !strings.Contains(out, "  -"+name) {
			t.Errorf("no -%s in %q", name, out)
		}
	}
}

func TestDefaultFolder(t *testing.T) {
	o, err := parse([]string{"-model", "fcnn"}, io.Discard)
	if want := filepath.Join("runs", "fcnn"); err != nil || o.out != want {
		t.Errorf("folder %q and error %v, want %s", o.out, err, want)
	}
}
