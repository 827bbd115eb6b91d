package data

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph/regular"
)

// tableEndings are those of files that list pictures and their classes.
var tableEndings = []string{".csv", ".tsv", ".jsonl", ".ndjson"}

// folderTables are the names of such files in a folder of pictures, as Hugging Face's
// image folders have them.
var folderTables = []string{"metadata.csv", "metadata.jsonl", "labels.csv"}

func isTable(name string) bool {
	return slices.Contains(tableEndings, strings.ToLower(filepath.Ext(name)))
}

// The names that columns may have, in lower case.
var (
	fileColumns  = []string{"file", "file_name", "filename", "path", "image"}
	labelColumns = []string{"label", "class", "labels", "classes", "category"}
	partColumns  = []string{"split", "part", "set"}
)

// row is a picture in a table.
type row struct {
	line       int
	file, part string
	labels     []string // one, unless list
	list       bool
}

// setLabel takes what a cell says: labels with semicolons between are a list.
func (r *row) setLabel(cell string) {
	if r.list = strings.Contains(cell, ";"); !r.list {
		r.labels = []string{strings.Clone(cell)}
		return
	}
	for label := range strings.SplitSeq(cell, ";") {
		if label = strings.TrimSpace(label); label != "" {
			r.labels = append(r.labels, strings.Clone(label))
		}
	}
}

// Table returns the dataset that a file lists, CSV (or with tabs, .tsv) or JSON lines, a
// picture on each:
//
//	file,label                         {"file_name": "cats/1.jpg", "label": "cat"}
//	cats/1.jpg,cat                     {"file_name": "7.png", "label": 3, "split": "test"}
//
// A first line of CSV that names the columns may have them in any order: file, file_name,
// filename, path or image; label, class or category; and split with train, val and test.
// Without one the first column is the file and the second the label. Files are beside the
// table or below its folder. Without a split, parts are as in [Options.Folder]. Classes are
// the labels of the training pictures, in order, by value if all are numbers.
func (o Options) Table(file string) (Dataset, error) {
	if err := o.check(); err != nil {
		return Dataset{}, err
	}
	rows, err := readTable(file)
	if err != nil {
		return Dataset{}, fmt.Errorf("data: %s: %w", file, err)
	}
	d, err := o.tabled(os.DirFS(filepath.Dir(file)), rows)
	if err != nil {
		return Dataset{}, fmt.Errorf("data: %s: %w", file, err)
	}
	d.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if slices.Contains(folderTables, filepath.Base(file)) {
		d.Name = baseName(filepath.Dir(file))
	}
	return d, nil
}

// rowBytes is what a row takes in memory for each of its bytes: one of four is 100.
const rowBytes = 32

// readTable reads the rows of a file.
func readTable(file string) ([]row, error) {
	f, size, err := regular.Open(file)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	if err := afford(rowBytes * int(min(size, math.MaxInt/rowBytes))); err != nil {
		return nil, err
	}
	rows, err := readRows(f, strings.ToLower(filepath.Ext(file)))
	if err == nil && len(rows) == 0 {
		err = errors.New("no pictures, want a line for each")
	}
	return rows, err
}

func readRows(r io.Reader, ending string) ([]row, error) {
	switch ending {
	case ".csv":
		return readCSV(r, ',')
	case ".tsv":
		return readCSV(r, '\t')
	}
	return readJSONLines(r)
}

// readCSV reads comma-separated values.
func readCSV(r io.Reader, comma rune) (rows []row, err error) {
	c := csv.NewReader(r)
	c.Comma, c.ReuseRecord, c.LazyQuotes = comma, true, comma == '\t'
	file, label, part := 0, 1, -1
	for first := true; ; first = false {
		record, err := c.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err // has the line
		}
		line, _ := c.FieldPos(0)
		if first {
			record[0] = strings.TrimPrefix(record[0], "\ufeff")
			if f, l := column(record, fileColumns), column(record, labelColumns); f >= 0 && l >= 0 {
				file, label, part = f, l, column(record, partColumns)
				continue
			}
		}
		if len(record) <= max(file, label) {
			return nil, fmt.Errorf("line %d: %d columns, want a file and a label", line, len(record))
		}
		next := row{line: line, file: strings.Clone(record[file])}
		next.setLabel(record[label])
		if part >= 0 {
			next.part = strings.Clone(record[part])
		}
		rows = append(rows, next)
	}
}

// column is the place of the first of some names among columns, or -1.
func column(columns, names []string) int {
	return slices.IndexFunc(columns, func(c string) bool { return slices.Contains(names, strings.ToLower(strings.TrimSpace(c))) })
}

// longestLine bounds the lines of JSON.
const longestLine = 1 << 20

// readJSONLines reads an object on each line.
func readJSONLines(r io.Reader) (rows []row, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	for line := 1; lines.Scan(); line++ {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		object := map[string]any{}
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.UseNumber() // as it is written
		if err := decoder.Decode(&object); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		next := row{line: line}
		if next, err = next.fromJSON(object); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		rows = append(rows, next)
	}
	return rows, lines.Err()
}

// fromJSON is the row with what an object says. Its labels may be a list.
func (r row) fromJSON(object map[string]any) (row, error) {
	keys := slices.Sorted(maps.Keys(object))
	value := func(names []string) (v any, key string) {
		if i := column(keys, names); i >= 0 {
			return object[keys[i]], keys[i]
		}
		return "", ""
	}
	var err error
	text := func(v any, key string) string {
		switch v := v.(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
		err = fmt.Errorf("%s is no text and no number", key)
		return ""
	}
	r.file, r.part = text(value(fileColumns)), text(value(partColumns))
	v, key := value(labelColumns)
	list, ok := v.([]any)
	if !ok {
		r.labels = []string{text(v, key)}
		return r, err
	}
	r.list = true
	for _, v := range list {
		r.labels = append(r.labels, text(v, key))
	}
	return r, err
}
