package report

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// TestReport holds what is on the page of a small convolutional network.
func TestReport(t *testing.T) {
	page := reported(t, convNet(3), blobSet([3]int{1, 6, 5}, "ant", "bee", "cat"))
	has(t, page, "<th>model</th><td>tiny</td>", "blobs, 3 classes", "60 for training, 45 for testing, each 1×6×5",
		"<th>parameters</th><td>147</td>", "<th>seed</th><td>3</td>", "<th>batch</th><td>16</td>", "<th>epochs</th><td>2</td>",
		"of 45 test images are right", "(N,3,4,3)", "a batch of 16", "conv2d/weight (3, 1, 3, 3). Red is positive")
	all := elements(t, page)
	has(t, page, "what speaks for the prediction", "(Grad-CAM)")
	for name, want := range map[string]int{"svg": 4, "polyline": 12, "circle": 8, "script": 0, "link": 0, "h2": 8} {
		if got := len(all[name]); got != want {
			t.Errorf("%d elements %s, want %d", got, name, want)
		}
	}
	count := map[string]int{}
	for _, img := range all["img"] {
		kind, _, _ := strings.Cut(attribute(img, "alt"), " image ")
		count[kind]++
		want := image.Pt(5, 6)
		if kind == "filter" {
			want = image.Pt(3, 3)
		}
		if got := decode(t, attribute(img, "src")).Bounds().Size(); got != want {
			t.Errorf("picture of %s is %v, want %v", kind, got, want)
		}
	}
	if n := count["what speaks for the prediction"]; count["filter"] != 3 || n < 2 || n > maxWrong+maxUnsure || count["image"]+count["test"] <= n {
		t.Errorf("pictures %v, want 3 filters, a map for each single image, and pictures behind the matrix", count)
	}
}

// decode returns a picture that is part of the page.
func decode(t *testing.T, src string) image.Image {
	t.Helper()
	text, ok := strings.CutPrefix(src, "data:image/png;base64,")
	if !ok {
		t.Fatalf("source %q, want PNG data", src)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestReportAlone: the page asks for nothing, and would not be allowed to.
func TestReportAlone(t *testing.T) {
	page := reported(t, convNet(3), blobSet([3]int{3, 6, 5}, "ant", "bee", "cat"))
	hasNot(t, page, "http:", "https:", "\"//", "url(", "@import", "<script")
	has(t, page, "default-src 'none'; img-src data:; style-src 'unsafe-inline'\"", "prefers-color-scheme: dark", "Grey is zero")
	for _, elements := range elements(t, page) {
		for _, e := range elements {
			if src := attribute(e, "src"); src != "" && !strings.HasPrefix(src, "data:image/png;base64,") || attribute(e, "href") != "" {
				t.Errorf("%v asks for something", e)
			}
		}
	}
}

// TestReportHostile: names are text, wherever they come from.
func TestReportHostile(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "<script>alert(1)</script>", `" onerror="alert(2)`, "</style></td>{{.}}")
	d.Name = "<b>bold</b>"
	dir := filepath.Join(t.TempDir(), "<img src=x onerror=alert(3)>")
	r, err := New(t.Context(), dir, trained(t, dir, convNet(3), d).Network, d)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.page.write(&b, "page"); err != nil {
		t.Fatal(err)
	}
	has(t, b.String(), "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;img src=x onerror=alert(3)&gt;</title>", "&lt;b&gt;bold&lt;/b&gt;")
	all := elements(t, b.String())
	if len(all["script"]) != 0 || len(all["style"]) != 1 {
		t.Errorf("%d scripts, %d styles, want 0 and 1", len(all["script"]), len(all["style"]))
	}
	for _, img := range all["img"] {
		if attribute(img, "src") == "x" {
			t.Error("a name has become a picture")
		}
	}
	for _, elements := range all {
		for _, e := range elements {
			if attribute(e, "onerror") != "" {
				t.Errorf("%v", e)
			}
		}
	}
}

// TestNormalised: the pictures are those of the images before normalisation.
func TestNormalised(t *testing.T) {
	d := blobSet([3]int{3, 6, 5}, "a", "b", "c")
	const shown = 24
	d.Test = blobs{n: shown, classes: 3, size: 90}
	stats := data.Stats{Mean: []float64{0.1, 0.4, 0.8}, Deviation: []float64{0.3, 0.05, 0.9}}
	normalised, err := data.Normalize(d, stats)
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]sample, shown)
	for i := range samples {
		samples[i].index = i
	}
	want, err := showSamples(samples, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := showSamples(samples, normalised, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !reflect.DeepEqual(decode(t, string(got[i].Picture)), decode(t, string(want[i].Picture))) {
			t.Errorf("the picture of image %d is another one after normalisation", i)
		}
	}
}

// TestHeldOut: validation is called so, and the test only what Tested tells.
func TestHeldOut(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b", "c")
	d.HeldOut = true
	dir := t.TempDir()
	net := trained(t, dir, convNet(3), d).Network
	r, err := New(t.Context(), dir, net, d)
	if err != nil {
		t.Fatal(err)
	}
	show := func() string {
		var b strings.Builder
		if err := r.page.write(&b, "page"); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	page := show()
	has(t, page, "60 for training, 45 for validation, each", "<th>validation accuracy</th>", "<th>validation loss</th>", "of 45 validation images are right",
		"validation images</h2>", "<h2>Right, but least certain</h2>", "alt=\"validation image ")
	hasNot(t, page, "test")
	if n := strings.Count(page, ">validation</text>"); n != 2 {
		t.Errorf("%d curves of validation, want 2", n)
	}
	r.Tested(0.25, 0.8125)
	has(t, show(), "<th>test accuracy</th><td>81.25 %</td>", "<th>test loss</th><td>0.2500</td>")
	r.Shared(8, nil, nil) // one process
	hasNot(t, show(), "ranks")
	r.Shared(8, []train.RankTime{{Computed: 6, Exchanged: 1}, {Computed: 1, Waited: 1, Exchanged: 1}}, []string{"b<", "a"})
	has(t, show(), "<th>ranks</th><td>2, of 8 lanes</td>", "<th>hosts</th><td>a, b&lt;</td>",
		"<td>70 % computing, 10 % waiting for slower ranks, 20 % exchanging</td>")
	d.Test = blobs{n: 45, classes: 3, size: 30, wrong: true}
	if _, err := evaluate(t.Context(), net, d); err == nil || !strings.HasPrefix(err.Error(), "validation samples: train: evaluation sample 0: ") {
		t.Errorf("error %v, want one of validation samples", err)
	}
}

// TestManyClasses: their matrix is a picture.
func TestManyClasses(t *testing.T) {
	names := strings.Split("abcdefghijklmnopqrstuvwxy", "")
	page := reported(t, denseNet(25), blobSet([3]int{1, 6, 5}, names...))
	has(t, page, "confusion matrix of 25 classes", "<th>prediction</th>")
	hasNot(t, page, "<th>recall</th>", "Filters of the first layer", "Grad-CAM") // Dense layers have no places
	for _, img := range elements(t, page)["img"] {
		if attribute(img, "class") == "heat" {
			if got := decode(t, attribute(img, "src")).Bounds().Size(); got != image.Pt(25, 25) {
				t.Errorf("the matrix is %v, want 25×25", got)
			}
		}
	}
}

// TestForeignOps: a network with Gorgonia's own ops has a page without times.
func TestForeignOps(t *testing.T) {
	net := graph.Sequential{
		graph.Flatten{},
		graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Unary(gorgonia.Tanh, x) }),
		graph.Dense{Units: 3},
	}
	page := reported(t, net, blobSet([3]int{2, 3, 5}, "a", "b", "c"))
	has(t, page, "<h2>Layers</h2>", "<td>93</td>")
	hasNot(t, page, "inference, µs", "class=\"time\"")
	has(t, page, "All 45 test images were compared")
}

// TestNewChangesNothing: measuring a network is no step of its training.
func TestNewChangesNothing(t *testing.T) {
	dir, d := t.TempDir(), blobSet([3]int{1, 6, 5}, "a", "b", "c")
	net := trained(t, dir, convNet(3), d).Network
	step, before := net.Weights.Step, map[string][]float32{}
	for name, w := range net.Weights.Map() {
		before[name] = slices.Clone(w.Float32s())
	}
	if _, err := New(t.Context(), dir, net, d); err != nil {
		t.Fatal(err)
	}
	for name, w := range net.Weights.Map() {
		if !slices.Equal(w.Float32s(), before[name]) {
			t.Errorf("%s changed", name)
		}
	}
	if net.Weights.Step != step {
		t.Errorf("step %d, want %d", net.Weights.Step, step)
	}
}

// TestEvaluate compares with train.Evaluate, and the losses with the
// probabilities of single images.
func TestEvaluate(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b", "c")
	d.Test = blobs{n: 300, classes: 3, size: 30} // three batches
	net := trained(t, "", convNet(3), d).Network
	e, err := evaluate(t.Context(), net, d)
	if err != nil {
		t.Fatal(err)
	}
	_, accuracy, err := train.Evaluate(t.Context(), net, d.Test)
	if err != nil {
		t.Fatal(err)
	}
	if e.confusion.Total() != 300 || e.confusion.Accuracy() != accuracy {
		t.Errorf("%d images and accuracy %v, want 300 and %v", e.confusion.Total(), e.confusion.Accuracy(), accuracy)
	}
	m, err := net.Model(graph.Eval, 1)
	if err != nil {
		t.Fatal(err)
	}
	losses := make([]float64, d.Test.Len())
	for i := range losses {
		if err := errors.Join(fill(m, d, i), m.Run()); err != nil {
			t.Fatal(err)
		}
		losses[i] = m.Loss()
	}
	if len(e.samples) != 300 || len(e.logits) != 300 {
		t.Errorf("%d samples and %d with logits, want 300", len(e.samples), len(e.logits))
	}
	for _, right := range []bool{false, true} {
		var want []float64
		for i, s := range e.samples {
			if (s.class == s.predicted) == right {
				want = append(want, losses[i])
			}
		}
		slices.SortFunc(want, func(a, b float64) int { return cmp.Compare(b, a) })
		got := e.worst(right, 10)
		if len(got) != min(10, len(want)) || len(got) == 0 {
			t.Errorf("right %t: %d samples, want 10 of %d", right, len(got), len(want))
		}
		for k, s := range got {
			if (s.class == s.predicted) != right || math.Abs(s.loss-want[k]) > 1e-5 {
				t.Errorf("right %t: sample %d is %d for %d with loss %v, want the loss %v", right, k, s.predicted, s.class, s.loss, want[k])
			}
		}
	}
}

func TestNewErrors(t *testing.T) {
	dir, d := t.TempDir(), blobSet([3]int{1, 6, 5}, "a", "b", "c")
	net := trained(t, dir, convNet(3), d).Network
	if _, err := New(t.Context(), t.TempDir(), net, d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: error %v, want fs.ErrNotExist", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(cancelled, dir, net, d); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	d.Test = blobs{n: 45, classes: 3, size: 30, wrong: true}
	if _, err := New(t.Context(), dir, net, d); err == nil || !strings.Contains(err.Error(), "test sample 0: class 3, want 0 to 2") {
		t.Errorf("wrong class: error %v", err)
	}
}

// A page says how the run was defended, and how well that went.
func TestReportOfDefence(t *testing.T) {
	var p page
	p.add(train.Record{Defence: "pgd epsilon 0.3", History: []train.Epoch{
		{Epoch: 1, Loss: 2, ValLoss: 1, ValAccuracy: 0.75, Attacked: 0.5}, {Epoch: 2, Loss: 1, ValLoss: 0.5, ValAccuracy: 0.875, Attacked: 0.25}}})
	for _, want := range []fact{{"defence", "pgd epsilon 0.3"}, {"accuracy under attack", "25.00 %; 50.00 % in epoch 1"},
		{" accuracy", "87.50 %; 75.00 % in epoch 1, of the highest accuracy under attack"}} {
		if !slices.Contains(p.Facts, want) {
			t.Errorf("facts %v, want %v among them", p.Facts, want)
		}
	}
	var b bytes.Buffer
	if err := p.write(&b, "body"); err != nil {
		t.Fatal(err)
	}
	has(t, b.String(), "under attack")
}

// TestReportOfSeveral: a run on images of several classes each has a page, which says what it
// leaves out, and no model card.
func TestReportOfSeveral(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b")
	d.Sets = [][]int{{}, {0}, {1}, {0, 1}}
	d.Train, d.Test = blobs{n: 40, classes: 4, size: 30}, blobs{n: 20, classes: 4, size: 30}
	dir := t.TempDir()
	r, err := New(t.Context(), dir, trained(t, dir, convNet(2), d).Network, d)
	if err != nil {
		t.Fatal(err)
	}
	r.Tested(0.5, 0.5)
	card := filepath.Join(dir, CardFile)
	if err := r.SaveCard(card); err != nil || r.HasCard() {
		t.Errorf("a model card: %v (%v), want none", r.HasCard(), err)
	}
	var b strings.Builder
	if err := r.page.write(&b, "page"); err != nil {
		t.Fatal(err)
	}
	has(t, b.String(), "The images have several classes each", "<h2>Curves</h2>", "<h2>Layers</h2>")
	hasNot(t, b.String(), "<h2>Confusion matrix</h2>")
}
