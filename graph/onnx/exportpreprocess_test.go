package onnx

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
)

// photograph is a picture of random waves and some noise.
func photograph(seed uint64, w, h int) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 0))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	a, b := 0.05+0.4*r.Float64(), 0.05+0.4*r.Float64()
	for y := range h {
		for x := range w {
			level := func(turn float64) uint8 {
				return uint8(127 + 90*math.Sin(a*float64(x)+turn)*math.Cos(b*float64(y)-turn) + 30*r.Float64())
			}
			img.SetNRGBA(x, y, color.NRGBA{level(0), level(1), level(2), 255})
		}
	}
	return img
}

// pictureBytes are the values of pictures, (N,H,W,3).
func pictureBytes(pictures ...*image.NRGBA) (x []float32) {
	for _, img := range pictures {
		for i, v := range img.Pix {
			if i%4 < 3 {
				x = append(x, float32(v))
			}
		}
	}
	return x
}

// preparations are those that a graph can do, with images (C,H,W).
var preparations = []struct {
	p       raster.Preprocessing
	c, h, w int
}{
	{raster.Preprocessing{Fit: raster.Crop, Shorter: 26, Filter: raster.Linear, Mean: []float64{0.485, 0.456, 0.406}, Deviation: []float64{0.229, 0.224, 0.225}}, 3, 22, 22},
	{raster.Preprocessing{Fit: raster.Crop, Shorter: 30}, 3, 22, 30},
	{raster.Preprocessing{Fit: raster.Crop}, 1, 21, 16},
	{raster.Preprocessing{Fit: raster.Crop, Filter: raster.Linear}, 3, 16, 21},
	{raster.Preprocessing{Fit: raster.Pad, Mean: []float64{0.5}, Deviation: []float64{0}}, 1, 20, 19},
	{raster.Preprocessing{Fit: raster.Pad, Filter: raster.Linear}, 3, 15, 24},
	{raster.Preprocessing{Fit: raster.Stretch}, 3, 17, 23},
	{raster.Preprocessing{Fit: raster.Stretch, Filter: raster.Linear}, 1, 32, 8},
}

// TestPreprocessing: ONNX Runtime prepares pictures as raster does, to the byte but
// for sums that lie at the border of two: it adds in float32.
func TestPreprocessing(t *testing.T) {
	needRuntime(t)
	var jobs []job
	flat := graph.Flatten{}
	for i, tt := range preparations {
		file, err := Options{Logits: true, Preprocessing: &tt.p}.Export(flat, nil, tt.c, tt.h, tt.w)
		if err != nil {
			t.Fatal(err)
		}
		for k, size := range []image.Point{{64, 48}, {33, 71}, {22, 22}, {9, 13}, {300, 20}} {
			a, b := photograph(uint64(2*k), size.X, size.Y), photograph(uint64(2*k+1), size.X, size.Y)
			var want []float32
			for _, img := range []*image.NRGBA{a, b} {
				x := make([]float32, tt.c*tt.h*tt.w)
				if err := tt.p.Draw(x, img, tt.c, tt.h, tt.w); err != nil {
					t.Fatal(err)
				}
				tt.p.Normalisation().Apply(x)
				want = append(want, x...)
			}
			j := newJob(t, fmt.Sprintf("%d, %v", i, size), file, []int{2, size.Y, size.X, 3}, pictureBytes(a, b), want)
			j.Type = "uint8"
			jobs = append(jobs, j)
		}
	}
	runJobs(t, jobs)
	values, others := 0, 0
	for _, j := range jobs {
		level := 1.0 / 255 / 0.224
		got := j.result(t)
		if len(got) != len(j.want) {
			t.Fatalf("%s: %d values, want %d", j.name, len(got), len(j.want))
		}
		for i, v := range got {
			off := math.Abs(float64(v - j.want[i]))
			if off > 1.01*level {
				t.Fatalf("%s: value %d is %v, want %v", j.name, i, v, j.want[i])
			}
			if values++; off > 1e-5 {
				others++
			}
		}
	}
	t.Logf("%d of %d values are another byte", others, values)
	if others*2000 > values {
		t.Errorf("%d of %d values are another byte, want one in 2,000 at most", others, values)
	}
}

func TestPreprocessingErrors(t *testing.T) {
	for _, tt := range []struct {
		p     raster.Preprocessing
		input []int
		want  string
	}{
		{raster.Preprocessing{}, []int{1, 28, 28}, "pictures become strokes, which no graph can do: want fit crop, pad or stretch"},
		{raster.Preprocessing{Fit: raster.Crop}, []int{2, 8, 8}, "want images of 1 or 3 channels"},
		{raster.Preprocessing{Fit: raster.Crop}, []int{8}, "want images of 1 or 3 channels"},
		{raster.Preprocessing{Fit: "bend"}, []int{3, 8, 8}, `fit "bend", want`},
	} {
		if _, err := (Options{Preprocessing: &tt.p}).Export(graph.Flatten{}, nil, tt.input...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v of %v: error %v, want %s", tt.p, tt.input, err, tt.want)
		}
	}
}
