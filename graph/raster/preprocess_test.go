package raster_test

import (
	"encoding/json"
	"image"
	"image/color"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"tapenet/graph/raster"
)

// picture is the one that testdata/preprocess.py makes.
func picture(w, h int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8((x*37+y*11)%140 + 60), uint8((x*y)%140 + 60), uint8((x*x+3*y)%140 + 60), 255})
		}
	}
	return img
}

// TestPreprocessing compares with torchvision on Pillow, whose passes round to 8
// bits each: a pixel may differ by a level, few by two.
func TestPreprocessing(t *testing.T) {
	b, err := os.ReadFile("testdata/preprocess.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Width, Height, Shorter, H, W int
		Fit, Filter                  string
		Pixels                       []float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 30 {
		t.Errorf("%d cases, want 30", len(cases))
	}
	for _, c := range cases {
		p := raster.Preprocessing{Fit: c.Fit, Shorter: c.Shorter, Filter: c.Filter}
		if err := p.Check(3, c.H, c.W); err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 3*c.H*c.W)
		if err := p.Draw(x, picture(c.Width, c.Height), 3, c.H, c.W); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, want := range c.Pixels {
			off := math.Abs(255*float64(x[i]) - want)
			if sum += off; off > 2.01 {
				t.Fatalf("%+v of %d×%d: pixel %d is %.1f, want %.0f", p, c.Width, c.Height, i, 255*x[i], want)
			}
		}
		if mean := sum / float64(len(x)); mean > 0.6 {
			t.Errorf("%+v of %d×%d: pixels differ by %.2f levels on average, want 0.6 at most", p, c.Width, c.Height, mean)
		}
	}
}

// TestPad: the picture goes in as a whole, and black is beside it.
func TestPad(t *testing.T) {
	white := image.NewGray(image.Rect(5, 5, 9, 7)) // 4 wide, 2 high
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	x := make([]float32, 8*8)
	if err := (raster.Preprocessing{Fit: raster.Pad}).Draw(x, white, 1, 8, 8); err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		want := float32(0)
		if y := i / 8; y >= 2 && y < 6 {
			want = 1
		}
		if v != want {
			t.Fatalf("pixel %d,%d is %v, want %v", i%8, i/8, v, want)
		}
	}
}

// TestCropWithoutScaling: the middle of a picture is cut out as it is.
func TestCropWithoutScaling(t *testing.T) {
	img := picture(9, 5)
	x := make([]float32, 3*5*5)
	if err := (raster.Preprocessing{Fit: raster.Crop}).Draw(x, img, 3, 5, 5); err != nil {
		t.Fatal(err)
	}
	for i := range 25 {
		r, _, _, _ := img.At(i%5+2, i/5).RGBA()
		if want := float32(r>>8) / 255; x[i] != want {
			t.Fatalf("pixel %d is %v, want %v", i, x[i], want)
		}
	}
}

// TestLongPictures: a picture that is all length takes memory for the pixels of the
// result alone.
func TestLongPictures(t *testing.T) {
	long := image.NewGray(image.Rect(0, 0, 1<<20, 1))
	x := make([]float32, 3*224*224)
	for _, p := range []raster.Preprocessing{{Fit: raster.Crop}, {Fit: raster.Crop, Shorter: 16384}, {Fit: raster.Pad}} {
		var before, after float64
		before = allocated()
		if err := p.Draw(x, long, 3, 224, 224); err != nil {
			t.Fatal(err)
		}
		if after = allocated() - before; after > 256<<20 {
			t.Errorf("%+v takes %.0f MB", p, after/(1<<20))
		}
	}
}

func TestPreprocessingErrors(t *testing.T) {
	for _, tt := range []struct {
		p    raster.Preprocessing
		want string
	}{
		{raster.Preprocessing{Fit: "bend"}, `fit "bend", want crop, pad, stretch, strokes`},
		{raster.Preprocessing{Filter: "box"}, `filter "box", want cubic or linear`},
		{raster.Preprocessing{Fit: raster.Strokes}, "fit strokes for 3 channels, want 1"},
		{raster.Preprocessing{Shorter: 10}, "a shorter side of 10 with fit \"\", want it with crop alone"},
		{raster.Preprocessing{Fit: raster.Crop, Shorter: 5}, "a shorter side of 5 pixels, want 6 to 16384 for images of 4×6, or 0"},
		{raster.Preprocessing{Mean: []float64{1}}, "1 means and 0 deviations, want one of each for each of 3 channels"},
		{raster.Preprocessing{Mean: []float64{1, 2, 3}, Deviation: []float64{1, 1, -1}}, "deviations [1 1 -1], want 0 or more"},
		{raster.Preprocessing{Mean: []float64{1, 2, math.NaN()}, Deviation: []float64{1, 1, 1}}, "means [1 2 NaN] and deviations [1 1 1], want finite numbers"},
	} {
		if err := tt.p.Check(3, 4, 6); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %s", tt.p, err, tt.want)
		}
	}
	if err := (raster.Preprocessing{}).Check(2, 4, 6); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}

// allocated is how many bytes have been allocated.
func allocated() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.TotalAlloc)
}
