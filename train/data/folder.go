package data

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Folder returns the dataset in a folder of pictures, PNG, JPEG or GIF, with
// one sub-folder a class:
//
//	train/cat/1.png  train/dog/7.jpg …  test/cat/5.png …    or    cat/1.png  dog/7.jpg …
//
// The test part may be called val instead. Without it, a share of each class is
// held out, the same for the same seed. Classes are the sub-folders with
// training pictures in the order of their names, by value if all are numbers.
// Other files, and names that begin with a dot, are passed over. The pictures
// stay on the disk, and Read unpacks one. Their order mixes the classes evenly,
// so that the first of them, see [Limit], are of all classes.
func (o Options) Folder(dir string) (Dataset, error) {
	if err := o.check(); err != nil {
		return Dataset{}, err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Dataset{}, noFolder(dir, "a sub-folder of pictures for each class")
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
	top, other := ".", ""
	if isFolder(fsys, "train") {
		top = "train"
		for _, name := range []string{"val", "test"} {
			if isFolder(fsys, name) {
				other = name
			}
		}
	}
	classes, err := classFolders(fsys, top)
	if err != nil {
		return Dataset{}, err
	}
	train, err := listPictures(fsys, top, classes)
	if err != nil {
		return Dataset{}, err
	}
	if other == "" {
		return o.dataset(classes, train, nil)
	}
	tested, err := classFolders(fsys, other)
	if err != nil {
		return Dataset{}, err
	}
	for _, c := range tested {
		if !slices.Contains(classes, c) {
			return Dataset{}, fmt.Errorf("%s/%s: no such class among the %d of train", other, c, len(classes))
		}
	}
	test, err := listPictures(fsys, other, classes)
	if err != nil {
		return Dataset{}, err
	}
	return o.dataset(classes, train, test)
}

func isFolder(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// folderPictures is files in folders of classes.
type folderPictures struct {
	fsys   fs.FS
	files  []string
	labels []int
}

func (s *folderPictures) Len() int          { return len(s.files) }
func (s *folderPictures) label(i int) int   { return s.labels[i] }
func (s *folderPictures) name(i int) string { return s.files[i] }

func (s *folderPictures) picture(i int, buf []byte) ([]byte, error) {
	info, err := fs.Stat(s.fsys, s.files[i]) // before Open, which would wait on a named pipe
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("not a regular file of at most %d bytes", maxFile)
	}
	f, err := s.fsys.Open(s.files[i])
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	n := int(info.Size())
	b := slices.Grow(buf[:0], n)[:n]
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, damaged(err)
	}
	return b, nil
}

// cause is an error of a file without the file's name, which the caller adds.
func cause(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// classFolders returns the names of the folders in dir that hold pictures, in
// order; by value if all are numbers.
func classFolders(fsys fs.FS, dir string) (classes []string, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		names, err := picturesIn(fsys, path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			classes = append(classes, e.Name())
		}
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("no pictures in sub-folders of %s, want one sub-folder a class with PNG, JPEG or GIF files", dir)
	}
	if !slices.ContainsFunc(classes, isNoNumber) {
		slices.SortStableFunc(classes, func(a, b string) int {
			a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
			return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
		})
	}
	return classes, nil
}

func isNoNumber(s string) bool { return strings.Trim(s, "0123456789") != "" }

// picturesIn returns the names of the pictures in a folder, none if it is no
// folder or hidden.
func picturesIn(fsys fs.FS, dir string) (names []string, err error) {
	if info, err := fs.Stat(fsys, dir); err != nil || !info.IsDir() || strings.HasPrefix(path.Base(dir), ".") {
		return nil, err
	}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if isPicture(e.Name()) && !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// listPictures lists the pictures of each class in dir. Any stretch of the list
// has about the same share of each class.
func listPictures(fsys fs.FS, dir string, classes []string) (*folderPictures, error) {
	type picture struct {
		file  string
		label int
		at    float64 // in the list, of 1
	}
	var all []picture
	for label, class := range classes {
		folder := path.Join(dir, class)
		if _, err := fs.Stat(fsys, folder); errors.Is(err, fs.ErrNotExist) {
			continue // a class without test pictures
		}
		names, err := picturesIn(fsys, folder)
		if err != nil {
			return nil, err
		}
		for i, name := range names {
			all = append(all, picture{path.Join(folder, name), label, (float64(i) + 0.5) / float64(len(names))})
		}
	}
	slices.SortStableFunc(all, func(a, b picture) int { return cmp.Compare(a.at, b.at) })
	s := &folderPictures{fsys: fsys}
	for _, p := range all {
		s.files, s.labels = append(s.files, p.file), append(s.labels, p.label)
	}
	return s, nil
}
