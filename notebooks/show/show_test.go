package show

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	imagepng "image/png"
	"math"
	"strings"
	"testing"

	"tapenet/graph/metric"
	"tapenet/train"
	"tapenet/train/data"
)

// decode is the picture that a value renders as.
func decode(t *testing.T, content map[string]any) image.Image {
	t.Helper()
	b, ok := content[png].([]byte)
	if !ok {
		t.Fatalf("rendered %v, want a PNG picture", content)
	}
	img, err := imagepng.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func rgb(img image.Image, x, y int) string {
	r, g, b, _ := img.At(x, y).RGBA()
	return fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, b>>8)
}

func TestGridColours(t *testing.T) {
	tests := []struct {
		name    string
		colours Colours
		values  []float32
		shape   []int
		want    [2]string // of the two pixels
	}{
		{"plain", Plain, []float32{0, 1}, []int{1, 2}, [2]string{"000000", "ffffff"}},
		{"plain beyond its range", Plain, []float32{-3, 7}, []int{1, 2}, [2]string{"000000", "ffffff"}},
		{"stretched", Stretched, []float32{5, 9}, []int{1, 1, 2}, [2]string{"000000", "ffffff"}},
		{"stretched, all alike", Stretched, []float32{0.2, 0.2}, []int{1, 2}, [2]string{"333333", "333333"}},
		{"signed", Signed, []float32{-2, 0}, []int{1, 2}, [2]string{"0000ff", "ffffff"}},
		{"signed, positive", Signed, []float32{4, 2}, []int{1, 2}, [2]string{"ff0000", "ff8080"}},
		{"colour", Plain, []float32{1, 0, 0, 1, 0, 0}, []int{3, 1, 2}, [2]string{"ff0000", "00ff00"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := &Grid{Zoom: 4, Colours: test.colours}
			g.Add("", test.values, test.shape...)
			img := decode(t, g.SimpleRender())
			if got := [2]string{rgb(img, gap+1, gap+1), rgb(img, gap+5, gap+1)}; got != test.want {
				t.Errorf("pixels %v, want %v", got, test.want)
			}
		})
	}
}

func TestGridSize(t *testing.T) {
	g := &Grid{Columns: 3, Zoom: 2}
	for range 7 {
		g.Add("7", make([]float32, 20*10), 20, 10)
	}
	// Three columns of 20 pixels and three rows of 40, with captions of 17.
	if got, want := decode(t, g.SimpleRender()).Bounds().Size(), image.Pt(6+3*26, 6+3*63); got != want {
		t.Errorf("size %v, want %v", got, want)
	}
}

func TestNewGrid(t *testing.T) {
	digits, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	content := NewGrid(digits, digits.Test, 0, 12).SimpleRender()
	if img := decode(t, content); img.Bounds().Dx() != gap+10*(84+gap) || content[text] != "12 images" {
		t.Errorf("got %v wide and %q, want ten columns of 84 and 12 images", img.Bounds().Dx(), content[text])
	}
}

func TestErrorsAreShown(t *testing.T) {
	wrong, empty := &Grid{}, &Grid{Colours: Signed}
	wrong.Add("digit", make([]float32, 5), 2, 2)
	wrong.Add("fine", make([]float32, 4), 2, 2)
	empty.Add("colour", make([]float32, 12), 3, 2, 2)
	odd, endless := &Grid{Colours: Stretched}, &Grid{}
	odd.Add("odd", []float32{0, 1, float32(math.NaN()), 1}, 2, 2)
	endless.Add("endless", []float32{float32(math.Inf(-1)), 1}, 1, 2)
	tests := []struct {
		name    string
		content map[string]any
		want    string
	}{
		{"size", wrong.SimpleRender(), `image "digit": 5 values of shape [1 2 2]`},
		{"signed colour", empty.SimpleRender(), "the last not Signed"},
		{"line", Chart{Lines: []Line{{Name: "a", X: []float64{1, 2}, Y: []float64{1}}}}.SimpleRender(), `line "a": 2 and 1 coordinates`},
		{"no points", History(nil).SimpleRender(), `loss over epoch: line "training" has no points`},
		{"not a number", odd.SimpleRender(), `image "odd": value 2 is NaN, want finite numbers`},
		{"infinite", endless.SimpleRender(), `image "endless": value 0 is -Inf, want finite numbers`},
		{"no chart", Row{}.SimpleRender(), "without charts"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, _ := test.content[text].(string)
			if !strings.Contains(got, test.want) || len(test.content) != 1 {
				t.Errorf("rendered %v, want only text with %q", test.content, test.want)
			}
		})
	}
}

// drawing is the SVG that a value renders as.
func drawing(t *testing.T, content map[string]any) string {
	t.Helper()
	img, _ := content[html].(string)
	_, encoded, ok := strings.Cut(img, ";base64,")
	svg, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, `">`))
	if !ok || err != nil {
		t.Fatalf("rendered %v (%v), want a drawing", content, err)
	}
	return string(svg)
}

func TestCharts(t *testing.T) {
	for i, tt := range []struct {
		row   Row
		texts []string
		lines int
	}{
		{History([]train.Epoch{{Epoch: 1, Loss: 0.4, ValLoss: 0.3, Accuracy: 0.8, ValAccuracy: 0.9}, {Epoch: 2}}), []string{"loss", "accuracy", "epoch", "training", "test"}, 4},
		{History([]train.Epoch{{Epoch: 1, LearningRate: 0.2}, {Epoch: 2, LearningRate: 0.1}}), []string{"learning rate"}, 5},
		{Row{{X: "x", Y: "y", Title: "a title", Lines: []Line{{X: []float64{3, 3}, Y: []float64{5, 5}}}}}, []string{"x", "y", "a title", "3"}, 1},
		{Row{{X: "x", Y: "y"}}, []string{"x", "y"}, 0},
	} {
		svg := drawing(t, tt.row.SimpleRender())
		for _, text := range tt.texts {
			if !strings.Contains(svg, ">"+text+"</text>") {
				t.Errorf("row %d has no %q", i, text)
			}
		}
		if n := strings.Count(svg, "<polyline"); n != tt.lines {
			t.Errorf("row %d: %d lines, want %d", i, n, tt.lines)
		}
	}
}

func TestTextsOfPictures(t *testing.T) {
	one := &Grid{}
	one.Add("", []float32{1}, 1, 1)
	tests := []struct {
		content map[string]any
		want    string
	}{
		{one.SimpleRender(), "1 image"},
		{(&Grid{}).SimpleRender(), "0 images"},
		{Chart{}.SimpleRender(), "chart"},
		{Row{{X: "epoch", Y: "loss"}, {}}.SimpleRender(), "loss over epoch; chart"},
	}
	for _, test := range tests {
		if got := test.content[text]; got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	table := NewTable("network", "accuracy")
	table.Row("a<b", 0.987654)
	content := table.SimpleRender()
	for _, want := range []string{">network</th>", "a&lt;b", `right">0.9877</td>`} {
		if got := content[html].(string); !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if got, want := content[text], "network  accuracy\na<b      0.9877\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestConfusion(t *testing.T) {
	c := metric.NewConfusion(2)
	c.Add(0, 0)
	c.Add(0, 1)
	got := string(Confusion(c, []string{"cat", "dog"}))
	for _, want := range []string{"<th>cat</th>", "rgba(0,114,178,0.20)\">1</td>", "rgba(213,94,0,1.00)\">1</td>", "rgba(213,94,0,0.00)\">0</td>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}

func TestConfusionWithoutNames(t *testing.T) {
	want := "show: 2 names for a confusion of 3 classes, want one for each"
	if got := Confusion(metric.NewConfusion(3), []string{"cat", "dog"}); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b)
	for i := range 1001 {
		p.Batch(train.Progress{Epoch: 1, Epochs: 2, Images: i, Of: 1000})
	}
	p.Epoch(nil, train.Epoch{Epoch: 1, ValAccuracy: 0.5})
	if got := strings.Count(b.String(), "\r"); got != 21 {
		t.Errorf("wrote %d lines, want 20 and one for the epoch", got)
	}
	if want := "test accuracy 50.00 %, 0 images/s\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("%q does not end in %q", b.String(), want)
	}
}

func TestTexts(t *testing.T) {
	if got := SVG("<svg/>").SimpleRender()[html]; got != `<img alt="drawing, 6 bytes" src="data:image/svg+xml;base64,PHN2Zy8+">` {
		t.Errorf("SVG is %v", got)
	}
	if got := HTML("<b>x</b>").SimpleRender()[html]; got != "<b>x</b>" {
		t.Errorf("HTML is %v", got)
	}
	if got := Markdown("*x*").SimpleRender()[markdown]; got != "*x*" {
		t.Errorf("Markdown is %v", got)
	}
}
