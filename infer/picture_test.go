package infer

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/image/draw"
)

// through writes a picture with encode and reads the file with DecodeImage.
func through(t testing.TB, encode func(io.Writer, image.Image) error, img image.Image) image.Image {
	t.Helper()
	var file bytes.Buffer
	if err := encode(&file, img); err != nil {
		t.Fatal(err)
	}
	got, err := DecodeImage(&file)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func asGIF(w io.Writer, img image.Image) error { return gif.Encode(w, img, nil) }

func asJPEG(quality int) func(io.Writer, image.Image) error {
	return func(w io.Writer, img image.Image) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: quality}) }
}

// recolour returns img with each pixel's brightness v as the colour paint(v).
func recolour(to draw.Image, img *image.Gray, paint func(v uint8) color.Color) image.Image {
	for i, v := range img.Pix {
		to.Set(to.Bounds().Min.X+i%img.Stride, to.Bounds().Min.Y+i/img.Stride, paint(v))
	}
	return to
}

var greys = func() (p color.Palette) {
	for v := range 256 {
		p = append(p, color.Gray{Y: uint8(v)})
	}
	return p
}()

// TestDigitsComeThrough holds that a picture of the network's own size gives
// MNIST's own values, bit for bit, whatever the file's format; ink on paper and
// on nothing as well.
func TestDigitsComeThrough(t *testing.T) {
	p := trained(t)
	same := func(v uint8) color.Color { return color.Gray{Y: v} }
	inverse := func(v uint8) color.Color { return color.Gray{Y: 255 - v} }
	size, moved := image.Rect(0, 0, 28, 28), image.Rect(-3, 7, 25, 35)
	tests := []struct {
		name   string
		encode func(io.Writer, image.Image) error // nil: no file
		to     func() draw.Image
		paint  func(v uint8) color.Color
	}{
		{"grey png", png.Encode, func() draw.Image { return image.NewGray(size) }, same},
		{"inverted grey png", png.Encode, func() draw.Image { return image.NewGray(size) }, inverse},
		{"16 bit png", png.Encode, func() draw.Image { return image.NewGray16(size) }, same},
		{"colour png", png.Encode, func() draw.Image { return image.NewNRGBA(size) }, same},
		{"16 bit colour png", png.Encode, func() draw.Image { return image.NewNRGBA64(size) }, inverse},
		{"palette png", png.Encode, func() draw.Image { return image.NewPaletted(size, greys) }, same},
		{"palette gif", asGIF, func() draw.Image { return image.NewPaletted(size, greys) }, inverse},
		{"black on transparent", png.Encode, func() draw.Image { return image.NewNRGBA(size) },
			func(v uint8) color.Color { return color.NRGBA{0, 0, 0, v} }},
		{"white on transparent", png.Encode, func() draw.Image { return image.NewNRGBA(size) },
			func(v uint8) color.Color { return color.NRGBA{255, 255, 255, v} }},
		{"moved", nil, func() draw.Image { return image.NewRGBA(moved) }, same},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, x := range digits(t, 10) {
				img := recolour(tt.to(), picture(x), tt.paint)
				if tt.encode != nil {
					img = through(t, tt.encode, img)
				}
				got, err := p.Pixels(img)
				if err != nil {
					t.Fatal(err)
				}
				for k := range got {
					if got[k] != x[k] {
						t.Fatalf("digit %d: pixel %d is %v, want %v", i, k, got[k], x[k])
					}
				}
			}
		})
	}
}

// TestJPEGOfOwnSize: a lossy file comes close.
func TestJPEGOfOwnSize(t *testing.T) {
	p := trained(t)
	for i, x := range digits(t, 10) {
		got, err := p.Pixels(through(t, asJPEG(95), picture(x)))
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(got, x); d > 0.01 {
			t.Errorf("digit %d: mean difference %.4f, want at most 0.01", i, d)
		}
	}
}

// distance is the mean absolute difference.
func distance(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += math.Abs(float64(a[i] - b[i]))
	}
	return sum / float64(len(a))
}

// paper is a sheet on which a digit is drawn.
type paper struct {
	name        string
	ground, ink uint8
	noise       int // of the ground and the ink, up and down
	jpeg        int // quality, 0 for a file without loss
}

// draw enlarges a digit and puts it somewhere on a sheet up to three times as
// large.
func (s paper) draw(t testing.TB, digit *image.Gray, scale int, r *rand.Rand) image.Image {
	t.Helper()
	side := 28 * scale
	large := image.NewGray(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(large, large.Rect, digit, digit.Rect, draw.Src, nil)
	sheet := image.NewGray(image.Rect(0, 0, side*3/2+r.IntN(side*3/2), side*3/2+r.IntN(side*3/2)))
	left, top := r.IntN(sheet.Rect.Dx()-side), r.IntN(sheet.Rect.Dy()-side)
	for i := range sheet.Pix {
		x, y := i%sheet.Stride-left, i/sheet.Stride-top
		v := int(s.ground)
		if image.Pt(x, y).In(large.Rect) {
			v += (int(s.ink) - v) * int(large.Pix[y*side+x]) / 255
		}
		if s.noise > 0 {
			v += r.IntN(2*s.noise+1) - s.noise
		}
		sheet.Pix[i] = uint8(max(0, min(v, 255)))
	}
	if s.jpeg > 0 {
		return through(t, asJPEG(s.jpeg), sheet)
	}
	return sheet
}

// TestDrawnDigits holds that a digit drawn larger, somewhere on a sheet, gives
// about the pixels that MNIST has of it, and the same class.
func TestDrawnDigits(t *testing.T) {
	n := 200 / slow
	p := trained(t)
	x := digits(t, n)
	want := predict(t, p, x)
	tests := []struct {
		paper
		scale, digits int
	}{
		{paper{"black on white", 255, 0, 0, 0}, 3, n},
		{paper{"black on white", 255, 0, 0, 0}, 7, n / 2},
		{paper{"black on white", 255, 0, 0, 0}, 20, n / 10},
		{paper{"light on mid-grey", 130, 250, 0, 0}, 3, n},
		{paper{"grey on mid-grey", 150, 20, 0, 0}, 5, n},
		{paper{"jpeg", 240, 20, 0, 40}, 4, n},
		{paper{"noisy jpeg", 220, 40, 8, 60}, 5, n / 2},
		{paper{"pale pencil", 250, 200, 2, 0}, 4, n},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %dx", tt.name, tt.scale), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			pixels := make([][]float32, tt.digits)
			far := 0.0
			for i := range pixels {
				var err error
				if pixels[i], err = p.Pixels(tt.draw(t, picture(x[i]), tt.scale, r)); err != nil {
					t.Fatal(err)
				}
				far += distance(pixels[i], x[i]) / float64(tt.digits)
			}
			alike := 0
			for i, got := range predict(t, p, pixels) {
				if got.Class == want[i].Class {
					alike++
				}
			}
			t.Logf("%d of %d alike, mean difference %.4f", alike, tt.digits, far)
			if 100*alike < 92*tt.digits || far > 0.045 {
				t.Errorf("%d of %d alike, mean difference %.4f, want at least 92 %% and at most 0.045", alike, tt.digits, far)
			}
		})
	}
}

// TestThinStrokes: a thin pen on a large sheet is as visible as MNIST's.
func TestThinStrokes(t *testing.T) {
	p := trained(t)
	const side = 600
	ring, bar := image.NewGray(image.Rect(0, 0, side, side)), image.NewGray(image.Rect(0, 0, side, side))
	for i := range ring.Pix {
		x, y := float64(i%side-side/2), float64(i/side-side/2)
		if math.Abs(math.Hypot(x/200, y/260)-1) < 0.02 {
			ring.Pix[i] = 255
		}
		if math.Abs(x) < 4 && math.Abs(y) < 250 {
			bar.Pix[i] = 255
		}
	}
	for want, img := range map[string]*image.Gray{"0": ring, "1": bar} {
		pixels, err := p.Pixels(img)
		if err != nil {
			t.Fatal(err)
		}
		if top := slices.Max(pixels); top < 0.99 {
			t.Errorf("%s: the strongest stroke is %v, want 1", want, top)
		}
		if got := predict(t, p, [][]float32{pixels})[0]; got.Label != want {
			t.Errorf("%s: taken for %s, probabilities %v", want, got.Label, got.Probabilities)
		}
	}
}

// TestPredictImages holds that it is Pixels and Predict.
func TestPredictImages(t *testing.T) {
	p := trained(t)
	x := digits(t, 5)
	images := make([]image.Image, len(x))
	for i := range x {
		images[i] = picture(x[i])
	}
	got, err := p.PredictImages(images...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range predict(t, p, x) {
		if !slices.Equal(got[i].Probabilities, want.Probabilities) {
			t.Errorf("image %d: %v, want %v", i, got[i].Probabilities, want.Probabilities)
		}
	}
	_, err = p.PredictImages(images[0], image.NewGray(image.Rect(0, 0, 28, 28)))
	wantError(t, err, "infer: image 1: the picture is blank")
}

// TestColourNetwork: three planes, red, green, blue, from a picture of any size.
func TestColourNetwork(t *testing.T) {
	p := &Predictor{Input: [3]int{3, 2, 4}}
	for _, size := range []image.Rectangle{image.Rect(0, 0, 4, 2), image.Rect(5, 5, 45, 25)} {
		img := image.NewNRGBA(size)
		draw.Draw(img, size, image.NewUniform(color.NRGBA{255, 51, 0, 255}), image.Point{}, draw.Src)
		x, err := p.Pixels(img)
		if err != nil {
			t.Fatal(err)
		}
		if len(x) != 3*2*4 {
			t.Fatalf("%d values, want 24", len(x))
		}
		for i, v := range x {
			if want := []float32{1, 0.2, 0}[i/8]; v != want {
				t.Errorf("size %v: value %d is %v, want %v", size, i, v, want)
			}
		}
	}
}

func TestPictureErrors(t *testing.T) {
	grey := [3]int{1, 28, 28}
	line := image.NewGray(image.Rect(0, 0, 40, 1))
	line.Pix[20] = 255
	tests := []struct {
		name  string
		input [3]int
		img   image.Image
		want  string
	}{
		{"nil", grey, nil, "infer: the picture is empty"},
		{"empty", grey, image.NewGray(image.Rect(0, 0, 0, 9)), "infer: the picture is empty"},
		{"black", grey, image.NewGray(image.Rect(0, 0, 28, 28)), "infer: the picture is blank"},
		{"large and black", grey, image.NewGray(image.Rect(0, 0, 99, 99)), "infer: the picture is blank"},
		{"transparent", grey, image.NewNRGBA(image.Rect(0, 0, 99, 99)), "infer: the picture is blank"},
		{"one pixel", grey, image.NewGray(image.Rect(0, 0, 1, 1)), "infer: the picture is blank"},
		{"line", grey, line, "infer: the picture is 40×1 pixels, want 2×2 or more"},
		{"two channels", [3]int{2, 28, 28}, picture(digits(t, 1)[0]), "infer: the network takes 2 channels, want 1 or 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &Predictor{Input: tt.input}
			x, err := p.Pixels(tt.img)
			wantError(t, err, tt.want)
			if x != nil {
				t.Error("pixels beside the error")
			}
		})
	}
}

// TestSpecks: strokes that vanish when the picture is made smaller.
func TestSpecks(t *testing.T) {
	g := image.NewGray(image.Rect(0, 0, 900, 900))
	g.Pix[0], g.Pix[len(g.Pix)-1] = 255, 255
	_, err := (&Predictor{Input: [3]int{1, 2, 2}}).Pixels(g)
	wantError(t, err, "infer: the strokes are too thin")
}
