package data

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"
)

// scene returns a picture with ramps, noise and edges, so that an encoder uses
// every filter.
func scene(channels, w, h int) image.Image {
	r := rand.New(rand.NewPCG(1, uint64(w)))
	grey, colour := image.NewGray(image.Rect(0, 0, w, h)), image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := byte(3*x + 5*y*(y%7) + r.IntN(1+y))
			grey.SetGray(x, y, color.Gray{v})
			colour.SetNRGBA(x, y, color.NRGBA{v, byte(x*y) + v/3, byte(7 * y), 255})
		}
	}
	if channels == 1 {
		return grey
	}
	return colour
}

// TestPlainPNG holds that the fast way takes what image/png writes and agrees
// with it, filter by filter.
func TestPlainPNG(t *testing.T) {
	for _, level := range []png.CompressionLevel{png.DefaultCompression, png.NoCompression, png.BestSpeed, png.BestCompression} {
		for _, channels := range []int{1, 3} {
			for _, size := range [][2]int{{1, 1}, {28, 28}, {5, 90}, {300, 200}} {
				img := scene(channels, size[0], size[1])
				var b bytes.Buffer
				if err := (&png.Encoder{CompressionLevel: level}).Encode(&b, img); err != nil {
					t.Fatal(err)
				}
				shape := [3]int{channels, size[1], size[0]}
				x := make([]float32, volumeOf(shape))
				if !plainPNG(b.Bytes(), shape, x) {
					t.Fatalf("level %d, %v: not taken", level, shape)
				}
				if want := reference(t, img, channels); !slices.Equal(x, want) {
					t.Errorf("level %d, %v: other pixels than image/png's", level, shape)
				}
			}
		}
	}
}

// reference returns the pixels of a picture by the interface of package image.
func reference(t testing.TB, img image.Image, channels int) []float32 {
	t.Helper()
	size := img.Bounds().Size()
	x := make([]float32, channels*size.X*size.Y)
	for i := range size.X * size.Y {
		r, g, b, a := img.At(i%size.X, i/size.X).RGBA()
		if a != 0xffff {
			t.Fatal("a transparent pixel in a plain PNG")
		}
		for c, v := range []uint32{r, g, b}[:channels] {
			x[c*size.X*size.Y+i] = unit[v>>8]
		}
	}
	return x
}

func TestPlainPNGRefuses(t *testing.T) {
	good := encode(t, "png", scene(1, 9, 7))
	changed := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[at] = to
		return b
	}
	tests := []struct {
		name  string
		file  []byte
		shape [3]int
	}{
		{"another size", good, [3]int{1, 9, 7}},
		{"another colour", good, [3]int{3, 7, 9}},
		{"a palette", encode(t, "png", image.NewPaletted(image.Rect(0, 0, 9, 7), color.Palette{color.Black})), [3]int{1, 7, 9}},
		{"16 bits", encode(t, "png", image.NewGray16(image.Rect(0, 0, 9, 7))), [3]int{1, 7, 9}},
		{"transparency", encode(t, "png", plain(9, 7, color.NRGBA{1, 2, 3, 4})), [3]int{3, 7, 9}},
		{"a wrong sum", changed(29, ^good[29]), [3]int{1, 7, 9}},
		{"damaged pixels", changed(45, ^good[45]), [3]int{1, 7, 9}},
		{"a long chunk", changed(33, 0xff), [3]int{1, 7, 9}},
		{"empty", nil, [3]int{1, 7, 9}},
	}
	for n := range good[:len(good)-1] {
		if plainPNG(good[:n], [3]int{1, 7, 9}, make([]float32, 63)) {
			t.Errorf("takes the first %d of %d bytes", n, len(good))
		}
	}
	for _, tt := range tests {
		if plainPNG(tt.file, tt.shape, make([]float32, volumeOf(tt.shape))) {
			t.Errorf("takes %s", tt.name)
		}
	}
}

// FuzzPlainPNG holds that whatever the fast way takes, image/png takes too,
// with the same pixels.
func FuzzPlainPNG(f *testing.F) {
	for _, channels := range []int{1, 3} {
		f.Add(encode(f, "png", scene(channels, 6, 5)))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, channels := range []int{1, 3} {
			x := make([]float32, channels*30)
			if !plainPNG(file, [3]int{channels, 5, 6}, x) {
				continue
			}
			img, err := png.Decode(bytes.NewReader(file))
			if err != nil {
				t.Fatalf("taken, but image/png says %v", err)
			}
			if want := reference(t, img, channels); !slices.Equal(x, want) {
				t.Fatalf("pixels %v, want %v", x, want)
			}
		}
	})
}
