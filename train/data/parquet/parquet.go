// Package parquet reads datasets of pictures from Parquet files, with the pictures as
// bytes in a column, as Hugging Face's image sets have them:
//
//	d, err := parquet.Open(data.Options{}, "beans/train-00000-of-00001.parquet")
//
// It is a package of its own so that others do not link a reader of Parquet.
package parquet

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/train/data"
)

// Is reports whether [Open] is for a name: a Parquet file, or a folder with some in it or
// in its folder data.
func Is(name string) bool {
	files, err := filesOf(name)
	return err == nil && len(files) > 0
}

// Open returns the dataset in a Parquet file, or in those of a folder or of its folder
// data. Files whose names begin with test are the test part, those with val or dev are
// for validation, or without the former the test part; the others are for training,
// unless a column split says of each row which part it belongs to. Without a test part
// a share of each class is held out.
//
// Pictures are in a column of bytes, or in the field bytes of a column of structures:
// image, file, picture or img, or the only one there is. The class is in the column
// label, class, category or fine_label: text, or numbers, which have names if the file's
// metadata have them as Hugging Face's do.
//
// Memory holds where each picture is. The pictures themselves are written once into a
// temporary file in the folder Options.Spill, or the system's, when the first is needed.
func Open(o data.Options, name string) (data.Dataset, error) {
	files, err := filesOf(name)
	if err == nil && len(files) == 0 {
		err = errors.New("no Parquet files, want some that end in .parquet")
	}
	if err != nil {
		return data.Dataset{}, fmt.Errorf("parquet: %q: %w", name, err)
	}
	all, err := readAll(files)
	if err != nil {
		return data.Dataset{}, fmt.Errorf("parquet: %w", err)
	}
	classes, err := all.classes()
	if err != nil {
		return data.Dataset{}, fmt.Errorf("parquet: %q: %w", name, err)
	}
	parts, err := all.divide(classes, o.Spill)
	if err != nil {
		return data.Dataset{}, fmt.Errorf("parquet: %q: %w", name, err)
	}
	return o.Encoded(title(name), classes, parts)
}

// title names a dataset by its file or folder.
func title(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	return strings.TrimSuffix(filepath.Base(name), ending)
}

const ending = ".parquet"

// filesOf are the Parquet files that a name is for, in the order of their names.
func filesOf(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, cause(err)
	}
	if !info.IsDir() {
		if strings.EqualFold(filepath.Ext(name), ending) {
			return []string{name}, nil
		}
		return nil, nil
	}
	for _, dir := range []string{name, filepath.Join(name, "data")} {
		entries, _ := os.ReadDir(dir) // the second need not be there
		var files []string
		for _, e := range entries {
			if strings.EqualFold(filepath.Ext(e.Name()), ending) && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
		if len(files) > 0 {
			return files, nil
		}
	}
	return nil, nil
}

// cause is an error of a file without the file's name, which the caller adds.
func cause(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// The parts of a dataset.
const (
	trainPart = iota
	validationPart
	testPart
)

// partOf is the part that a file's name or a row's split means.
func partOf(text string) (part int, known bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	for prefix, part := range map[string]int{"train": trainPart, "val": validationPart, "dev": validationPart, "test": testPart} {
		if strings.HasPrefix(text, prefix) {
			return part, true
		}
	}
	return trainPart, text == ""
}

// row is a picture: where it is, and what is said of it.
type row struct {
	file, at int // at is its number in the file
	label    string
	part     int
}

// table is the rows of files.
type table struct {
	files []*file
	rows  []row
}

func readAll(paths []string) (*table, error) {
	t := &table{}
	for _, path := range paths {
		f, err := openFile(path)
		if err == nil {
			var rows []row
			rows, err = f.rows(len(t.files))
			t.rows = append(t.rows, rows...)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		t.files = append(t.files, f)
	}
	if !slices.ContainsFunc(t.rows, func(r row) bool { return r.part == testPart }) {
		for i := range t.rows {
			if t.rows[i].part == validationPart {
				t.rows[i].part = testPart
			}
		}
	}
	return t, nil
}

// classes are the names of the classes: those of the metadata, or the labels of the
// training rows, in order, by value if all are numbers.
func (t *table) classes() ([]string, error) {
	var named []string
	for _, f := range t.files {
		switch {
		case f.names == nil:
		case named == nil:
			named = f.names
		case !slices.Equal(named, f.names):
			return nil, fmt.Errorf("%s names other classes than the files before it", f.path)
		}
	}
	if named != nil {
		return named, nil
	}
	seen := map[string]bool{}
	for _, r := range t.rows {
		if r.part == trainPart {
			seen[r.label] = true
		}
	}
	names := slices.Collect(maps.Keys(seen))
	data.SortClasses(names)
	return names, nil
}

// divide makes the parts of a dataset.
func (t *table) divide(classes []string, spill string) (p data.EncodedParts, err error) {
	index := map[string]int{}
	for i, name := range classes {
		index[name] = i
	}
	var parts [3]*pictures
	spool := &spool{files: t.files, dir: spill}
	for _, r := range t.rows {
		class, known := index[r.label]
		if !known {
			return p, fmt.Errorf("%s: row %d: no class %.100q among the %d of the training rows", t.files[r.file].path, r.at, r.label, len(classes))
		}
		if parts[r.part] == nil {
			parts[r.part] = &pictures{spool: spool}
		}
		s := parts[r.part]
		s.at, s.label = append(s.at, place{int32(r.file), int32(r.at)}), append(s.label, int32(class))
	}
	if parts[trainPart] == nil {
		return p, errors.New("no rows for training, want some")
	}
	p.Train = parts[trainPart]
	if parts[validationPart] != nil { // not a nil pointer in an interface
		p.Validation = parts[validationPart]
	}
	if parts[testPart] != nil {
		p.Test = parts[testPart]
	}
	return p, nil
}
