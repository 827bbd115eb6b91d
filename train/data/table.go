package data

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph/raster/decode"
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
	line              int
	file, label, part string
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

// readTable reads the rows of a file.
func readTable(file string) ([]row, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
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
		next := row{line: line, file: strings.Clone(record[file]), label: strings.Clone(record[label])}
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
		for _, f := range []struct {
			names []string
			to    *string
		}{{fileColumns, &next.file}, {labelColumns, &next.label}, {partColumns, &next.part}} {
			keys := slices.Sorted(maps.Keys(object))
			if i := column(keys, f.names); i >= 0 {
				switch v := object[keys[i]].(type) {
				case string:
					*f.to = v
				case json.Number:
					*f.to = v.String()
				default:
					return nil, fmt.Errorf("line %d: %s is no text and no number", line, keys[i])
				}
			}
		}
		rows = append(rows, next)
	}
	return rows, lines.Err()
}

// tabled returns the dataset of rows, whose files are in fsys.
func (o Options) tabled(fsys fs.FS, rows []row) (Dataset, error) {
	byPart := map[string][]row{}
	for _, r := range rows {
		part, err := partOf(r.part)
		switch {
		case err != nil:
		case strings.TrimSpace(r.file) == "" || strings.TrimSpace(r.label) == "":
			err = errors.New("no file or no label, want both")
		case !fs.ValidPath(path.Clean(filepath.ToSlash(r.file))):
			err = fmt.Errorf("file %.200q is not below the table's folder", r.file)
		}
		if err != nil {
			return Dataset{}, fmt.Errorf("line %d: %w", r.line, err)
		}
		byPart[part] = append(byPart[part], r)
	}
	if len(byPart["train"]) == 0 {
		return Dataset{}, errors.New("no pictures for training, want rows with the split train")
	}
	seen := map[string]bool{}
	for _, r := range byPart["train"] {
		seen[r.label] = true
	}
	classes := slices.Sorted(maps.Keys(seen))
	SortClasses(classes)
	if byPart["test"] == nil {
		byPart["test"], byPart["val"] = byPart["val"], nil
	}
	l := lister{fsys: fsys, decoder: decode.Decoder(o.MaxPixels)}
	var from parts
	for _, p := range []struct {
		name string
		into *source
	}{{"train", &from.train}, {"val", &from.validation}, {"test", &from.test}} {
		if byPart[p.name] == nil {
			continue
		}
		s, err := l.rows(byPart[p.name], classes)
		if err != nil {
			return Dataset{}, err
		}
		*p.into = s
	}
	return o.dataset(classes, from)
}

// partOf is train, val or test, by what a table calls it.
func partOf(split string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(split)) {
	case "", "train", "training":
		return "train", nil
	case "val", "valid", "validation", "dev":
		return "val", nil
	case "test", "testing":
		return "test", nil
	}
	return "", fmt.Errorf("split %.100q, want train, val or test", split)
}

// rows are the pictures of rows, the classes mixed evenly.
func (l *lister) rows(rows []row, classes []string) (*folderPictures, error) {
	all, count := make([]listed, len(rows)), make([]int, len(classes))
	for i, r := range rows {
		label := slices.Index(classes, r.label)
		if label < 0 {
			return nil, fmt.Errorf("line %d: no class %.100q among the %d of the training pictures", r.line, r.label, len(classes))
		}
		all[i] = listed{file: path.Clean(filepath.ToSlash(r.file)), label: label, at: float64(count[label]) + 0.5}
		count[label]++
	}
	for i := range all {
		all[i].at /= float64(count[all[i].label])
	}
	slices.SortStableFunc(all, func(a, b listed) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.label, b.label)) })
	l.look(all)
	return newFolderPictures(l.fsys, all), nil
}
