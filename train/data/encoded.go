package data

import (
	"errors"
	"fmt"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// Encoded is pictures as files have them, from wherever they come: a database, an
// archive, another format. It is safe for concurrent use.
type Encoded interface {
	Len() int
	// Picture returns the file of sample i, of a kind that package decode reads. It may use
	// the memory of buf.
	Picture(i int, buf []byte) ([]byte, error)
	// Class returns the class index of sample i.
	Class(i int) int
	// Name says which sample i is, in a word.
	Name(i int) string
	// First returns the files of the first samples, at most n, from which the size of all
	// is told. One that cannot be read may be missing.
	First(n int) [][]byte
}

// EncodedParts are the parts of a dataset. Validation may be nil, and Test: a share of each
// class of Train is held out then.
type EncodedParts struct{ Train, Validation, Test Encoded }

// Encoded returns the dataset of pictures with these classes: what [Options.Folder] makes
// of files, of any source.
func (o Options) Encoded(name string, classes []string, p EncodedParts) (Dataset, error) {
	if err := o.check(); err != nil {
		return Dataset{}, err
	}
	if p.Train == nil || p.Train.Len() == 0 {
		return Dataset{}, errors.New("data: no pictures for training")
	}
	var all parts
	for _, part := range []struct {
		from Encoded
		into *source
	}{{p.Train, &all.train}, {p.Validation, &all.validation}, {p.Test, &all.test}} {
		if part.from == nil || part.from.Len() == 0 {
			continue
		}
		for i := range part.from.Len() {
			if c := part.from.Class(i); c < 0 || c >= len(classes) {
				return Dataset{}, fmt.Errorf("data: %s: class %d, want 0 to %d", part.from.Name(i), c, len(classes)-1)
			}
		}
		*part.into = encoded{part.from, decode.Decoder(o.MaxPixels)}
	}
	d, err := o.dataset(classes, nil, all)
	d.Name = name
	return d, err
}

// encoded is a source of one.
type encoded struct {
	Encoded
	decoder raster.Decoder
}

func (s encoded) picture(i int, buf []byte) ([]byte, error) { return s.Picture(i, buf) }
func (s encoded) label(i int) int                           { return s.Class(i) }
func (s encoded) name(i int) string                         { return s.Name(i) }

func (s encoded) headers() (shown []raster.Header) {
	for _, b := range s.First(someHeaders) {
		if h, err := s.decoder.Header(b); err == nil {
			shown = append(shown, h)
		}
	}
	return shown
}
