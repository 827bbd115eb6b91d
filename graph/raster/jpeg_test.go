package raster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// segment is a segment of a JPEG file.
func segment(marker byte, content ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(content)+2)), content...)
}

// frameOf is a JPEG file up to the data of its first scan: planes are how many blocks each
// has across and down. What is before stands in front of the frame.
func frameOf(marker byte, w, h int, before []byte, planes ...byte) []byte {
	frame := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), byte(len(planes))}
	scan := []byte{byte(len(planes))}
	for i, p := range planes {
		frame = append(frame, byte(i+1), p, 0)
		scan = append(scan, byte(i+1), 0)
	}
	scan = append(scan, 0, 0, 0)
	file := append([]byte{0xff, 0xd8}, before...)
	return append(append(file, segment(marker, frame...)...), segment(startOfScan, scan...)...)
}

var adobe = segment(0xee, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 2)

// allocated is how many bytes f takes in all.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestJPEGMemory: what a picture's header says that it takes is what the standard library
// takes for its planes and its coefficients, also where the frame hides behind what is
// passed over.
func TestJPEGMemory(t *testing.T) {
	comment := segment(0xfe, []byte("a comment")...)
	behind := bytes.Join([][]byte{comment, {1, 2, 0xff, 0, 3}, {0xff, 0xd0}, comment, {0xff, 0xff}}, nil)
	for _, marker := range []byte{startOfFrame0, startOfFrame2} {
		for name, planes := range map[string][]byte{
			"grey": {0x22}, "4:4:4": {0x11, 0x11, 0x11}, "4:2:0": {0x22, 0x11, 0x11}, "4:1:0": {0x42, 0x11, 0x11}, "4:2:2 of pairs": {0x21, 0x11, 0x11},
			"4:4:4 of pairs": {0x21, 0x21, 0x21}, "CMYK": {0x11, 0x11, 0x11, 0x11}, "CMYK, two subsampled": {0x22, 0x11, 0x11, 0x22},
		} {
			for _, size := range []image.Point{{1500, 1100}, {3, 4000}} {
				t.Run(fmt.Sprintf("%x %s %v", marker, name, size), func(t *testing.T) {
					before := behind
					if len(planes) == 4 {
						before = append(before[:len(before):len(before)], adobe...)
					}
					file := frameOf(marker, size.X, size.Y, before, planes...)
					h, err := Decoder{}.Header(file)
					if err != nil {
						t.Fatal(err)
					}
					got := allocated(func() {
						if _, err := (Decoder{}).Decode(file); err == nil {
							t.Error("no error, want one of a scan without data")
						}
					})
					least := h.Memory - 1<<17
					if len(planes) == 4 { // the picture that is made of them does not come so far
						least -= 4 * int64(size.X*size.Y)
					}
					if got > h.Memory || got < least {
						t.Errorf("takes %d bytes, the header says %d", got, h.Memory)
					}
				})
			}
		}
	}
}

// TestJPEGBombs: small files that would take much memory, or time, are refused before.
func TestJPEGBombs(t *testing.T) {
	coefficients := frameOf(startOfFrame2, 7200, 7200, adobe, 0x11, 0x11, 0x11, 0x11)
	many := frameOf(startOfFrame2, 1000, 1000, nil, 0x11, 0x11, 0x11)
	for range maxScans {
		many = append(many, segment(startOfScan, 1, 1, 0, 0, 0, 0)...)
	}
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"coefficients", coefficients, "a JPEG picture of 7200×7200 pixels that takes 1186 MB to unpack, want at most 1088: save it without interlacing or progression, or smaller"},
		{"scans", many, "a JPEG picture of 65 scans, want at most 64: save it without progression"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err, headerErr error
			n := allocated(func() {
				_, err = Decoder{}.Decode(tt.file)
				_, headerErr = Decoder{}.Header(tt.file)
			})
			if err == nil || err.Error() != tt.want || headerErr == nil || headerErr.Error() != tt.want || n > 1<<20 {
				t.Errorf("errors %v and %v after %d bytes, want %q", err, headerErr, n, tt.want)
			}
		})
	}
	if _, err := (Decoder{}).Header(coefficients); !errors.Is(err, ErrSize) {
		t.Errorf("error %v, want an ErrSize", err)
	}
	// What lies behind a picture, as a phone's film of it, is none of its scans.
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 9, 9)), nil); err != nil {
		t.Fatal(err)
	}
	b.WriteString(strings.Repeat("\xff\xda\x00\x08", 1000))
	if _, err := (Decoder{}).Decode(b.Bytes()); err != nil {
		t.Errorf("with a film behind it: %v", err)
	}
	// Large progressive photographs are read, those on their side too.
	for _, planes := range [][]byte{{0x22, 0x11, 0x11}, {0x11, 0x11, 0x11}, {0x11}} {
		if _, err := (Decoder{}).Header(frameOf(startOfFrame2, 8660, 5774, onItsSide, planes...)); err != nil {
			t.Errorf("50 megapixels of planes %x: %v", planes, err)
		}
	}
}

// onItsSide says that a picture is shown turned by 90°.
var onItsSide = segment(0xe1, []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")...)

// TestTurnedMemory: a photograph on its side is turned in three bytes a pixel, as its
// header says.
func TestTurnedMemory(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1501, 1099)), nil); err != nil {
		t.Fatal(err)
	}
	upright := b.Bytes()
	side := slices.Concat(upright[:2], onItsSide, upright[2:])
	before, err := Decoder{}.Header(upright)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Decoder{}.Header(side)
	if err != nil {
		t.Fatal(err)
	}
	if h.Width != 1099 || h.Height != 1501 || h.Memory != before.Memory+3*1501*1099 {
		t.Errorf("%+v on its side, %+v upright, want three bytes more for each pixel", h, before)
	}
	n := allocated(func() {
		if img, err := (Decoder{}).Decode(side); err != nil || img.Bounds().Size() != image.Pt(1099, 1501) {
			t.Errorf("%v, %v", img, err)
		}
	})
	if n > h.Memory {
		t.Errorf("takes %d bytes, the header says %d", n, h.Memory)
	}
}
