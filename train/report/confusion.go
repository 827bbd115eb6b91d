package report

import (
	"cmp"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"slices"

	"tapenet/graph/metric"
)

const (
	maxTable = 20 // classes that a table of numbers can have, more are a picture
	maxPairs = 15
)

// matrix is the confusion matrix: as rows of numbers for few classes, as a
// picture for many.
type matrix struct {
	Classes []string
	Long    bool // some names are long
	Rows    []row
	Picture template.URL // "" for few classes
	Pairs   []pair       // the most frequent mistakes
	Albums  []album      // pictures behind cells, or behind pairs
	Total   int
	Right   float64 // percent
}

type row struct {
	Class             string
	Cells             []cell
	Images            int
	Recall, Precision float64 // percent
}

// cell is how many images of a class went where.
type cell struct {
	Count int
	Right bool
	Shade string // opacity, between 0 and 1
	Dark  bool   // so that the number has to be white
	at    place
}

// pair is a mistake that the network makes.
type pair struct {
	Class, Predicted string
	Count            int
	Share            float64 // percent of the class
	at               place
}

// ID is the album's behind it.
func (c cell) ID() string { return c.at.id() }

// ID is the album's behind it.
func (p pair) ID() string { return p.at.id() }

func newMatrix(c metric.Confusion, classes []string) *matrix {
	m := &matrix{
		Classes: classes, Total: c.Total(), Right: 100 * c.Accuracy(), Pairs: newPairs(c, classes),
		Long: slices.ContainsFunc(classes, func(name string) bool { return len(name) > 4 }),
	}
	if len(classes) > maxTable {
		m.Picture = drawMatrix(c)
		return m
	}
	for k, name := range classes {
		r := row{Class: name, Images: sum(c[k]), Recall: 100 * c.Recall(k), Precision: 100 * c.Precision(k)}
		for j, n := range c[k] {
			s := shade(n, r.Images)
			r.Cells = append(r.Cells, cell{Count: n, Right: j == k, Shade: fmt.Sprintf("%.3f", s), Dark: s > 0.6, at: place{k, j}})
		}
		m.Rows = append(m.Rows, r)
	}
	return m
}

// shade is how strongly a cell is coloured: as the root of its share of the
// class, so that few mistakes show too.
func shade(n, of int) float64 { return math.Sqrt(float64(n) / float64(max(of, 1))) }

func sum(x []int) (s int) {
	for _, v := range x {
		s += v
	}
	return s
}

// newPairs lists the most frequent mistakes, the most frequent first.
func newPairs(c metric.Confusion, classes []string) (pairs []pair) {
	for k := range c {
		of := sum(c[k])
		for j, n := range c[k] {
			if j != k && n > 0 {
				pairs = append(pairs, pair{classes[k], classes[j], n, 100 * float64(n) / float64(of), place{k, j}})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.Count, a.Count) })
	return pairs[:min(maxPairs, len(pairs))]
}

// drawMatrix draws a pixel for each cell, blue on the diagonal and red beside it.
func drawMatrix(c metric.Confusion) template.URL {
	n := len(c)
	x := make([]float32, n*n)
	for k := range c {
		of := sum(c[k])
		for j, count := range c[k] {
			x[k*n+j] = float32(shade(count, of))
			if j == k {
				x[k*n+j] *= -1
			}
		}
	}
	picture, _ := draw(x, [3]int{1, n, n}, func(v, _, _ float32) color.NRGBA { return diverging(v) })
	return picture
}
