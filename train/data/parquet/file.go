package parquet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"tapenet/graph/regular"
)

// The names that columns may have, in lower case.
var (
	pictureColumns = []string{"image", "file", "picture", "img"}
	labelColumns   = []string{"label", "class", "category", "fine_label"}
	splitColumns   = []string{"split", "part"}
)

// file is an open Parquet file with its columns.
type file struct {
	path    string
	of      *parquet.File
	picture *parquet.Column
	label   *parquet.Column
	split   *parquet.Column // nil without one
	part    int             // of its rows, without a split
	names   []string        // of the classes, nil if it does not say
}

// openFile opens a file and finds its columns.
func openFile(path string) (f *file, err error) {
	r, size, err := regular.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	f = &file{path: path}
	err = guard(func() (err error) {
		if err := checkFooter(r, size); err != nil {
			return err
		}
		f.of, err = parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	})
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("no Parquet file, or a damaged one: %w", err)
	}
	f.part, _ = partOf(filepath.Base(path))
	return f, f.columns()
}

// guard turns a panic of the reader's, at a damaged file, into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	return f()
}

// columns finds those of pictures, classes and splits.
func (f *file) columns() error {
	var all []string
	for _, c := range f.of.Root().Columns() {
		if !c.Leaf() || c.Repeated() {
			all = append(all, strconv.Quote(c.Name()))
			continue
		}
		all = append(all, fmt.Sprintf("%q (%v)", c.Name(), c.Type()))
	}
	f.picture = f.pictureColumn()
	f.label = f.named(labelColumns)
	f.split = f.named(splitColumns)
	switch {
	case f.picture == nil:
		return fmt.Errorf("no column of pictures, want %s with bytes, or with a field bytes; it has %s", strings.Join(pictureColumns, ", "), strings.Join(all, ", "))
	case f.label == nil:
		return fmt.Errorf("no column of classes, want %s; it has %s", strings.Join(labelColumns, ", "), strings.Join(all, ", "))
	case f.label.Type().Kind() != parquet.ByteArray && !integer(f.label):
		return fmt.Errorf("column %s is of %v, want text or whole numbers", f.label.Name(), f.label.Type())
	}
	f.names = f.classNames()
	return nil
}

func integer(c *parquet.Column) bool {
	return c.Type().Kind() == parquet.Int32 || c.Type().Kind() == parquet.Int64
}

// named is the column with the first of these names, if it has one value a row.
func (f *file) named(names []string) *parquet.Column {
	for _, name := range names {
		for _, c := range f.of.Root().Columns() {
			if strings.EqualFold(c.Name(), name) && c.Leaf() && !c.Repeated() {
				return c
			}
		}
	}
	return nil
}

// pictureColumn is the column of bytes that the names ask for, or the only one; nil for
// none.
func (f *file) pictureColumn() *parquet.Column {
	var found []*parquet.Column
	for _, c := range f.of.Root().Columns() {
		if b := bytesOf(c); b != nil {
			if slices.Contains(pictureColumns, strings.ToLower(c.Name())) {
				return b
			}
			if b != c { // a column of text is no column of pictures
				found = append(found, b)
			}
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return nil
}

// bytesOf is a column of bytes, or its field bytes.
func bytesOf(c *parquet.Column) *parquet.Column {
	if c.Repeated() {
		return nil
	}
	if c.Leaf() {
		if c.Type().Kind() == parquet.ByteArray {
			return c
		}
		return nil
	}
	if b := c.Column("bytes"); b != nil && b.Leaf() && !b.Repeated() && b.Type().Kind() == parquet.ByteArray {
		return b
	}
	return nil
}

// classNames are those of Hugging Face's metadata for the label, nil without.
func (f *file) classNames() []string {
	text, ok := f.of.Lookup("huggingface")
	if !ok || !integer(f.label) {
		return nil
	}
	var meta struct {
		Info struct {
			Features map[string]json.RawMessage
		}
	}
	var feature struct{ Names []string }
	if json.Unmarshal([]byte(text), &meta) != nil || json.Unmarshal(meta.Info.Features[f.label.Name()], &feature) != nil {
		return nil
	}
	return feature.Names
}

// rows reads the labels, and the splits, of all rows of the file of this number.
func (f *file) rows(number int) (rows []row, err error) {
	err = f.each(f.label, func(i int, v parquet.Value) error {
		label, err := f.labelOf(v)
		rows = append(rows, row{file: number, at: i, label: label, part: f.part})
		return err
	})
	if err != nil || f.split == nil {
		return rows, err
	}
	n := 0
	err = f.each(f.split, func(i int, v parquet.Value) (err error) {
		part, known := partOf(v.String())
		if !known || i >= len(rows) {
			return fmt.Errorf("split %.100q, want train, val or test", v.String())
		}
		rows[i].part, n = part, i+1
		return nil
	})
	if err == nil && n != len(rows) {
		err = fmt.Errorf("%d splits for %d labels", n, len(rows))
	}
	return rows, err
}

// labelOf is the class that a value says.
func (f *file) labelOf(v parquet.Value) (string, error) {
	switch {
	case v.IsNull():
		return "", errors.New("no class")
	case !integer(f.label):
		return string(v.ByteArray()), nil
	}
	n := v.Int64()
	if f.label.Type().Kind() == parquet.Int32 {
		n = int64(v.Int32())
	}
	if f.names == nil {
		return strconv.FormatInt(n, 10), nil
	}
	if n < 0 || n >= int64(len(f.names)) {
		return "", fmt.Errorf("class %d, want 0 to %d", n, len(f.names)-1)
	}
	return f.names[n], nil
}

// errEnough ends each early.
var errEnough = errors.New("enough")

// each calls do with the values of a column, row by row. A value is valid until do
// returns.
func (f *file) each(c *parquet.Column, do func(i int, v parquet.Value) error) error {
	i := 0
	err := guard(func() error {
		for g, group := range f.of.RowGroups() {
			if err := f.checkPages(g, c); err != nil {
				return err
			}
			if err := eachIn(group.ColumnChunks()[c.Index()], func(v parquet.Value) error {
				if err := do(i, v); err == errEnough {
					return err
				} else if err != nil {
					return fmt.Errorf("row %d: %w", i, err)
				}
				i++
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err == errEnough {
		return nil
	}
	return err
}

// eachIn is each for the column's part in one group of rows.
func eachIn(chunk parquet.ColumnChunk, do func(v parquet.Value) error) error {
	pages := chunk.Pages()
	defer pages.Close()
	buf := make([]parquet.Value, 64)
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for values := page.Values(); ; {
			n, err := values.ReadValues(buf)
			for _, v := range buf[:n] {
				if err := do(v); err != nil {
					parquet.Release(page)
					return err
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				parquet.Release(page)
				return err
			}
		}
		parquet.Release(page)
	}
}
