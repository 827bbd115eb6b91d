package infer_test

import (
	"context"
	"fmt"
	"image"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/tfjs"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// The Go code of README.md is in the functions below, word for word.

func Example_train() {
	digits, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	res, err := train.Fit(context.Background(), modelzoo.CNN(10), digits, train.Config{
		Epochs: 10, Optimizer: train.Adam{}, Model: "cnn", Dir: "runs/cnn",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.History[9].ValAccuracy)
}

func Example_settings() {
	digits := someDigits()
	res, err := train.Fit(context.Background(), modelzoo.LeNet5(10), digits, train.Config{
		Epochs: 30, Optimizer: train.SGD{LR: 0.05, Momentum: 0.9, Nesterov: true, WeightDecay: 1e-4},
		Schedule: train.Cosine{Warmup: 1}, ClipNorm: 1, Average: 0.999, Patience: 5,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Best.Epoch, res.Best.ValAccuracy)
}

func Example_predict() {
	p, err := infer.Load("runs/cnn")
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.Open("digit.png")
	if err != nil {
		log.Fatal(err)
	}
	img, err := infer.DecodeImage(file)
	if err != nil {
		log.Fatal(err)
	}
	predictions, err := p.PredictImages(img)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(predictions[0].Label, predictions[0].Probabilities)
}

// What mattered, and what a layer makes of a picture.
func Example_explain() {
	p, img, predictions, done := predicted()
	defer done()
	x, err := p.Pixels(img)
	if err != nil {
		log.Fatal(err)
	}
	saliency, err := p.Saliency(x, predictions[0].Class)
	if err != nil {
		log.Fatal(err)
	}
	cam, err := p.GradCAM(x, predictions[0].Class)
	if err != nil {
		log.Fatal(err)
	}
	where, err := p.Over(img, cam)
	if err != nil {
		log.Fatal(err)
	}
	maps, err := p.FeatureMaps(x, "conv2d")
	if err != nil {
		log.Fatal(err)
	}
	overlay, pictures := saliency.Image(), maps.Images()
	fmt.Println(where.Bounds().Size() == img.Bounds().Size())
	fmt.Println(overlay.Bounds().Size(), len(pictures), pictures[0].Bounds().Size())
	// Output:
	// true
	// (28,28) 32 (26,26)
}

// predicted is a network, a picture and what it says of it; done removes them.
func predicted() (p *infer.Predictor, img image.Image, predictions []infer.Prediction, done func()) {
	dir := trainCNN()
	p, err := infer.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	img = one()
	if predictions, err = p.PredictImages(img); err != nil {
		log.Fatal(err)
	}
	return p, img, predictions, func() { os.RemoveAll(dir) }
}

// A network of one's own is trained, loaded and used.
func Example_ownNetwork() {
	defer inTemporaryFolder()()
	digits := someDigits()
	net := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 64, Activation: graph.ReLU}, graph.Dense{Units: 10}}
	if _, err := train.Fit(context.Background(), net, digits, train.Config{Dir: "runs/own"}); err != nil {
		log.Fatal(err)
	}
	model, err := weights.LoadModel("runs/own/model.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	p, err := infer.New(net, model)
	if err != nil {
		log.Fatal(err)
	}
	predictions, err := p.PredictImages(one())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(predictions[0].Label)
	// Output: 1
}

func Example_builder() {
	pixels := make([]float32, 32*28*28)
	m, err := graph.Build(modelzoo.LeNet5(10), graph.Infer, 32, 1, 28, 28)
	if err != nil {
		log.Fatal(err)
	}
	copy(m.Input.Float32s(), pixels)
	if err := m.Run(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Prediction().Shape())
	// Output: (32, 10)
}

// A network goes out and comes back by ONNX.
func Example_onnx() {
	defer inTemporaryFolder()()
	net, err := graph.NewNetwork(modelzoo.LeNet5(10), []int{1, 28, 28}, graph.Options{})
	if err != nil {
		log.Fatal(err)
	}
	out, err := onnx.Options{Logits: true}.Export(net.Layer, net.Weights.Map(), net.Input...)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("model.onnx", out, 0o644); err != nil {
		log.Fatal(err)
	}
	readONNX()
	// Output: 10 tensors
}

func readONNX() {
	m, err := onnx.Open("model.onnx") // a graph.Layer; opsets 1 to 21
	if err != nil {
		log.Fatal(err)
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{}) // run it, train it on
	if err != nil {
		log.Fatal(err)
	}
	tuned, err := onnx.Options{Logits: true}.Export(m, net.Weights.Map(), m.Input...)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("tuned.onnx", tuned, 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(net.Weights.Names()), "tensors")
}

func Example_keras() {
	m, err := tfjs.Load(os.DirFS("keras"), "model.json") // a graph.Layer
	if err != nil {
		log.Fatal(err)
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
	if err != nil {
		log.Fatal(err)
	}
	log.Println(net.Weights.Names())
}

// someDigits is a part of MNIST.
func someDigits() data.Dataset {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 3000), data.Limit(d.Test, 100)
	return d
}

// one is a picture of the digit 1: a white bar on black.
func one() image.Image {
	img := image.NewGray(image.Rect(0, 0, 200, 200))
	for y := 40; y < 160; y++ {
		for x := 90; x < 108; x++ {
			img.Pix[y*img.Stride+x] = 255
		}
	}
	return img
}

// inTemporaryFolder changes to a new folder, and back.
func inTemporaryFolder() (back func()) {
	old, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "readme")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chdir(dir); err != nil {
		log.Fatal(err)
	}
	return func() {
		if err := os.Chdir(old); err != nil {
			log.Fatal(err)
		}
		os.RemoveAll(dir)
	}
}

// TestREADME holds that the README's Go code compiles: its imports are this
// file's, and the rest is in this file or is that of a network of modelzoo.
func TestREADME(t *testing.T) {
	readme := read(t, filepath.Join("..", "README.md"))
	sources := flush(read(t, "readme_test.go") + read(t, filepath.Join("..", "modelzoo", "cnn.go")))
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readme, -1)
	if len(blocks) < 5 {
		t.Fatalf("%d pieces of Go in the README", len(blocks))
	}
	for _, b := range blocks {
		imports, code := "", b[1]
		if before, after, ok := strings.Cut(code, ")\n\n"); ok && strings.HasPrefix(code, "import (") {
			imports, code = strings.TrimPrefix(before, "import (\n"), after
		}
		for line := range strings.Lines(imports) {
			if !strings.Contains(sources, strings.TrimSpace(line)+"\n") {
				t.Errorf("import %s is not in this file", line)
			}
		}
		for name := range strings.Lines(imports) {
			name = strings.Trim(strings.TrimSpace(name), `"`)
			if base := name[strings.LastIndex(name, "/")+1:]; base != "" && !strings.Contains(code, base+".") {
				t.Errorf("import %s is not used in\n%s", name, code)
			}
		}
		if !strings.Contains(sources, flush(code)) {
			t.Errorf("not in this file:\n%s", code)
		}
	}
}

// flush removes indentation.
func flush(text string) string { return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(text, "") }

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
