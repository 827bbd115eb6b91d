package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"tapenet/graph/raster"
)

// golden is a file, and what Pillow shows of it; testdata/pictures.py makes them.
type golden struct {
	Name          string
	File, Pixels  []byte
	Width, Height int
	Within        int
}

func goldens(t testing.TB) (list []golden) {
	t.Helper()
	b, err := os.ReadFile("testdata/pictures.json")
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// onWhite is a picture's red, green and blue bytes.
func onWhite(img image.Image) []byte {
	b := img.Bounds()
	canvas := image.NewRGBA(b)
	draw.Draw(canvas, b, image.White, image.Point{}, draw.Src)
	draw.Draw(canvas, b, img, b.Min, draw.Over)
	var rgb []byte
	for i := 0; i < len(canvas.Pix); i += 4 {
		rgb = append(rgb, canvas.Pix[i:i+3]...)
	}
	return rgb
}

// TestPillow: pictures of every kind are shown as Pillow shows them.
func TestPillow(t *testing.T) {
	list := goldens(t)
	if len(list) < 70 {
		t.Fatalf("%d pictures, want at least 70", len(list))
	}
	for _, g := range list {
		t.Run(g.Name, func(t *testing.T) {
			img, err := Decoder(0).Decode(g.File)
			if err != nil {
				t.Fatal(err)
			}
			if size := img.Bounds().Size(); size != image.Pt(g.Width, g.Height) {
				t.Fatalf("size %v, want %d×%d", size, g.Width, g.Height)
			}
			h, err := Decoder(0).Header(g.File)
			if err != nil || h.Width != g.Width || h.Height != g.Height {
				t.Errorf("the header says %+v, %v, want %d×%d", h, err, g.Width, g.Height)
			}
			if grey := strings.Contains(strings.ToLower(g.Name), "grey"); grey != (h.Channels == 1) && !strings.Contains(g.Name, "bit") && !strings.Contains(g.Name, "BMP") {
				t.Errorf("the header says %d channels", h.Channels)
			}
			worst := 0
			for i, v := range onWhite(img) {
				worst = max(worst, int(v)-int(g.Pixels[i]), int(g.Pixels[i])-int(v))
			}
			if worst > g.Within {
				t.Errorf("the pixels differ by %d, want at most %d", worst, g.Within)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	var small bytes.Buffer
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("disk on fire")
	tests := []struct {
		name string
		from io.Reader
		most int
		want string
	}{
		{"empty", strings.NewReader(""), 0, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"text", strings.NewReader("BM or not BM, that is the question"), 0, "no picture, want"},
		{"HEIC", strings.NewReader("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), 0, "a file of HEIC, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"SVG", strings.NewReader("\n<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"), 0, "a file of SVG, want"},
		{"cut in the header", bytes.NewReader(small.Bytes()[:20]), 0, "a PNG picture that is damaged or of a kind that is not read: unexpected EOF"},
		{"cut in the data", bytes.NewReader(small.Bytes()[:small.Len()-14]), 0, "a PNG picture that is damaged or of a kind that is not read: unexpected EOF"},
		{"large", bytes.NewReader(small.Bytes()), 1199, "a PNG picture of 40×30 pixels, want 1 to 1199 of them"},
		{"too long a file", io.LimitReader(zeros{}, raster.MaxFile+1), 0, "a file of more than 67108864 bytes, want fewer"},
		{"reader's", iotest.ErrReader(broken), 0, "disk on fire"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			img, err := Read(tt.from, tt.most)
			if img != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("picture %v, error %v, want %q", img, err, tt.want)
			}
		})
	}
	if img, err := Read(bytes.NewReader(small.Bytes()), 1200); err != nil || img.Bounds().Dx() != 40 {
		t.Errorf("of 1200 pixels: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// FuzzDecode holds that no file makes a panic, and that a picture has the size that
// its header says.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.File)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		const most = 1 << 16
		h, headerErr := Decoder(most).Header(file)
		img, err := Decoder(most).Decode(file)
		if (img == nil) == (err == nil) {
			t.Fatalf("picture %v and error %v", img, err)
		}
		if err == nil && (headerErr != nil || img.Bounds().Size() != image.Pt(h.Width, h.Height)) {
			t.Errorf("a picture of %v, its header says %+v, %v", img.Bounds(), h, headerErr)
		}
	})
}
