package data

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph/raster/decode"
)

// tabled returns the dataset of rows, whose files are in fsys.
func (o Options) tabled(fsys fs.FS, rows []row) (Dataset, error) {
	lists := slices.ContainsFunc(rows, func(r row) bool { return r.list })
	byPart := map[string][]row{}
	for _, r := range rows {
		part, err := partOf(r.part)
		switch {
		case err != nil:
		case strings.TrimSpace(r.file) == "" || !lists && strings.TrimSpace(r.labels[0]) == "":
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
	labels := labelTable(byPart["train"], lists)
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
		s, err := l.rows(byPart[p.name], &labels)
		if err != nil {
			return Dataset{}, err
		}
		*p.into = s
	}
	return o.dataset(labels.classes, labels.sets, from)
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

// labels are the classes of a table, and with lists the sets of them, as they come.
type labels struct {
	classes []string
	index   map[string]int
	sets    [][]int        // nil without lists
	places  map[string]int // of a set, by its text
}

// labelTable has the classes of rows. An empty label in a table with lists is no class.
func labelTable(rows []row, lists bool) (l labels) {
	l.index = map[string]int{}
	for _, r := range rows {
		for _, label := range r.labels {
			if label != "" {
				l.index[label] = 0
			}
		}
	}
	l.classes = slices.Collect(maps.Keys(l.index))
	SortClasses(l.classes)
	for i, name := range l.classes {
		l.index[name] = i
	}
	if lists {
		l.sets, l.places = [][]int{}, map[string]int{}
	}
	return l
}

// of is the class of a row, or the place of its set.
func (l *labels) of(r row) (int, error) {
	var set []int
	for _, label := range r.labels {
		if label == "" && l.sets != nil {
			continue
		}
		class, known := l.index[label]
		if !known {
			return 0, fmt.Errorf("line %d: no class %.100q among the %d of the training pictures", r.line, label, len(l.classes))
		}
		set = append(set, class)
	}
	if l.sets == nil {
		return set[0], nil
	}
	slices.Sort(set)
	set = slices.Compact(set)
	key := fmt.Sprint(set)
	place, known := l.places[key]
	if !known {
		place = len(l.sets)
		l.sets, l.places[key] = append(l.sets, set), place
	}
	return place, nil
}

// rows are the pictures of rows, the classes mixed evenly.
func (l *lister) rows(rows []row, of *labels) (*folderPictures, error) {
	all, count := make([]listed, len(rows)), map[int]int{}
	for i, r := range rows {
		label, err := of.of(r)
		if err != nil {
			return nil, err
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
