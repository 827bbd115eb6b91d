package raster_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"tapenet/graph/raster"
)

// TestRegion: a spot of the picture is, in the network's image, where its region says.
func TestRegion(t *testing.T) {
	for _, tt := range []struct {
		name           string
		p              raster.Preprocessing
		channels       int
		width, height  int // of the picture
		spot           image.Rectangle
		beside, beyond bool // the region lies in the picture, or goes beyond it
	}{
		{"crop wide", raster.Preprocessing{Fit: raster.Crop}, 3, 120, 60, image.Rect(70, 10, 80, 20), true, false},
		{"crop high", raster.Preprocessing{Fit: raster.Crop}, 1, 60, 120, image.Rect(10, 70, 20, 80), true, false},
		{"crop after a shorter side", raster.Preprocessing{Fit: raster.Crop, Shorter: 40, Filter: raster.Linear}, 3, 150, 90, image.Rect(60, 40, 70, 50), true, false},
		{"pad", raster.Preprocessing{Fit: raster.Pad}, 3, 120, 60, image.Rect(10, 10, 20, 20), false, true},
		{"stretch", raster.Preprocessing{}, 3, 120, 60, image.Rect(90, 40, 110, 50), false, false},
		{"strokes", raster.Preprocessing{}, 1, 200, 100, image.Rect(150, 20, 160, 30), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const h, w = 24, 32
			img := image.NewGray(image.Rect(7, 9, 7+tt.width, 9+tt.height)) // pictures may begin anywhere
			for y := tt.spot.Min.Y; y < tt.spot.Max.Y; y++ {
				for x := tt.spot.Min.X; x < tt.spot.Max.X; x++ {
					img.SetGray(7+x, 9+y, color.Gray{Y: 255})
				}
			}
			values := make([]float32, tt.channels*h*w)
			if err := tt.p.Draw(values, img, tt.channels, h, w); err != nil {
				t.Fatal(err)
			}
			var mass, across, down float64 // of the spot in the network's image
			for i, v := range values[:h*w] {
				mass += float64(v)
				across += float64(v) * (float64(i%w) + 0.5) / w
				down += float64(v) * (float64(i/w) + 0.5) / h
			}
			r, err := tt.p.Region(img, tt.channels, h, w)
			if err != nil {
				t.Fatal(err)
			}
			x, y := r.At(float64(tt.spot.Min.X+tt.spot.Max.X)/2, float64(tt.spot.Min.Y+tt.spot.Max.Y)/2)
			if math.Abs(x-across/mass) > 0.5/w || math.Abs(y-down/mass) > 0.5/h {
				t.Errorf("region %+v has the spot at %.3f, %.3f, the image at %.3f, %.3f", r, x, y, across/mass, down/mass)
			}
			if got := r.Left > 0 || r.Top > 0; got != tt.beside {
				t.Errorf("region %+v: something of the picture is cut off: %v, want %v", r, got, tt.beside)
			}
			if got := r.Left < 0 || r.Top < 0 || r.Right > float64(tt.width) || r.Bottom > float64(tt.height); got != tt.beyond {
				t.Errorf("region %+v goes beyond the picture: %v, want %v", r, got, tt.beyond)
			}
		})
	}
}

func TestRegionErrors(t *testing.T) {
	blank := image.NewGray(image.Rect(0, 0, 50, 50))
	for name, region := range map[string]func() (raster.Region, error){
		"no picture": func() (raster.Region, error) { return raster.Preprocessing{}.Region(nil, 3, 8, 8) },
		"channels":   func() (raster.Region, error) { return raster.Preprocessing{}.Region(blank, 2, 8, 8) },
		"no strokes": func() (raster.Region, error) { return raster.Preprocessing{}.Region(blank, 1, 8, 8) },
	} {
		if r, err := region(); err == nil {
			t.Errorf("%s: region %+v, want an error", name, r)
		}
	}
	same, err := raster.Preprocessing{}.Region(picture(28, 28), 1, 28, 28)
	if err != nil || same != (raster.Region{Right: 28, Bottom: 28}) {
		t.Errorf("a picture of the network's size: region %+v (%v), want all of it", same, err)
	}
}

// TestHeat: the middles of the cells have their values, and between them lies a line.
func TestHeat(t *testing.T) {
	m := raster.Heat{Height: 2, Width: 4, Values: []float32{0, 1, 0.5, 0, 1, 1, 1, 1}}
	for _, tt := range []struct{ across, down, want float64 }{
		{0.125, 0.25, 0}, {0.375, 0.25, 1}, {0.25, 0.25, 0.5}, {0.5, 0.25, 0.75},
		{0, 0, 0}, {1, 0, 0}, {0.125, 0.5, 0.5}, {0.125, 0.75, 1}, {1, 1, 1}, {-3, 5, 1},
	} {
		if got := m.At(tt.across, tt.down); math.Abs(float64(got)-tt.want) > 1e-6 {
			t.Errorf("at %v, %v it is %v, want %v", tt.across, tt.down, got, tt.want)
		}
	}
	if one := (raster.Heat{Height: 1, Width: 1, Values: []float32{0.5}}); one.At(0.9, 0.1) != 0.5 {
		t.Errorf("one value is %v beside its middle", one.At(0.9, 0.1))
	}
}

// TestHeatOver: the map colours its region alone, and not where it is 0.
func TestHeatOver(t *testing.T) {
	img := image.NewGray(image.Rect(5, 5, 35, 15)) // 30×10
	for i := range img.Pix {
		img.Pix[i] = 90
	}
	m := raster.Heat{Height: 1, Width: 2, Values: []float32{0, 1}}
	got := m.Over(img, raster.Region{Left: 10, Right: 20, Bottom: 10})
	plain, dark := color.RGBA{90, 90, 90, 255}, color.RGBA{30, 30, 30, 255}
	if got.Rect != image.Rect(0, 0, 30, 10) {
		t.Fatalf("bounds %v, want the picture's size", got.Rect)
	}
	for x, want := range map[int]color.RGBA{0: dark, 9: dark, 10: plain, 11: plain, 20: dark, 29: dark} {
		if c := got.RGBAAt(x, 4); c != want {
			t.Errorf("column %d is %v, want %v", x, c, want)
		}
	}
	if c := got.RGBAAt(19, 4); c.R < 150 || c.G > 60 {
		t.Errorf("column 19 is %v, want red over grey", c)
	}
	if c := raster.HeatColor(0); c.A != 0 {
		t.Errorf("the colour of 0 is %v, want a transparent one", c)
	}
}
