package data

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// oneFile is a source of one picture.
type oneFile []byte

func (f oneFile) Len() int                            { return 1 }
func (f oneFile) picture(int, []byte) ([]byte, error) { return f, nil }
func (f oneFile) label(int) int                       { return 0 }
func (f oneFile) name(int) string                     { return "a file" }
func (f oneFile) headers() []raster.Header {
	h, err := decode.Decoder(0).Header(f)
	if err != nil {
		return nil
	}
	return []raster.Header{h}
}

// decodePicture writes the pixels of a file to x.
func decodePicture(b []byte, p raster.Preprocessing, shape [3]int, x []float32) error {
	_, err := pictures{oneFile(b), shape, p, decode.Decoder(0), nil}.unpack(0, x)
	return err
}

// TestPictureColours decodes pictures of several colour models.
func TestPictureColours(t *testing.T) {
	greys := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.Gray{102}})
	greys.Pix = []byte{1, 1, 1, 1}
	deep := image.NewGray16(image.Rect(0, 0, 2, 2))
	for i := range 4 {
		deep.SetGray16(i%2, i/2, color.Gray16{0x6666})
	}
	tests := []struct {
		name     string
		img      image.Image
		channels int
		want     float64
	}{
		{"grey", grey(2, 2, 102), 1, 0.4},
		{"grey, 16 bits", deep, 1, 0.4},
		{"a palette of greys", greys, 1, 0.4},
		{"a palette of colours", image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.White, color.NRGBA{1, 2, 3, 255}}), 3, 1},
		{"transparent", image.NewNRGBA(image.Rect(0, 0, 2, 2)), 3, 1},
		{"half transparent black", plain(2, 2, color.NRGBA{0, 0, 0, 128}), 3, 127. / 255},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := encode(t, "png", tt.img)
			shape, photographs := Options{}.shape(oneFile(b).headers())
			if shape != [3]int{tt.channels, 2, 2} || photographs {
				t.Fatalf("shape %v, photographs: %t, want %d channels of a small picture", shape, photographs, tt.channels)
			}
			x := make([]float32, volumeOf(shape))
			if err := decodePicture(b, raster.Preprocessing{Fit: raster.Stretch}, shape, x); err != nil {
				t.Fatal(err)
			}
			near(t, "pixels", x, tt.want, 1e-7)
		})
	}
}

// TestPictureOrder holds where each pixel goes, in grey and in colour, scaled
// or not.
func TestPictureOrder(t *testing.T) {
	small, large := image.NewNRGBA(image.Rect(0, 0, 3, 2)), image.NewNRGBA(image.Rect(0, 0, 30, 20))
	for y := range 20 {
		for x := range 30 {
			c := color.NRGBA{byte(40 * (y / 10)), byte(50 * (x / 10)), 200, 255}
			large.Set(x, y, c)
			small.Set(x/10, y/10, c)
		}
	}
	want := []float64{0, 0, 0, 40, 40, 40, 0, 50, 100, 0, 50, 100, 200, 200, 200, 200, 200, 200}
	for _, img := range []image.Image{small, large} {
		x := make([]float32, 18)
		if err := decodePicture(encode(t, "png", img), raster.Preprocessing{Fit: raster.Stretch}, [3]int{3, 2, 3}, x); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if math.Abs(float64(v)*255-want[i]) > 5 { // the scaled one overshoots at edges
				t.Errorf("%v: value %d is %v, want %v", img.Bounds().Size(), i, v*255, want[i])
			}
		}
	}
}

func TestPictureErrors(t *testing.T) {
	good := encode(t, "png", grey(20, 20, 9))
	files := folder{"cat/0.png": good}
	tests := []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", []byte{}, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"cut", good[:len(good)-20], "a PNG picture that is damaged"},
		{"bomb", bomb(t, 1<<16, 1<<16), "65536×65536 pixels, want 1 to 67108864 of them"},
		{"no pixels", bomb(t, 0, 3), "a PNG picture that is damaged or of a kind that is not read"},
	}
	for i, tt := range tests {
		files[fmt.Sprintf("cat/%d.png", i+1)] = tt.content
	}
	names := []string{"cat/0.png"}
	for i := range tests {
		names = append(names, fmt.Sprintf("cat/%d.png", i+1))
	}
	s := pictures{&folderPictures{files.fsys(), names, make([]int, len(names)), nil}, [3]int{1, 20, 20}, raster.Preprocessing{Fit: raster.Stretch}, decode.Decoder(0), nil}
	x := make([]float32, 400)
	for i, tt := range tests {
		_, err := s.Read(i+1, x)
		wantError(t, err, "data: "+names[i+1]+": ", tt.want)
	}
	if _, err := s.Read(0, x); err != nil {
		t.Errorf("after errors, a good picture: %v", err)
	}
	_, err := s.Read(5, x)
	wantError(t, err, "data: ", "sample 5, want 0 to 4")
	_, err = s.Read(0, x[:9])
	wantError(t, err, "data: ", "room for 9 values, want 400")
}

// FuzzPicture holds that any file of a picture is scaled to numbers from 0 to 1
// or is an error of one line.
func FuzzPicture(f *testing.F) {
	for _, format := range []string{"png", "jpeg", "gif"} {
		b := encode(f, format, plain(5, 4, color.NRGBA{9, 99, 199, 200}))
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add(bomb(f, 1<<20, 1<<20))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := decode.Decoder(0).Header(b); err == nil && c.Width*c.Height > 1<<16 {
			return // allowed, and slow
		}
		for _, shape := range [][3]int{{1, 3, 5}, {3, 4, 5}} {
			x := make([]float32, volumeOf(shape))
			if err := decodePicture(b, raster.Preprocessing{Fit: raster.Stretch}, shape, x); err != nil {
				wantError(t, err, "", "")
				continue
			}
			if low, high := slices.Min(x), slices.Max(x); !(low >= 0 && high <= 1) {
				t.Fatalf("pixels from %v to %v, want 0 to 1", low, high)
			}
		}
	})
}
