package infer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"tapenet/cmd/internal/cli"
)

// neighbour is a picture with the cosine of its features and a query's: 1 for the same
// direction.
type neighbour struct {
	File   string  `json:"file"`
	Cosine float64 `json:"cosine"`
}

// query is a picture of which similar ones are looked for.
type query struct {
	File    string      `json:"file"`
	Similar []neighbour `json:"similar"` // the most similar first

	features []float32
	path     string // absolute
}

// similar prints, for each picture of the arguments, the pictures of a folder that are
// most similar. It keeps the features of the arguments alone: the folder may have
// any number of pictures.
func (e extractor) similar(ctx context.Context, o options, stdout io.Writer) error {
	var queries []query
	failed := e.each(ctx, e.sources(o.args), func(all []described) error {
		for _, d := range all {
			queries = append(queries, query{d.File, []neighbour{}, d.Features, absolute(d.File)})
		}
		return nil
	})
	if failed != nil && (!errors.As(failed, &skipped{}) || len(queries) == 0) {
		return failed
	}
	err := e.each(ctx, e.sources([]string{o.similar}), func(all []described) error {
		for _, d := range all {
			path := absolute(d.File)
			for i := range queries {
				if queries[i].path != path { // a picture is not similar to itself
					queries[i].meet(neighbour{d.File, cosine(queries[i].features, d.Features)}, o.top)
				}
			}
		}
		return nil
	})
	if err != nil && !errors.As(err, &skipped{}) {
		return err
	}
	for _, q := range queries {
		if err := q.show(stdout, o.json); err != nil {
			return err
		}
	}
	return errors.Join(failed, err)
}

// absolute is the path of a file from the root, to tell whether two are one.
func absolute(name string) string {
	path, err := filepath.Abs(name)
	if name == stdin || err != nil {
		return name
	}
	return path
}

// meet takes a picture among the most similar ones, of which there are to be at most
// top. Of equal ones the first stays.
func (q *query) meet(n neighbour, top int) {
	at, _ := slices.BinarySearchFunc(q.Similar, n, func(have, n neighbour) int {
		if have.Cosine >= n.Cosine {
			return -1
		}
		return 1
	})
	if at < top {
		q.Similar = slices.Insert(q.Similar, at, n)
		q.Similar = q.Similar[:min(top, len(q.Similar))]
	}
}

// show prints the picture, and below it a line for each similar one.
func (q query) show(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(q)
	}
	text := cli.Plain(q.File) + "\n"
	for _, n := range q.Similar {
		text += fmt.Sprintf("  %.4f  %s\n", n.Cosine, cli.Plain(n.File))
	}
	_, err := io.WriteString(w, text)
	return err
}

// cosine is that of the angle between two vectors, in -1..1; 0 if one has no
// direction.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, x := range a {
		y := float64(b[i])
		ab, aa, bb = ab+float64(x)*y, aa+float64(x)*float64(x), bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return max(-1, min(ab/(math.Sqrt(aa)*math.Sqrt(bb)), 1))
}
