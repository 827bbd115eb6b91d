package raster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"
)

// The bounds of the files that are unpacked: a small file can claim any size.
const (
	MaxPixels = 64 << 20 // of a picture, unless a Decoder says otherwise: 67 megapixels
	MaxFile   = 64 << 20 // bytes of its file
)

// ErrSize is of a picture that has no pixels or too many of them.
var ErrSize = errors.New(" pixels")

// Decoder unpacks files of pictures. The zero value reads PNG, JPEG and GIF.
type Decoder struct {
	MaxPixels int      // the largest picture that is unpacked; 0 means the package's MaxPixels
	Further   []Format // kinds beside those three
}

// Format is a kind of picture.
type Format struct {
	Name   string // as Kind has it
	Config func(io.Reader) (image.Config, error)
	Decode func(io.Reader) (image.Image, error)
}

// standard are the kinds that the standard library reads.
var standard = []Format{
	{"PNG", png.DecodeConfig, png.Decode},
	{"JPEG", jpeg.DecodeConfig, jpeg.Decode},
	{"GIF", gif.DecodeConfig, gif.Decode},
}

// Header is what a file says of its picture.
type Header struct {
	Kind          string
	Width, Height int   // as the picture is shown
	Channels      int   // 1 for greys, 3 for colours
	Memory        int64 // bytes that Decode takes at most, beside the file itself
}

// Decode returns the picture of a file as viewers show it: turned as its EXIF data
// say, and the first frame of a GIF in its place on the screen, which is
// transparent around it.
func (d Decoder) Decode(file []byte) (image.Image, error) {
	format, config, _, err := d.config(file)
	if err != nil {
		return nil, err
	}
	img, err := format.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("a %s picture that is damaged or of a kind that is not read: %w", format.Name, err)
	}
	if screen := image.Rect(0, 0, config.Width, config.Height); img.Bounds() != screen && format.Name == "GIF" {
		whole := image.NewNRGBA(screen)
		draw.Draw(whole, img.Bounds(), img, img.Bounds().Min, draw.Src)
		img = whole
	}
	return turned(img, orientation(file)), nil
}

// Header returns what a file, of which the beginning may be enough, says of its
// picture.
func (d Decoder) Header(file []byte) (Header, error) {
	format, config, memory, err := d.config(file)
	if err != nil {
		return Header{}, err
	}
	h := Header{format.Name, config.Width, config.Height, 3, memory}
	if orientation(file) > 4 {
		h.Width, h.Height = h.Height, h.Width
	}
	greyAndAlpha := format.Name == "PNG" && file[25] == 4 // the colour type in IHDR
	if greyAndAlpha || isGrey(config.ColorModel) {
		h.Channels = 1
	}
	return h, nil
}

// Reads reports whether pictures of a kind, as Kind names it, are unpacked.
func (d Decoder) Reads(kind string) bool {
	return slices.ContainsFunc(d.formats(), func(f Format) bool { return f.Name == kind })
}

func (d Decoder) formats() []Format {
	return append(standard[:len(standard):len(standard)], d.Further...)
}

// config is the format and the size of a picture that may be unpacked, and the memory
// that it takes.
func (d Decoder) config(file []byte) (format Format, c image.Config, memory int64, err error) {
	kind, names := Kind(file), make([]string, 0, 8)
	for _, f := range d.formats() {
		names = append(names, f.Name)
		if f.Name == kind {
			format = f
		}
	}
	switch {
	case kind == "":
		return format, c, 0, fmt.Errorf("no picture, want %s", list(names))
	case format.Decode == nil:
		return format, c, 0, fmt.Errorf("a file of %s, want %s", kind, list(names))
	}
	if c, err = format.Config(bytes.NewReader(file)); err != nil {
		return format, c, 0, fmt.Errorf("a %s picture that is damaged or of a kind that is not read: %w", kind, err)
	}
	most := d.MaxPixels
	if most == 0 {
		most = MaxPixels
	}
	if c.Width < 1 || c.Height < 1 || c.Width > most/c.Height {
		return format, c, 0, fmt.Errorf("a %s picture of %d×%d%w, want 1 to %d of them", kind, c.Width, c.Height, ErrSize, most)
	}
	memory = unpackedBytes(file, kind, c, orientation(file) != 1)
	if room := int64(most)*pixelBytes + spareBytes; memory > room {
		return format, c, 0, fmt.Errorf("a %s picture of %d×%d%w that takes %d MB to unpack, want at most %d: save it without interlacing or progression, or smaller",
			kind, c.Width, c.Height, ErrSize, memory>>20, room>>20)
	}
	if kind == "JPEG" {
		if n := scans(file); n > maxScans {
			return format, c, 0, fmt.Errorf("a JPEG picture of %d scans, want at most %d: save it without progression", n, maxScans)
		}
	}
	return format, c, memory, nil
}

// Unpacking a picture may take pixelBytes for each of the pixels that it may have, and
// spareBytes: most take 2 to 8 a pixel, progressive ones 7 to 15, and 24 in four colours.
const (
	pixelBytes = 16
	spareBytes = 64 << 20
)

// unpackedBytes is how many it takes to unpack a picture, and to turn it.
func unpackedBytes(file []byte, kind string, c image.Config, turns bool) int64 {
	stored, working := int64(8), int64(0) // a pixel
	switch c.ColorModel {
	case color.GrayModel:
		stored = 1
	case color.Gray16Model:
		stored = 2
	case color.YCbCrModel:
		stored = 3
	case color.RGBAModel, color.NRGBAModel, color.CMYKModel, color.NYCbCrAModel:
		stored = 4
	}
	if _, ok := c.ColorModel.(color.Palette); ok {
		stored = 1
	}
	switch kind {
	case "GIF": // may be drawn on its screen
		working = 4
	case "WebP", "TIFF": // a second copy, as it was packed
		working = max(stored, 4)
	case "PNG":
		if interlaced := file[28] == 1; interlaced {
			working = stored
		}
	}
	if turns {
		working += turnedBytes(c.ColorModel)
	}
	const besides = 1 << 16 // tables and buffers
	size := int64(c.Width) * int64(c.Height)
	if kind == "JPEG" {
		return jpegBytes(file, c) + size*working + besides
	}
	return size*(stored+working) + besides
}

// turnedBytes is what it takes to turn a pixel.
func turnedBytes(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.YCbCrModel:
		return 3
	case color.NRGBAModel:
		return 4
	}
	return 8 // 16 bits of each colour
}

// list is names in a sentence: "a, b or c".
func list(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// isGrey reports whether all colours of a model are grey.
func isGrey(m color.Model) bool {
	palette, ok := m.(color.Palette)
	for _, c := range palette {
		if r, g, b, _ := c.RGBA(); r != g || g != b {
			return false
		}
	}
	return ok && len(palette) > 0 || m == color.GrayModel || m == color.Gray16Model
}

// Kind names the format that a file is of by how it begins: of those that are read
// here or in package decode, "PNG", "JPEG", "GIF", "WebP", "BMP" and "TIFF"; of
// others for a message about them; "" for what is no picture as far as known.
func Kind(file []byte) string {
	for _, k := range kinds {
		if len(file) >= k.at+len(k.begins) && string(file[k.at:k.at+len(k.begins)]) == k.begins {
			return k.name
		}
	}
	if len(file) >= 18 && string(file[:2]) == "BM" { // two letters may be any text's
		if header := binary.LittleEndian.Uint32(file[14:]); header == 12 || header >= 40 && header <= 124 {
			return "BMP"
		}
	}
	start := strings.TrimLeft(string(file[:min(len(file), 1024)]), "\ufeff \t\r\n")
	if strings.HasPrefix(start, "<svg") || strings.HasPrefix(start, "<?xml") && strings.Contains(start, "<svg") {
		return "SVG"
	}
	return ""
}

// kinds are the bytes at which formats are known.
var kinds = []struct {
	name, begins string
	at           int
}{
	{"PNG", "\x89PNG\r\n\x1a\n", 0},
	{"JPEG", "\xff\xd8\xff", 0},
	{"GIF", "GIF87a", 0},
	{"GIF", "GIF89a", 0},
	{"WebP", "WEBP", 8},
	{"TIFF", "II*\x00", 0},
	{"TIFF", "MM\x00*", 0},
	{"BigTIFF", "II+\x00", 0},
	{"BigTIFF", "MM\x00+", 0},
	{"AVIF", "ftypavif", 4},
	{"AVIF", "ftypavis", 4},
	{"HEIC", "ftyphei", 4},
	{"HEIC", "ftyphev", 4},
	{"HEIC", "ftypmif1", 4},
	{"HEIC", "ftypmsf1", 4},
	{"JPEG XL", "\xff\x0a", 0},
	{"JPEG XL", "\x00\x00\x00\x0cJXL ", 0},
	{"JPEG 2000", "\x00\x00\x00\x0cjP  ", 0},
	{"Photoshop", "8BPS", 0},
	{"OpenEXR", "v/1\x01", 0},
	{"PDF", "%PDF", 0},
	{"ICO", "\x00\x00\x01\x00", 0},
}
