package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"tapenet/graph/regular"
)

// The standard names of a dataset's four files.
const (
	trainImages = "train-images-idx3-ubyte"
	trainLabels = "train-labels-idx1-ubyte"
	testImages  = "t10k-images-idx3-ubyte"
	testLabels  = "t10k-labels-idx1-ubyte"

	mnistFiles = trainImages + ", " + trainLabels + ", " + testImages + " and " + testLabels + ", each plain or as .gz"
)

// IDX returns the dataset in a folder that holds the four files of MNIST's
// format (http://yann.lecun.com/exdb/mnist/):
//
//	train-images-idx3-ubyte   train-labels-idx1-ubyte
//	t10k-images-idx3-ubyte    t10k-labels-idx1-ubyte
//
// Each may be plain or compressed with gzip (its content decides, .gz is
// allowed and not required) and may have a dot before idx. Images are unsigned
// bytes of any size, (N,H,W), or (N,C,H,W) which may be named idx4. There are
// as many classes as the largest training label plus one, at least two. It is
// an error for the parts to differ in image shape, or for a test label to be of
// no training class.
func IDX(dir string) (Dataset, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Dataset{}, noFolder(dir, mnistFiles, err)
	}
	d, err := load(os.DirFS(dir))
	if err != nil {
		return Dataset{}, fmt.Errorf("data: folder %q: %w", dir, err)
	}
	d.Name = baseName(dir)
	return d, nil
}

// text writes a shape, as in (1,28,28).
func text(shape [3]int) string { return fmt.Sprintf("(%d,%d,%d)", shape[0], shape[1], shape[2]) }

// load returns the dataset in the top folder of fsys, without a name.
func load(fsys fs.FS) (Dataset, error) {
	files, err := locate(fsys)
	if err != nil {
		return Dataset{}, err
	}
	train, shape, err := readPart(fsys, files[0], files[1])
	if err != nil {
		return Dataset{}, err
	}
	test, testShape, err := readPart(fsys, files[2], files[3])
	if err != nil {
		return Dataset{}, err
	}
	if testShape != shape {
		return Dataset{}, fmt.Errorf("%s: images of (channels, height, width) = %s, want %s as in %s", files[2], text(testShape), text(shape), files[0])
	}
	classes := max(2, int(slices.Max(train.labels))+1)
	for i, l := range test.labels {
		if int(l) >= classes {
			return Dataset{}, fmt.Errorf("%s: label %d of sample %d, want 0 to %d as in %s", files[3], l, i, classes-1, files[1])
		}
	}
	return Dataset{Shape: shape, Classes: numerals(classes), Train: train, Test: test}, nil
}

// numerals returns "0", "1", … "n-1".
func numerals(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = strconv.Itoa(i)
	}
	return s
}

// locate returns the names under which fsys holds the training images and
// labels and the test images and labels, in this order.
func locate(fsys fs.FS) (files [4]string, err error) {
	var missing []string
	for i, name := range []string{trainImages, trainLabels, testImages, testLabels} {
		if files[i] = find(fsys, name); files[i] == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return files, fmt.Errorf("no %s: want %s", strings.Join(missing, ", "), mnistFiles)
	}
	return files, nil
}

// find returns the first spelling of a file's standard name that exists in
// fsys, or "".
func find(fsys fs.FS, name string) string {
	for _, s := range []string{name, strings.Replace(name, "idx3", "idx4", 1)} {
		for _, s := range []string{s, strings.Replace(s, "-idx", ".idx", 1)} {
			for _, s := range []string{s, s + ".gz"} {
				if _, err := fs.Stat(fsys, s); !errors.Is(err, fs.ErrNotExist) {
					return s // an unreadable file too: reading it says why
				}
			}
		}
	}
	return ""
}

// readPart returns the samples of an image file and its label file, and the
// images' channels, height and width.
func readPart(fsys fs.FS, images, labels string) (s *inMemory, shape [3]int, err error) {
	y, err := readFile(fsys, labels, 1)
	if err != nil {
		return nil, shape, err
	}
	x, err := readFile(fsys, images, 3, 4)
	if err != nil {
		return nil, shape, err
	}
	n := int(x.dims[0])
	if n != len(y.data) {
		return nil, shape, fmt.Errorf("%s: %d images, want %d, one a label of %s", images, n, len(y.data), labels)
	}
	shape[0] = 1 // of (N,H,W)
	for i, d := range x.dims[1:] {
		shape[4-len(x.dims)+i] = int(d)
	}
	return &inMemory{pixels: x.data, labels: y.data, size: len(x.data) / n}, shape, nil
}

// array is the content of an IDX file: unsigned bytes, the last dimension
// running fastest.
type array struct {
	dims []uint32 // none zero; their product, which fits an int, is len(data)
	data []byte
}

// readFile returns the array in a file of fsys, which must have one of the
// given numbers of dimensions.
func readFile(fsys fs.FS, name string, ranks ...int) (array, error) {
	f, size, err := regular.OpenIn(fsys, name)
	if err != nil {
		return array{}, err
	}
	defer f.Close()
	a, err := readIDX(f, size, ranks)
	if err != nil {
		return array{}, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

const (
	// A compressed file is unpacked to at most maxExpansion times its size and
	// freeBytes: deflate can shrink a blank file to a thousandth, while pictures
	// have a fifth of their size left at most.
	maxExpansion = 64
	freeBytes    = 1 << 20
	// usualExpansion is the ratio up to which a header's claim is believed at
	// once. MNIST has 4.7.
	usualExpansion = 8
)

// readIDX reads an IDX file of size bytes, plain or gzip, to its end.
func readIDX(r io.Reader, size int64, ranks []int) (array, error) {
	size = min(size, (math.MaxInt64-freeBytes)/maxExpansion) // so that the products below fit
	buffered := bufio.NewReader(r)
	r, most, first, hint := buffered, size, size, ""
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return array{}, damaged(err)
		}
		r, most, first = z, size*maxExpansion+freeBytes, size*usualExpansion
		hint = fmt.Sprintf("; a compressed file is unpacked to %d times its size: if it is a sound one, gunzip it first", maxExpansion)
	}
	dims, err := readHeader(r, ranks)
	if err != nil {
		return array{}, err
	}
	n, err := volume(dims, int(min(most, math.MaxInt)))
	if err != nil {
		return array{}, fmt.Errorf("%w%s", err, hint)
	}
	if err := afford(n); err != nil {
		return array{}, err
	}
	data, err := readExactly(r, n, int(min(first, math.MaxInt)))
	if err != nil {
		return array{}, err
	}
	return array{dims, data}, nil
}

// readHeader reads an IDX header: two zero bytes, the element type, the number
// of dimensions, which must be among ranks, and the dimensions as big-endian
// uint32, which it returns.
func readHeader(r io.Reader, ranks []int) ([]uint32, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, damaged(err)
	}
	if magic[0] != 0 || magic[1] != 0 || magic[2] != 0x08 {
		return nil, fmt.Errorf("begins with % x, want 00 00 08, an IDX file of unsigned bytes", magic[:3])
	}
	if !slices.Contains(ranks, int(magic[3])) {
		return nil, fmt.Errorf("%d dimensions, want one of %v", magic[3], ranks)
	}
	dims := make([]uint32, magic[3])
	if err := binary.Read(r, binary.BigEndian, dims); err != nil {
		return nil, damaged(err)
	}
	if slices.Contains(dims, 0) {
		return nil, fmt.Errorf("dimensions %v, want each at least 1", dims)
	}
	return dims, nil
}

// volume returns the product of dims, none of which is zero, if it is at most
// most.
func volume(dims []uint32, most int) (int, error) {
	n := 1
	for _, d := range dims {
		if uint64(d) > uint64(most/n) { // n·d may not even fit an int
			return 0, fmt.Errorf("dimensions %v need more than the %d bytes that a file of this size can hold: it is cut short or no IDX file", dims, most)
		}
		n *= int(d)
	}
	return n, nil
}

// readExactly returns the n bytes that r must hold to its end. It allocates
// first bytes on trust, and each larger buffer only when the one before is
// full, at twice its size; the result has no spare capacity.
func readExactly(r io.Reader, n, first int) ([]byte, error) {
	data := make([]byte, min(n, first))
	for have := 0; ; {
		k, err := io.ReadFull(r, data[have:])
		have += k
		if err != nil {
			return nil, fmt.Errorf("after %d of %d elements: %w", have, n, damaged(err))
		}
		if have == n {
			break
		}
		more := make([]byte, min(n, 2*have))
		copy(more, data)
		data = more
	}
	switch _, err := io.ReadFull(r, make([]byte, 1)); err {
	case io.EOF:
		return data, nil
	case nil:
		return nil, fmt.Errorf("more data after the %d elements of the header, want the end", n)
	default:
		return nil, fmt.Errorf("after %d of %d elements: %w", n, n, damaged(err))
	}
}

// damaged says what an error of reading or decompressing means for the file.
func damaged(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the file is cut short, fetch it again")
	}
	return fmt.Errorf("the file is damaged, fetch it again: %w", err)
}
