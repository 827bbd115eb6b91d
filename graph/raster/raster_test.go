package raster_test

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"

	"gorgonia.org/tensor"
)

// predictor is infer's, for images of a size.
func predictor(t *testing.T, channels, h, w int, scaled bool) *infer.Predictor {
	t.Helper()
	m := weights.Model{Input: [3]int{channels, h, w}, Classes: []string{"a"}, Scaled: scaled, Tensors: map[string]*tensor.Dense{
		"dense/weight": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(channels*h*w, 1)),
	}}
	p, err := infer.New(graph.Sequential{graph.Flatten{}, graph.Dense{Units: 1, NoBias: true}}, m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// photo has smooth colours, noise, edges and transparent pixels.
func photo(w, h int) *image.NRGBA {
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewNRGBA(image.Rect(5, -3, 5+w, h-3))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(255 * x / w), uint8(255 * y / h), uint8(r.IntN(256)), 255}
			if x > w/2 && y > h/2 {
				c = color.NRGBA{250, 10, 40, uint8(x * 255 / w)}
			}
			img.SetNRGBA(5+x, y-3, c)
		}
	}
	return img
}

// TestColours: RGB and Grey are within a level of what infer makes, which has
// golang.org/x/image, for pictures that become smaller, larger, oblong or stay.
func TestColours(t *testing.T) {
	const h, w = 20, 24
	rgb, grey := predictor(t, 3, h, w, false), predictor(t, 1, h, w, true)
	for _, size := range []image.Point{{w, h}, {100, 90}, {7, 5}, {1, 300}, {24, 200}} {
		img := photo(size.X, size.Y)
		for name, pair := range map[string]struct {
			p   *infer.Predictor
			got []float32
		}{"RGB": {rgb, raster.RGB(img, h, w)}, "Grey": {grey, raster.Grey(img, h, w)}} {
			want, err := pair.p.Pixels(img)
			if err != nil {
				t.Fatal(err)
			}
			if len(pair.got) != len(want) {
				t.Fatalf("%s of %v: %d values, want %d", name, size, len(pair.got), len(want))
			}
			for i := range want {
				if d := 255 * math.Abs(float64(pair.got[i]-want[i])); !(d <= 1.001) {
					t.Fatalf("%s of %v: value %d is %g, want %g, %g levels apart", name, size, i, pair.got[i], want[i], d)
				}
			}
		}
	}
}

// TestResizeKeepsGrounds: an even picture stays even, whatever becomes of its size.
func TestResizeKeepsGrounds(t *testing.T) {
	img := image.NewUniform(color.Gray{77})
	for _, size := range []image.Rectangle{image.Rect(0, 0, 3, 2), image.Rect(0, 0, 91, 64)} {
		sub := image.NewGray(size)
		for i := range sub.Pix {
			sub.Pix[i] = img.C.(color.Gray).Y
		}
		for i, v := range raster.Grey(sub, 9, 11) {
			if v != 77.0/255 {
				t.Fatalf("%v: value %d is %g, want %g", size, i, 255*v, 77.0)
			}
		}
	}
}
