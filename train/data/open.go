package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"tapenet/graph/raster"
)

// fashionMNIST is where Debian's package dataset-fashion-mnist puts its files.
const fashionMNIST = "/usr/share/datasets/fashion-mnist"

// rotatedDigits is the number of training digits of rotated MNIST.
const rotatedDigits = 12000

// Options say how pictures in files become samples. The zero value takes them
// as they come.
type Options struct {
	// Height and Width are the size that pictures get. One alone makes squares. None is
	// the size that all training pictures have, if they are of one of at most 96 pixels a
	// side; else a square as high as half of them at least, of at most 64.
	Height, Width int
	Channels      int // 1 is grey, 3 is red, green and blue; 0 means 1 if all training pictures are grey, else 3
	// Preprocessing is how a picture gets that size: its Fit, Shorter and Filter. A
	// Fit of "" is raster.Crop. Mean and Deviation are for Normalize.
	Preprocessing raster.Preprocessing
	MaxPixels     int // the largest picture that is unpacked; 0 means raster.MaxPixels

	// Prepared pictures are kept, so that each is unpacked once: in this many bytes of
	// memory, 0 meaning 1 GB and less none, and for parts that do not fit in a temporary file in the
	// folder Spill, of at most 16 GB. Others are unpacked whenever they are read.
	Memory int64
	Spill  string

	TestShare float64 // the share of each class that becomes the test part of a dataset without one; 0 means 0.2
	Seed      uint64  // of the choice of those samples, and of what is random in rotated-mnist
}

// Open is [Options.Open] without options.
func Open(name string) (Dataset, error) { return Options{}.Open(name) }

// Open returns MNIST for the name "mnist", 12,000 digits of it turned by random
// angles for "rotated-mnist" (see [Rotated]), Fashion-MNIST for "fashion-mnist"
// where Debian's package dataset-fashion-mnist is installed, and otherwise the
// dataset in the folder of that name, whose files say of what kind it is: see
// [IDX], [CIFAR], [Options.Shards], [Options.Table] and [Options.Folder]; or that of a
// table, a file. A folder that is
// itself called mnist opens as "./mnist".
func (o Options) Open(name string) (Dataset, error) {
	if err := o.check(); err != nil {
		return Dataset{}, err
	}
	d, err := o.open(name)
	if err != nil {
		return Dataset{}, err
	}
	for i, want := range []int{o.Channels, o.Height, o.Width} {
		if want != 0 && d.Shape[i] != want {
			return Dataset{}, fmt.Errorf("data: dataset %q has images of (channels, height, width) = %s and no pictures to scale, want %s, 0 being any",
				d.Name, text(d.Shape), text([3]int{o.Channels, o.Height, o.Width}))
		}
	}
	return d, nil
}

func (o Options) open(name string) (Dataset, error) {
	switch name {
	case "":
		return Dataset{}, errors.New(`data: no name, want "mnist" or a folder of images`)
	case "mnist":
		return MNIST()
	case "fashion-mnist":
		return fashion(fashionMNIST)
	case "rotated-mnist":
		d, err := MNIST()
		if err != nil {
			return Dataset{}, err
		}
		return Rotated(d, rotatedDigits, o.Seed)
	}
	if isTable(name) {
		return o.Table(name)
	}
	entries, err := os.ReadDir(name)
	if isPackedShard(name) && err != nil {
		return Dataset{}, fmt.Errorf("data: %q is a compressed tar file, want a folder of plain ones: unpack it first, as by gunzip", name)
	}
	if err != nil {
		return Dataset{}, noFolder(name, mnistFiles+"; or CIFAR files, tar shards, or pictures in a sub-folder for each class", err)
	}
	switch {
	case has(entries, func(file string) bool { return strings.Contains(file, "-ubyte") }):
		return IDX(name)
	case has(entries, isCIFAR):
		return CIFAR(name)
	case has(entries, isShard):
		return o.Shards(name)
	case has(entries, isFolderTable):
		i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return isFolderTable(e.Name()) })
		return o.Table(filepath.Join(name, entries[i].Name()))
	case has(entries, isPackedShard):
		d, err := o.Folder(name) // where they may lie beside the classes
		if err != nil {
			err = fmt.Errorf("%w; or unpack its tar files first, as by gunzip *.tar.gz: shards are plain", err)
		}
		return d, err
	case has(entries, func(string) bool { return true }):
		return o.Folder(name)
	}
	return IDX(name) // an empty folder: its error lists the files
}

// fashion returns Fashion-MNIST from a folder.
func fashion(dir string) (Dataset, error) {
	d, err := IDX(dir)
	if err != nil {
		return Dataset{}, fmt.Errorf("%w; Debian's package dataset-fashion-mnist has them, or name another folder", err)
	}
	d.Name = "fashion-mnist"
	d.Classes = []string{"t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"}
	return d, nil
}

// packedEndings are those of tar files that are compressed.
var packedEndings = []string{".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"}

func isPackedShard(name string) bool {
	return slices.ContainsFunc(packedEndings, func(e string) bool { return strings.HasSuffix(name, e) })
}

// OfPictures reports whether [Options.Open] would find pictures under a name, in files of
// their own or in shards.
func OfPictures(name string) bool {
	if slices.Contains([]string{"", "mnist", "fashion-mnist", "rotated-mnist"}, name) {
		return false
	}
	if isTable(name) {
		return true
	}
	entries, err := os.ReadDir(name)
	return err == nil && len(entries) > 0 && !has(entries, func(file string) bool { return strings.Contains(file, "-ubyte") }) && !has(entries, isCIFAR)
}

func isFolderTable(name string) bool { return slices.Contains(folderTables, name) }

func has(entries []fs.DirEntry, is func(name string) bool) bool {
	for _, e := range entries {
		if is(e.Name()) {
			return true
		}
	}
	return false
}

// noFolder is the error of a folder that could not be read, or of what is none, for which
// err is nil. Only one that is not there may have been meant otherwise.
func noFolder(dir, of string, err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("data: folder %q cannot be read: %w", dir, cause(err))
	}
	return fmt.Errorf("data: no folder %q, want one with %s", dir, of)
}

// baseName names a dataset by its folder.
func baseName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil { // "." has no base name of its own
		dir = abs
	}
	return filepath.Base(dir)
}

// maxSide bounds the images that can be asked for, so that their volume fits an
// int32.
const maxSide = 1 << 14

func (o Options) check() error {
	switch {
	case o.Height < 0 || o.Height > maxSide || o.Width < 0 || o.Width > maxSide:
		return fmt.Errorf("data: images of %d×%d, want sides of 1 to %d, or 0 for the first picture's", o.Height, o.Width, maxSide)
	case o.Channels != 0 && o.Channels != 1 && o.Channels != 3:
		return fmt.Errorf("data: %d channels, want 1, 3, or 0 for the first picture's", o.Channels)
	case !(o.TestShare >= 0 && o.TestShare < 1):
		return fmt.Errorf("data: a test share of %v, want a number from 0 (meaning 0.2) to below 1", o.TestShare)
	}
	return nil
}
