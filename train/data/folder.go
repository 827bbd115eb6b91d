package data

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
	"tapenet/graph/regular"
)

// Folder returns the dataset in a folder of pictures with one sub-folder a class:
//
//	train/cat/1.png  train/dog/7.jpg …  test/cat/5.png …    or    cat/1.png  dog/7.jpg …
//
// A folder val beside train and test is for validation; without test it is the test
// part. Without either, a share of each class is held out, the same for the same seed.
// Classes are the sub-folders with training pictures in the order of their names, by
// value if all are numbers.
//
// What a file holds says whether it is a picture, see package decode, whatever its
// name ends in; a file that is none but has the name of one counts as a damaged
// picture. Names that begin with a dot are passed over, and Notes say what else is,
// such as the folder [Unsorted].
// The pictures stay on the disk, and Read unpacks one. Their order mixes the classes
// evenly, so that the first of them, see [Limit], are of all classes.
func (o Options) Folder(dir string) (Dataset, error) {
	if err := o.check(); err != nil {
		return Dataset{}, err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Dataset{}, noFolder(dir, "a sub-folder of pictures for each class", err)
	}
	d, err := o.loadFolder(os.DirFS(dir))
	if err != nil {
		return Dataset{}, fmt.Errorf("data: folder %q: %w", dir, err)
	}
	d.Name = baseName(dir)
	return d, nil
}

// loadFolder returns the dataset in the top folder of fsys, without a name.
func (o Options) loadFolder(fsys fs.FS) (Dataset, error) {
	l := lister{fsys: fsys, decoder: decode.Decoder(o.MaxPixels)}
	top, validation, test := ".", "", ""
	if l.hasFolder("train") {
		top = "train"
		for _, name := range []string{"val", "valid", "validation"} {
			if l.hasFolder(name) {
				validation = name
			}
		}
		test = validation
		if l.hasFolder("test") {
			test = "test"
		}
	}
	if l.err != nil {
		return Dataset{}, l.err
	}
	train, err := l.part(top, nil)
	if err != nil {
		return Dataset{}, err
	}
	parts := parts{train: train}
	for _, part := range []struct {
		name string
		into *source
	}{{test, &parts.test}, {validation, &parts.validation}} {
		if part.name == "" || part.into == &parts.validation && validation == test {
			continue
		}
		if *part.into, err = l.part(part.name, l.classes); err != nil {
			return Dataset{}, err
		}
	}
	if top == "train" {
		l.noteOthers(".", []string{top, validation, test})
	}
	d, err := o.dataset(l.classes, nil, parts)
	d.Notes = append(l.notes(), d.Notes...)
	return d, err
}

func isFolder(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// hasFolder reports whether there is such a folder. It keeps the error of one that may be
// there: without it the classes would be others.
func (l *lister) hasFolder(name string) bool {
	info, err := fs.Stat(l.fsys, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.err = cmp.Or(l.err, fmt.Errorf("%s: %w", name, cause(err)))
	}
	return err == nil && info.IsDir()
}

// folderPictures is files in folders of classes.
type folderPictures struct {
	fsys   fs.FS
	files  []string
	labels []int
	shown  []raster.Header // of those files that have one
}

func (s *folderPictures) Len() int          { return len(s.files) }
func (s *folderPictures) label(i int) int   { return s.labels[i] }
func (s *folderPictures) name(i int) string { return s.files[i] }

func (s *folderPictures) headers() []raster.Header { return s.shown }

func (s *folderPictures) picture(i int, buf []byte) ([]byte, error) {
	f, n, err := openPicture(s.fsys, s.files[i])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := slices.Grow(buf[:0], n)[:n]
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, damaged(err)
	}
	return b, nil
}

// openPicture opens a file that may be a picture's, of so many bytes.
func openPicture(fsys fs.FS, name string) (f fs.File, size int, err error) {
	f, bytes, err := regular.OpenIn(fsys, name)
	if err != nil {
		return nil, 0, cause(err)
	}
	if bytes > raster.MaxFile {
		f.Close()
		return nil, 0, fmt.Errorf("a file of %d bytes, want at most %d", bytes, raster.MaxFile)
	}
	return f, int(bytes), nil
}

// cause is an error of a file without the file's name, which the caller adds.
func cause(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func isNoNumber(s string) bool { return strings.Trim(s, "0123456789") != "" }
