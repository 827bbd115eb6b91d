package data

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// What a shape is where options leave it open.
const (
	smallSide   = 96 // the largest picture, in pixels a side, whose size a network takes as it is
	defaultSide = 64 // of the square that others become
)

// shape is the one of the samples that pictures give. It says whether they are
// photographs, too.
func (o Options) shape(shown []raster.Header) (shape [3]int, photographs bool) {
	shape = [3]int{o.Channels, o.Height, o.Width}
	if len(shown) == 0 {
		shown = []raster.Header{{Width: defaultSide, Height: defaultSide, Channels: 3}}
	}
	first := shown[0]
	other := func(is func(h raster.Header) bool) bool { return slices.ContainsFunc(shown, is) }
	if shape[0] == 0 {
		shape[0] = 1
		if other(func(h raster.Header) bool { return h.Channels != 1 }) {
			shape[0] = 3
		}
	}
	photographs = first.Width > smallSide || first.Height > smallSide ||
		other(func(h raster.Header) bool { return h.Width != first.Width || h.Height != first.Height })
	switch {
	case shape[1] != 0 && shape[2] != 0:
	case shape[1] != 0 || shape[2] != 0:
		side := max(shape[1], shape[2])
		shape[1], shape[2] = side, side
	case !photographs:
		shape[1], shape[2] = first.Height, first.Width
	default:
		side := min(defaultSide, medianSide(shown))
		shape[1], shape[2] = side, side
	}
	return shape, photographs
}

// medianSide is the median of the pictures' shorter sides, 0 for none.
func medianSide(shown []raster.Header) int {
	if len(shown) == 0 {
		return 0
	}
	sides := make([]int, len(shown))
	for i, h := range shown {
		sides[i] = min(h.Width, h.Height)
	}
	slices.Sort(sides)
	return sides[len(sides)/2]
}

// pictures is samples whose pictures are unpacked by Read, once if the store has room.
type pictures struct {
	source
	shape         [3]int
	preprocessing raster.Preprocessing
	decoder       raster.Decoder
	store         *store // nil for none
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
	// headers are those of some of the pictures at least, where they can be read.
	headers() []raster.Header
}

var files = sync.Pool{New: func() any { return new([]byte) }}

// Read implements [Samples].
func (s pictures) Read(i int, x []float32) (class int, err error) {
	if err := checkIndex(i, s.Len()); err != nil {
		return 0, err
	}
	if size := volumeOf(s.shape); len(x) != size {
		return 0, fmt.Errorf("data: room for %d values, want %d, one a pixel", len(x), size)
	}
	if !s.store.get(i, x) {
		if _, err := s.unpack(i, x); err != nil {
			return 0, fmt.Errorf("data: %s: %w", s.name(i), err)
		}
		s.store.put(i, x)
	}
	return s.label(i), nil
}

// unpack reads the file of a picture and prepares the picture. It returns a checksum of the
// file.
func (s pictures) unpack(i int, x []float32) (sum [sha256.Size]byte, err error) {
	buf := files.Get().(*[]byte)
	defer files.Put(buf)
	b, err := s.picture(i, *buf)
	if err != nil {
		return sum, err
	}
	*buf = b
	if s.preprocessing.Shorter == 0 && s.preprocessing.Fit != raster.Strokes && plainPNG(b, s.shape, x) {
		return sha256.Sum256(b), nil
	}
	img, err := s.decoder.Decode(b)
	if err != nil {
		return sum, err
	}
	return sha256.Sum256(b), s.preprocessing.Draw(x, img, s.shape[0], s.shape[1], s.shape[2])
}

// inspect unpacks a picture, and keeps it if there is room.
func (s pictures) inspect(i int, x []float32) (sum [sha256.Size]byte, err error) {
	if sum, err = s.unpack(i, x); err == nil {
		s.store.put(i, x)
	}
	return sum, err
}

func (s pictures) class(i int, _ []float32) (int, error) { return s.label(i), nil }
func (s pictures) onDisk() bool                          { return true }
func (s pictures) sampleName(i int) string               { return s.name(i) }

// parts are the sources of a dataset, of which all but train may be nil.
type parts struct{ train, validation, test source }

// dataset returns the samples of sources, with the shape that the options and the
// training pictures say.
func (o Options) dataset(classes []string, sets [][]int, from parts) (Dataset, error) {
	shown := from.train.headers()
	shape, photographs := o.shape(shown)
	p := o.Preprocessing
	if p.Fit == "" {
		p.Fit = raster.Crop
	}
	if err := p.Check(shape[0], shape[1], shape[2]); err != nil {
		return Dataset{}, err
	}
	keep := o.keeper(volumeOf(shape))
	samples := func(s source) Samples {
		return pictures{s, shape, p, decode.Decoder(o.MaxPixels), keep.store(s.Len())}
	}
	d := Dataset{Shape: shape, Classes: classes, Sets: sets, Train: samples(from.train), Preprocessing: p, Photographs: photographs, Side: medianSide(shown)}
	if from.validation != nil {
		d.Validation = samples(from.validation)
	}
	if from.test != nil {
		d.Test = samples(from.test)
	} else {
		share := o.TestShare
		if share == 0 {
			share = 0.2
		}
		var err error
		if d, err = Split(d, share, o.Seed, true); err != nil {
			return d, err
		}
		d.HeldOut = false // that is its test part
	}
	return d, d.noteClasses()
}

// noteClasses takes down what is odd about the classes.
func (d *Dataset) noteClasses() error {
	if len(d.Classes) == 1 {
		d.Notes = append(d.Notes, fmt.Sprintf("%q is the only class: there is nothing to tell it from", d.Classes[0]))
	}
	for _, part := range []struct {
		what string
		s    Samples
	}{{"training", d.Train}, {"testing", d.Test}} {
		labels, err := Labels(part.s, d.Shape)
		if err != nil {
			return err
		}
		seen := make([]bool, len(d.Classes))
		for _, l := range labels {
			if d.Sets == nil {
				seen[l] = true
				continue
			}
			for _, k := range d.Sets[l] {
				seen[k] = true
			}
		}
		var none []string
		for class, ok := range seen {
			if !ok {
				none = append(none, d.Classes[class])
			}
		}
		if len(none) > 0 {
			d.Notes = append(d.Notes, note("classes without pictures for "+part.what, none))
		}
	}
	return nil
}
