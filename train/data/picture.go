package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // formats that pictures may have
	_ "image/jpeg" // …
	_ "image/png"  // …
	"path"
	"slices"
	"strings"
	"sync"

	"tapenet/graph/raster"
)

// maxPixels bounds the pictures that are unpacked: a small file can claim any
// size.
const maxPixels = 32 << 20

// pictureExtensions are what the names of pictures end in.
var pictureExtensions = []string{".png", ".jpg", ".jpeg", ".gif"}

// isPicture reports whether a file's name ends as that of a picture.
func isPicture(name string) bool {
	return slices.Contains(pictureExtensions, strings.ToLower(path.Ext(name)))
}

// pictureConfig returns the format and size of a picture, if it may be
// unpacked.
func pictureConfig(b []byte) (image.Config, error) {
	c, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return c, fmt.Errorf("not a PNG, JPEG or GIF picture: %w", err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return c, fmt.Errorf("the %s picture is %d×%d, want 1 to %d pixels", format, c.Width, c.Height, maxPixels)
	}
	return c, nil
}

// pictureShape returns the shape of the samples that a picture gives when
// options leave it open.
func (o Options) pictureShape(b []byte) ([3]int, error) {
	c, err := pictureConfig(b)
	if err != nil {
		return [3]int{}, err
	}
	shape := [3]int{o.Channels, o.Height, o.Width}
	for i, own := range []int{channels(c.ColorModel), c.Height, c.Width} {
		if shape[i] == 0 {
			shape[i] = own
		}
	}
	if shape[1] > maxSide || shape[2] > maxSide {
		return shape, fmt.Errorf("the picture is %d×%d, want sides of at most %d unless options give a size", c.Width, c.Height, maxSide)
	}
	return shape, nil
}

// channels returns 1 for a colour model of greys, else 3.
func channels(m color.Model) int {
	palette, ok := m.(color.Palette)
	if !ok {
		if m == color.GrayModel || m == color.Gray16Model {
			return 1
		}
		return 3
	}
	for _, c := range palette {
		if r, g, b, _ := c.RGBA(); r != g || g != b {
			return 3
		}
	}
	return 1
}

// decodePicture writes the pixels of a PNG, JPEG or GIF file to x, in planes of
// the shape, as the preprocessing says. Grey is the luma of colours; transparent
// pixels count as white.
func decodePicture(b []byte, p raster.Preprocessing, shape [3]int, x []float32) error {
	if p.Shorter == 0 && p.Fit != raster.Strokes && plainPNG(b, shape, x) {
		return nil
	}
	if _, err := pictureConfig(b); err != nil {
		return err
	}
	img, format, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("broken %s picture: %w", format, err)
	}
	return p.Draw(x, img, shape[0], shape[1], shape[2])
}

// pictures is samples whose pictures are unpacked by Read, every time.
type pictures struct {
	source
	shape [3]int

	preprocessing raster.Preprocessing
}

// source is where pictures come from. It is safe for concurrent use.
type source interface {
	Len() int
	// picture returns the file of sample i. It may use buf, and only until the
	// next call with it.
	picture(i int, buf []byte) ([]byte, error)
	// label returns the class of sample i.
	label(i int) int
	// name says which sample i is, by its file.
	name(i int) string
}

var files = sync.Pool{New: func() any { return new([]byte) }}

func (s pictures) Read(i int, x []float32) (class int, err error) {
	if err := checkIndex(i, s.Len()); err != nil {
		return 0, err
	}
	if size := volumeOf(s.shape); len(x) != size {
		return 0, fmt.Errorf("data: room for %d values, want %d, one a pixel", len(x), size)
	}
	buf := files.Get().(*[]byte)
	defer files.Put(buf)
	b, err := s.picture(i, *buf)
	if err == nil {
		*buf = b
		err = decodePicture(b, s.preprocessing, s.shape, x)
	}
	if err != nil {
		return 0, fmt.Errorf("data: %s: %w", s.name(i), err)
	}
	return s.label(i), nil
}

func (s pictures) class(i int, _ []float32) (int, error) { return s.label(i), nil }
func (s pictures) onDisk() bool                          { return true }
func (s pictures) sampleName(i int) string               { return s.name(i) }

// maxFile bounds the files of pictures.
const maxFile = 64 << 20

// dataset returns the samples of two sources, of which test may be nil, with
// the shape that the options and the first training picture say.
func (o Options) dataset(classes []string, train, test source) (Dataset, error) {
	b, err := train.picture(0, nil)
	if err != nil {
		return Dataset{}, fmt.Errorf("%s: %w", train.name(0), err)
	}
	shape, err := o.pictureShape(b)
	if err != nil {
		return Dataset{}, fmt.Errorf("%s: %w", train.name(0), err)
	}
	p := o.Preprocessing
	if p.Fit == "" {
		p.Fit = raster.Stretch
	}
	if err := p.Check(shape[0], shape[1], shape[2]); err != nil {
		return Dataset{}, err
	}
	d := Dataset{Shape: shape, Classes: classes, Train: pictures{train, shape, p}, Preprocessing: p}
	if test != nil {
		d.Test = pictures{test, shape, p}
		return d, nil
	}
	share := o.TestShare
	if share == 0 {
		share = 0.2
	}
	d, err = Split(d, share, o.Seed, true)
	d.HeldOut = false // that is its test part
	return d, err
}
