// Package data holds labelled images for training.
//
// A [Dataset] has a training part and a test part. Each is a [Samples]: a fixed
// number of images of one shape, read by index in any order and from any number
// of goroutines. Images become float32 in 0..1 one [Samples.Read] at a time:
// MNIST's 70,000 images keep 55 MB, and those of shards stay on the disk.
//
// [Open] finds a dataset by its name or its folder: MNIST, whose files come
// with a Go module; IDX files, as MNIST's; CIFAR-10 and CIFAR-100; pictures
// with one sub-folder a class; tar shards. Files are taken as hostile: a
// damaged one is an error that names it, and costs no more memory than its
// content could fill, or in the case of a picture than one of 67 megapixels
// takes.
//
// A dataset is made into another one by functions: [Augment] changes the
// training images at random, [Normalize] gives them mean 0 and deviation 1,
// [Split] and [Folds] hold samples out for validation, [Limit] keeps a few,
// [LabelNoise] replaces labels by wrong ones.
// [Epoch] and [Order] say what one epoch trains on, and [Ahead] reads it batch
// by batch while the caller computes.
package data

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tapenet/graph/raster"
)

// Dataset is a training part and a test part with the same image shape and the
// same classes.
type Dataset struct {
	Name    string   // "mnist", or the folder's base name
	Shape   [3]int   // channels, height, width of every image
	Classes []string // the name of each class index: "0", "1", …
	// Sets is for images that may be of several classes, or of none: the class of a sample is
	// an index in it, and Sets[i] the class indices. nil means one class each.
	Sets        [][]int
	Train, Test Samples
	// Validation is what a dataset has for it beside Train and Test; nil for most.
	Validation Samples
	Notes      []string // what of its files is not read, and what looks wrong

	// Photographs are pictures of several sizes, or above 96 pixels a side.
	Photographs bool
	Side        int // the median of the shorter sides of training pictures, in pixels; 0 for a dataset of none

	HeldOut bool // whether Test is a share of a training part, as Split and Folds make it
	// Preprocessing is how pictures got their shape, for folders and shards of them;
	// zero for others. It has no Mean and Deviation: those are Stats.
	Preprocessing raster.Preprocessing
	Stats         Stats  // what Normalize has applied; zero if nothing
	Changes       string // what Augment, Normalize and LabelNoise do, in words: two datasets of one name may differ in it
}

// TestPart says in a word what Test is: "validation" if it is held out, else
// "test".
func (d Dataset) TestPart() string {
	if d.HeldOut {
		return "validation"
	}
	return "test"
}

// Samples is a set of labelled images of one shape, read by index. It is safe
// for concurrent use.
type Samples interface {
	// Len returns the number of samples.
	Len() int
	// Read writes the pixels of sample i to x, scaled to 0..1, channel by
	// channel and row by row, and returns its class index. x must have exactly
	// channels·height·width elements; the callee does not keep it.
	Read(i int, x []float32) (class int, err error)
}

// Kinds is the number of values that the class of a sample may have: that of the classes, or
// of the Sets.
func (d Dataset) Kinds() int {
	if d.Sets != nil {
		return len(d.Sets)
	}
	return len(d.Classes)
}

// Kind is what a sample of a class is, for people: the class's name, or those of the classes
// of the set.
func (d Dataset) Kind(class int) string {
	if d.Sets == nil {
		return d.Classes[class]
	}
	names := make([]string, len(d.Sets[class]))
	for i, k := range d.Sets[class] {
		names[i] = d.Classes[k]
	}
	return strings.Join(names, "; ")
}

// Limit returns the first n samples of s, or s itself when n <= 0 or n >=
// s.Len().
func Limit(s Samples, n int) Samples {
	if n <= 0 || n >= s.Len() {
		return s
	}
	return subset{s, InOrder(n)}
}

// Labels returns the class of each sample of s, whose images have the given
// shape. It reads the images only if s keeps no labels beside them.
func Labels(s Samples, shape [3]int) ([]int, error) {
	labels := make([]int, s.Len())
	x := make([]float32, volumeOf(shape))
	for i := range labels {
		var err error
		if labels[i], err = classOf(s, i, x); err != nil {
			return nil, err
		}
	}
	return labels, nil
}

// classOf returns the class of a sample, and may use x to read it.
func classOf(s Samples, i int, x []float32) (int, error) {
	if l, ok := s.(interface {
		class(i int, x []float32) (int, error)
	}); ok {
		return l.class(i, x)
	}
	return s.Read(i, x)
}

// volumeOf returns the number of values of an image.
func volumeOf(shape [3]int) int { return shape[0] * shape[1] * shape[2] }

// subset is those samples of another Samples that at lists.
type subset struct {
	Samples
	at []int
}

func (s subset) Len() int { return len(s.at) }

func (s subset) Read(i int, x []float32) (class int, err error) {
	if err := checkIndex(i, len(s.at)); err != nil {
		return 0, err
	}
	return s.Samples.Read(s.at[i], x)
}

func (s subset) class(i int, x []float32) (int, error) { return classOf(s.Samples, s.at[i], x) }
func (s subset) onDisk() bool                          { return onDisk(s.Samples) }
func (s subset) sampleName(i int) string               { return Name(s.Samples, s.at[i]) }
func (s subset) Epoch(n int) Samples                   { return subset{Epoch(s.Samples, n), s.at} }

// Indices returns where the samples of a part are in the dataset that [Split], [Folds] or [Limit]
// has made the part from.
func Indices(part Samples) []int {
	if s, ok := part.(subset); ok {
		return slices.Clone(s.at)
	}
	return InOrder(part.Len())
}

// Name names a sample for people: by its file, or by its index if it has none of its own.
func Name(s Samples, i int) string {
	if s, ok := s.(interface{ sampleName(i int) string }); ok {
		return s.sampleName(i)
	}
	return strconv.Itoa(i)
}

// InOrder returns the order 0, 1, …, n-1, in which a dataset is measured.
func InOrder(n int) []int {
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	return at
}

func checkIndex(i, n int) error {
	if i < 0 || i >= n {
		return fmt.Errorf("data: sample %d, want 0 to %d", i, n-1)
	}
	return nil
}

// inMemory is a Samples of which every byte is in memory.
type inMemory struct {
	pixels []byte // sample after sample, size bytes each
	labels []byte // one a sample
	size   int    // channels·height·width
}

func (s *inMemory) Len() int { return len(s.labels) }

func (s *inMemory) Read(i int, x []float32) (class int, err error) {
	if err := checkIndex(i, len(s.labels)); err != nil {
		return 0, err
	}
	if len(x) != s.size {
		return 0, fmt.Errorf("data: room for %d values, want %d, one a pixel", len(x), s.size)
	}
	for k, v := range s.pixels[i*s.size:][:len(x)] {
		x[k] = unit[v]
	}
	return int(s.labels[i]), nil
}

func (s *inMemory) class(i int, _ []float32) (int, error) { return int(s.labels[i]), nil }

// unit[v] is v/255, rounded to float32 once.
var unit = func() (t [256]float32) {
	for v := range t {
		t[v] = float32(v) / 255
	}
	return t
}()
