package raster_test

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/image/draw"

	"tapenet/graph/raster"
)

// stretch is what these tests are about.
var stretch = raster.Preprocessing{Fit: raster.Stretch}

// reference is what Draw is to make of a picture, by golang.org/x/image. Pictures of
// a JPEG file are converted to bytes of red, green and blue before: as they are,
// golang.org/x/image sees 16 bits.
func reference(img image.Image, channels, h, w int) []float32 {
	if _, ok := img.(*image.YCbCr); ok {
		rgb := image.NewRGBA(img.Bounds())
		draw.Draw(rgb, rgb.Rect, img, img.Bounds().Min, draw.Src)
		img = rgb
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(to, to.Rect, image.White, image.Point{}, draw.Src)
	if img.Bounds().Size() == to.Rect.Size() {
		draw.Draw(to, to.Rect, img, img.Bounds().Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(to, to.Rect, img, img.Bounds(), draw.Over, nil)
	}
	x := make([]float32, channels*h*w)
	for i := range h * w {
		c := to.RGBAAt(i%w, i/w)
		if channels == 1 {
			luma := 19595*int(c.R) + 38470*int(c.G) + 7471*int(c.B)
			x[i] = float32((luma+1<<15)>>16) / 255
			continue
		}
		for k, v := range []uint8{c.R, c.G, c.B} {
			x[k*h*w+i] = float32(v) / 255
		}
	}
	return x
}

// opaquely is a picture of a type that package raster does not know, and that
// does not say whether it is opaque.
type opaquely struct{ image.Image }

// formats are pictures of random pixels, by every type that the decoders make,
// some of them a part of a larger picture.
func formats(r *rand.Rand, w, h int) map[string]image.Image {
	outer := image.Rect(-3, 2, w+4, h+7)
	inner := image.Rect(-1, 4, w-1, h+4)
	random := func(pix []uint8) {
		for i := range pix {
			pix[i] = uint8(r.Uint32())
			if r.IntN(3) == 0 { // edges, where a cubic overshoots
				pix[i] = 255 * uint8(r.IntN(2))
			}
		}
	}
	grey, grey16, cmyk := image.NewGray(outer), image.NewGray16(outer), image.NewCMYK(outer)
	nrgba, nrgba64, opaque := image.NewNRGBA(outer), image.NewNRGBA64(outer), image.NewNRGBA(outer)
	paletted := image.NewPaletted(outer, color.Palette{color.NRGBA{9, 99, 200, 100}, color.White, color.Transparent, color.Black})
	for _, pix := range [][]uint8{grey.Pix, grey16.Pix, cmyk.Pix, nrgba.Pix, nrgba64.Pix, opaque.Pix, paletted.Pix} {
		random(pix)
	}
	for i := range paletted.Pix {
		paletted.Pix[i] %= 4
	}
	for i := 3; i < len(opaque.Pix); i += 4 {
		opaque.Pix[i] = 255
	}
	rgba := image.NewRGBA(outer)
	draw.Draw(rgba, outer, nrgba, outer.Min, draw.Src)
	pictures := map[string]image.Image{
		"Gray": grey.SubImage(inner), "Gray16": grey16.SubImage(inner), "CMYK": cmyk.SubImage(inner),
		"NRGBA": nrgba.SubImage(inner), "NRGBA64": nrgba64.SubImage(inner), "opaque NRGBA": opaque.SubImage(inner),
		"RGBA": rgba.SubImage(inner), "Paletted": paletted.SubImage(inner), "unknown": opaquely{nrgba.SubImage(inner)},
	}
	for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
		img := image.NewYCbCr(outer, ratio)
		random(img.Y)
		random(img.Cb)
		random(img.Cr)
		pictures[fmt.Sprint(ratio)] = img.SubImage(inner)
	}
	return pictures
}

// TestDraw: the pixels are those of golang.org/x/image, bit for bit, for
// pictures of every type that become smaller, larger, oblong or stay as they
// are.
func TestDraw(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const h, w = 20, 24
	for _, size := range []image.Point{{w, h}, {100, 90}, {7, 5}, {1, 300}, {24, 200}, {61, 20}, {1, 1}} {
		for name, img := range formats(r, size.X, size.Y) {
			for _, channels := range []int{1, 3} {
				check(t, fmt.Sprintf("%s of %v, %d channels", name, size, channels), img, channels, h, w)
			}
		}
	}
}

// TestDrawPart: cropping a picture, of which some columns do not count, gives the pixels
// of the same picture whose type cannot be cut.
func TestDrawPart(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const h, w = 20, 24
	for _, size := range []image.Point{{100, 30}, {61, 20}, {300, 3}, {30, 90}} {
		for name, img := range formats(r, size.X, size.Y) {
			same := img
			if _, ok := img.(*image.YCbCr); ok {
				rgb := image.NewRGBA(img.Bounds())
				draw.Draw(rgb, rgb.Rect, img, img.Bounds().Min, draw.Src)
				same = rgb
			}
			for _, p := range []raster.Preprocessing{{Fit: raster.Crop}, {Fit: raster.Crop, Shorter: 40, Filter: raster.Linear}} {
				got, want := make([]float32, 3*h*w), make([]float32, 3*h*w)
				for x, img := range map[*[]float32]image.Image{&got: img, &want: opaquely{same}} {
					if err := p.Draw(*x, img, 3, h, w); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s of %v, %+v: other pixels than of the whole", name, size, p)
				}
			}
		}
	}
}

func check(t *testing.T, name string, img image.Image, channels, h, w int) {
	t.Helper()
	got := make([]float32, channels*h*w)
	if err := stretch.Draw(got, img, channels, h, w); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, want := range reference(img, channels, h, w) {
		if got[i] != want {
			t.Fatalf("%s: value %d is %g, want %g", name, i, 255*got[i], 255*want)
		}
	}
}

// FuzzDraw compares pictures of any size and content with golang.org/x/image's.
func FuzzDraw(f *testing.F) {
	f.Add(uint64(1), uint8(30), uint8(40), uint8(28), uint8(28))
	f.Add(uint64(2), uint8(1), uint8(200), uint8(5), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, fromW, fromH, w, h uint8) {
		if fromW < 1 || fromH < 1 || w < 1 || h < 1 {
			return
		}
		for name, img := range formats(rand.New(rand.NewPCG(seed, 0)), int(fromW), int(fromH)) {
			for _, channels := range []int{1, 3} {
				check(t, name, img, channels, int(h)%64+1, int(w)%64+1)
			}
		}
	})
}

func TestDrawRefuses(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 4, 4))
	for _, tt := range []struct {
		name           string
		img            image.Image
		values         int
		channels, h, w int
		want           string
	}{
		{"nil", nil, 4, 1, 2, 2, "the picture is empty"},
		{"empty", image.NewGray(image.Rect(0, 0, 0, 5)), 4, 1, 2, 2, "the picture is empty"},
		{"two channels", img, 8, 2, 2, 2, "2 channels, want 1 or 3 for pictures"},
		{"short", img, 11, 3, 2, 2, "room for 11 values, want 3 channels of 2×2"},
		{"no height", img, 0, 3, 0, 2, "room for 0 values, want 3 channels of 0×2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := stretch.Draw(make([]float32, tt.values), tt.img, tt.channels, tt.h, tt.w); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestResizeKeepsGrounds: an even picture stays even, whatever becomes of its
// size.
func TestResizeKeepsGrounds(t *testing.T) {
	for _, size := range []image.Rectangle{image.Rect(0, 0, 3, 2), image.Rect(0, 0, 91, 64)} {
		img := image.NewGray(size)
		for i := range img.Pix {
			img.Pix[i] = 77
		}
		x := make([]float32, 9*11)
		if err := stretch.Draw(x, img, 1, 9, 11); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if v != 77.0/255 {
				t.Fatalf("%v: value %d is %g, want %g", size, i, 255*v, 77.0)
			}
		}
	}
}

// BenchmarkDraw scales a photograph's format to what most networks take.
func BenchmarkDraw(b *testing.B) {
	for name, img := range map[string]image.Image{
		"YCbCr420": image.NewYCbCr(image.Rect(0, 0, 500, 375), image.YCbCrSubsampleRatio420),
		"NRGBA":    image.NewNRGBA(image.Rect(0, 0, 500, 375)),
		"Gray":     image.NewGray(image.Rect(0, 0, 500, 375)),
	} {
		x := make([]float32, 3*224*224)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if err := stretch.Draw(x, img, 3, 224, 224); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/cropped", func(b *testing.B) { // as torchvision has it
			crop := raster.Preprocessing{Fit: raster.Crop, Shorter: 256, Filter: raster.Linear}
			for range b.N {
				if err := crop.Draw(x, img, 3, 224, 224); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/x-image", func(b *testing.B) {
			to := image.NewRGBA(image.Rect(0, 0, 224, 224))
			for range b.N {
				draw.CatmullRom.Scale(to, to.Rect, img, img.Bounds(), draw.Over, nil)
			}
		})
	}
}
