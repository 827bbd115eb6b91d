package infer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"tapenet/graph/raster"
)

// file returns the content of a picture's file.
func file(t testing.TB, encode func(io.Writer, image.Image) error, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sample is a small picture with something on it.
func sample() *image.Gray {
	g := image.NewGray(image.Rect(0, 0, 12, 9))
	g.SetGray(4, 4, color.Gray{Y: 200})
	return g
}

// pngHeader is the begin of a PNG file that claims a size.
func pngHeader(width, height uint32) []byte {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	chunk = binary.BigEndian.AppendUint32(chunk, height)
	chunk = append(chunk, 8, 0, 0, 0, 0) // 8 bit, grey
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, chunk...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(chunk))
}

// jpegHeader is the same of a JPEG file.
func jpegHeader(width, height uint16) []byte {
	b := []byte{0xff, 0xd8, 0xff, 0xc0, 0, 11, 8}
	b = binary.BigEndian.AppendUint16(b, height)
	b = binary.BigEndian.AppendUint16(b, width)
	return append(b, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8) // one component; a scan begins
}

// gifHeader is the same of a GIF file.
func gifHeader(width, height uint16) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("GIF89a"), width)
	return append(binary.LittleEndian.AppendUint16(b, height), 0, 0, 0)
}

func TestDecodeImage(t *testing.T) {
	for name, encode := range map[string]func(io.Writer, image.Image) error{"png": png.Encode, "gif": asGIF, "jpeg": asJPEG(90)} {
		t.Run(name, func(t *testing.T) {
			content := file(t, encode, sample())
			// A reader that gives a byte at a time, and one from which more can be read after the picture.
			for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(content)), io.MultiReader(bytes.NewReader(content), bytes.NewReader(make([]byte, 9999)))} {
				img, err := DecodeImage(r)
				if err != nil {
					t.Fatal(err)
				}
				if img.Bounds() != sample().Rect {
					t.Errorf("bounds %v, want %v", img.Bounds(), sample().Rect)
				}
			}
		})
	}
}

// TestDecodeImageErrors: whatever a file claims, refusing it is cheap.
func TestDecodeImageErrors(t *testing.T) {
	whole := file(t, png.Encode, sample())
	tests := []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", nil, "infer: no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"text", []byte("A picture is worth\na thousand words."), "infer: no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "infer: a file of SVG, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"cut in the header", whole[:20], "infer: a PNG picture that is damaged or of a kind that is not read: unexpected EOF"},
		{"cut in the data", whole[:len(whole)-20], "infer: a PNG picture that is damaged"},
		{"wrong checksum", slices.Concat(whole[:45], []byte{whole[45] + 1}, whole[46:]), "infer: a PNG picture that is damaged"},
		{"png bomb", pngHeader(60000, 60000), "infer: a PNG picture of 60000×60000 pixels, want 1 to 67108864 of them"},
		{"wide png bomb", pngHeader(1<<31-1, 1), "infer: a PNG picture of 2147483647×1 pixels, want 1 to 67108864 of them"},
		{"jpeg bomb", jpegHeader(65535, 65535), "infer: a JPEG picture of 65535×65535 pixels, want 1 to 67108864 of them"},
		{"gif bomb", gifHeader(65535, 65535), "infer: a GIF picture of 65535×65535 pixels, want 1 to 67108864 of them"},
		{"gif without pixels", gifHeader(0, 7), "infer: a GIF picture of 0×7 pixels, want 1 to 67108864 of them"},
		{"header alone", pngHeader(10, 10), "infer: a PNG picture that is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			img, err := DecodeImage(bytes.NewReader(tt.content))
			runtime.ReadMemStats(&after)
			wantError(t, err, tt.want)
			if img != nil {
				t.Error("a picture beside the error")
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("allocates %d bytes, want at most 1 MB", n)
			}
		})
	}
}

func TestDecodeImageReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	content := file(t, png.Encode, sample())
	_, err := DecodeImage(io.MultiReader(bytes.NewReader(content[:50]), iotest.ErrReader(broken)))
	wantError(t, err, "infer: disk on fire")
	if !errors.Is(err, broken) {
		t.Errorf("error %q does not wrap the reader's", err)
	}
}

// FuzzDecodeImage holds that no file makes DecodeImage or Pixels panic, and
// that a picture, if one comes out, gives pixels in 0..1.
func FuzzDecodeImage(f *testing.F) {
	for _, encode := range []func(io.Writer, image.Image) error{png.Encode, asGIF, asJPEG(50)} {
		content := file(f, encode, sample())
		f.Add(content)
		f.Add(content[:len(content)/2])
	}
	f.Add(file(f, png.Encode, recolour(image.NewNRGBA(sample().Rect), sample(), func(v uint8) color.Color { return color.NRGBA{9, 9, 9, v} })))
	f.Add(pngHeader(60000, 60000))
	f.Add(jpegHeader(9, 9))
	f.Add(gifHeader(9, 9))
	f.Add([]byte{})
	grey, colour := &Predictor{Input: [3]int{1, 8, 8}}, &Predictor{Input: [3]int{3, 4, 4}}
	f.Fuzz(func(t *testing.T, content []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(content)); err == nil && c.Width*c.Height > 1<<20 && c.Width <= raster.MaxPixels/max(1, c.Height) {
			t.Skip("large, and therefore slow")
		}
		img, err := DecodeImage(bytes.NewReader(content))
		if (img == nil) == (err == nil) {
			t.Fatalf("picture %v and error %v", img, err)
		}
		if err != nil {
			wantError(t, err, "infer: ")
			return
		}
		for _, p := range []*Predictor{grey, colour} {
			x, err := p.Pixels(img)
			if err != nil {
				wantError(t, err, "infer: ")
				continue
			}
			if len(x) != p.Input[0]*p.Input[1]*p.Input[2] || !(slices.Min(x) >= 0 && slices.Max(x) <= 1) {
				t.Fatalf("%d values %v, want %v in 0..1", len(x), x, p.Input)
			}
		}
	})
}
