package data

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"tapenet/graph/regular"
)

// cifarShape is the shape of every CIFAR image.
var cifarShape = [3]int{3, 32, 32}

// cifarFormat is one of the two binary formats of
// https://www.cs.toronto.edu/~kriz/cifar.html. A file is a sequence of records:
// label bytes, the last of which is the class, and 3072 pixels, red, green and
// blue, row by row.
type cifarFormat struct {
	train, test string // patterns of the file names
	labels      int    // bytes before the pixels of a record
	classes     int
	names       string // the file of class names, one a line; it may be absent
}

var cifarFormats = []cifarFormat{
	{"data_batch_*.bin", "test_batch.bin", 1, 10, "batches.meta.txt"}, // CIFAR-10
	{"train.bin", "test.bin", 2, 100, "fine_label_names.txt"},         // CIFAR-100: coarse label, fine label
}

// isCIFAR reports whether a file name is one of the training files' of CIFAR.
func isCIFAR(name string) bool {
	return slices.ContainsFunc(cifarFormats, func(f cifarFormat) bool { return matches(f.train, name) })
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// CIFAR returns the dataset in a folder of CIFAR-10's binary files
// (data_batch_1.bin and so on, test_batch.bin) or of CIFAR-100's (train.bin,
// test.bin), the latter with its 100 fine classes. Images are 32x32 pixels in
// colour. Classes have the names in batches.meta.txt or fine_label_names.txt,
// or else numbers.
func CIFAR(dir string) (Dataset, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Dataset{}, noFolder(dir, "data_batch_1.bin and test_batch.bin, or train.bin and test.bin", err)
	}
	d, err := loadCIFAR(os.DirFS(dir))
	if err != nil {
		return Dataset{}, fmt.Errorf("data: folder %q: %w", dir, err)
	}
	d.Name = baseName(dir)
	return d, nil
}

// loadCIFAR returns the dataset in the top folder of fsys, without a name.
func loadCIFAR(fsys fs.FS) (Dataset, error) {
	for _, f := range cifarFormats {
		files, err := fs.Glob(fsys, f.train)
		if err != nil {
			return Dataset{}, err
		}
		if len(files) == 0 {
			continue
		}
		train, err := f.read(fsys, files)
		if err != nil {
			return Dataset{}, err
		}
		test, err := f.read(fsys, []string{f.test})
		if err != nil {
			return Dataset{}, err
		}
		names, err := classNames(fsys, f.names, f.classes)
		if err != nil {
			return Dataset{}, err
		}
		return Dataset{Shape: cifarShape, Classes: names, Train: train, Test: test}, nil
	}
	return Dataset{}, fmt.Errorf("no data_batch_1.bin and no train.bin: want the binary files of CIFAR-10 or CIFAR-100")
}

// read returns the samples of some files.
func (f cifarFormat) read(fsys fs.FS, files []string) (*inMemory, error) {
	size := volumeOf(cifarShape)
	record := f.labels + size
	images := make([]int, len(files)) // of each file
	all := 0
	for k, name := range files {
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return nil, err
		}
		bytes := int(info.Size())
		if bytes == 0 || bytes%record != 0 {
			return nil, fmt.Errorf("%s: %d bytes, want a multiple of %d, the label and pixels of an image: it is cut short or no CIFAR file", name, bytes, record)
		}
		images[k] = bytes / record
		all += images[k]
	}
	if err := afford(all * record); err != nil {
		return nil, err
	}
	s := &inMemory{size: size, pixels: make([]byte, 0, all*size), labels: make([]byte, 0, all)}
	for k, name := range files {
		if err := f.add(s, fsys, name, images[k]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add reads the images of a file.
func (f cifarFormat) add(s *inMemory, fsys fs.FS, name string, images int) error {
	file, _, err := regular.OpenIn(fsys, name)
	if err != nil {
		return err
	}
	defer file.Close()
	r, record := bufio.NewReaderSize(file, 1<<16), make([]byte, f.labels+s.size)
	for i := range images {
		if _, err := io.ReadFull(r, record); err != nil {
			return fmt.Errorf("%s: %w", name, damaged(err))
		}
		label := record[f.labels-1]
		if int(label) >= f.classes {
			return fmt.Errorf("%s: label %d of image %d, want 0 to %d", name, label, i, f.classes-1)
		}
		s.labels = append(s.labels, label)
		s.pixels = append(s.pixels, record[f.labels:]...)
	}
	return nil
}

// maxNames bounds the bytes of a file of class names.
const maxNames = 4 << 20

// classNames returns the names of n classes, 0 meaning any number of them, from
// a file with one a line, or numbers if there is no such file.
func classNames(fsys fs.FS, file string, n int) ([]string, error) {
	if _, err := fs.Stat(fsys, file); err != nil {
		return numerals(n), nil
	}
	b, err := regular.ReadIn(fsys, file, maxNames)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.FieldsFuncSeq(string(b), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if len(names) > maxClass {
			return nil, fmt.Errorf("%s: more than %d class names, want at most that", file, maxClass+1)
		}
		names = append(names, strings.TrimSpace(line))
	}
	if n == 0 {
		n = len(names)
	}
	if len(names) != n || slices.Contains(names, "") {
		return nil, fmt.Errorf("%s: %d class names, want %d, one a line", file, len(names), n)
	}
	return names, nil
}
