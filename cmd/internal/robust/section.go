package robust

import (
	"fmt"
	"path/filepath"
	"strings"

	"tapenet/infer/robust"
)

// section is a part of the table: rows of figures under one head. The page shows the
// same sections as the terminal.
type section struct {
	Title string
	Note  string   // "" for none
	Head  []string // of the columns
	Rows  []row
}

type row struct {
	Name  string
	Cells []cell
	Sum   bool // over the rows above it
}

// cell is a figure.
type cell struct {
	Text  string
	Share float64 // for the colour: the accuracy, or below 0 for what is none
}

// share is an accuracy, in percent.
func share(v float64) cell { return cell{fmt.Sprintf("%.1f", 100*v), v} }

// figure is any other number.
func figure(format string, v ...any) cell { return cell{fmt.Sprintf(format, v...), -1} }

// none is the cell of what was not measured.
func none() cell { return cell{"–", -1} }

// sections are the table of one network or of several.
func sections(r result) []section {
	all := []section{cleanSection(r)}
	for _, s := range sets(r) {
		all = append(all, corruptionSection(r, s))
	}
	for _, make := range []func(result) section{geometrySection, gridSection, attackSection, certificateSection, calibrationSection, unknownSection} {
		if s := make(r); len(s.Rows) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// names are the heads of columns of one network each: the paths' last elements, or
// the whole paths if these are not distinct.
func names(r result) []string {
	short, seen := make([]string, len(r.Models)), map[string]bool{}
	for i, m := range r.Models {
		short[i] = filepath.Base(m.Model)
		seen[short[i]] = true
	}
	if len(seen) < len(short) {
		for i, m := range r.Models {
			short[i] = m.Model
		}
	}
	return short
}

// each makes a row with a cell for each network.
func each(r result, name string, cell func(r *robust.Report) cell) row {
	to := row{Name: name}
	for _, m := range r.Models {
		to.Cells = append(to.Cells, cell(m.Report))
	}
	return to
}

func cleanSection(r result) section {
	return section{Head: names(r), Rows: []row{
		each(r, "clean", func(r *robust.Report) cell { return share(r.Clean.Accuracy) }),
	}}
}

// sets are the sets of corruptions that were measured.
func sets(r result) (all []string) {
	for _, s := range r.Models[0].Report.Corruptions {
		all = append(all, s.Name)
	}
	return all
}

// setOf is a network's figures for a set, and whether it has them.
func setOf(r *robust.Report, name string) (robust.CorruptedSet, bool) {
	for _, s := range r.Corruptions {
		if s.Name == name {
			return s, true
		}
	}
	return robust.CorruptedSet{}, false
}

// setTitles are the sets' names for people.
var setTitles = map[string]string{
	"mnist":   "MNIST-C",
	"fashion": "Fashion-MNIST-C, what it adds",
	"common":  "Hendrycks and Dietterich",
}

func corruptionSection(r result, set string) section {
	s := section{Title: "corruptions: " + setTitles[set]}
	if len(r.Models) == 1 {
		return severities(s, r, set)
	}
	s.Head = names(r)
	first, _ := setOf(r.Models[0].Report, set)
	for k, c := range first.Corruptions {
		s.Rows = append(s.Rows, each(r, robust.Title(c.Name), func(r *robust.Report) cell {
			if set, ok := setOf(r, set); ok && k < len(set.Corruptions) {
				return share(set.Corruptions[k].Accuracy)
			}
			return none()
		}))
	}
	mean := each(r, "mean", func(r *robust.Report) cell {
		set, ok := setOf(r, set)
		if !ok {
			return none()
		}
		return share(set.Mean)
	})
	relative := each(r, "error relative to "+names(r)[0], func(r *robust.Report) cell {
		set, _ := setOf(r, set)
		v, of := set.RelativeError(first)
		if of == 0 {
			return none()
		}
		return figure("%.2f", v)
	})
	mean.Sum, relative.Sum = true, true
	s.Rows = append(s.Rows, mean, relative)
	return s
}

// severities are the columns of one network: as published, and the five.
func severities(s section, r result, name string) section {
	s.Head = []string{"published", "1", "2", "3", "4", "5"}
	set, _ := setOf(r.Models[0].Report, name)
	var means [5]float64
	for _, c := range set.Corruptions {
		to := row{Name: robust.Title(c.Name), Cells: []cell{share(c.Accuracy)}}
		for k, v := range c.Severities {
			to.Cells = append(to.Cells, share(v))
			means[k] += v / float64(len(set.Corruptions))
		}
		s.Rows = append(s.Rows, to)
	}
	mean := row{Name: "mean", Cells: []cell{share(set.Mean)}, Sum: true}
	for _, v := range means {
		mean.Cells = append(mean.Cells, share(v))
	}
	s.Rows = append(s.Rows, mean)
	return s
}

func geometrySection(r result) section {
	s := section{Title: "deformations", Head: names(r), Note: "mean of the curve"}
	first := r.Models[0].Report
	single := len(r.Models) == 1
	if single {
		s.Head, s.Note = []string{"mean", "least", "where"}, ""
	}
	for k, c := range first.Geometry {
		name := fmt.Sprintf("%s %s", c.Name, span(c))
		if single {
			low, at := least(c)
			s.Rows = append(s.Rows, row{Name: name, Cells: []cell{share(c.Mean), share(low), figure("%s", amount(c, at))}})
			continue
		}
		s.Rows = append(s.Rows, each(r, name, func(r *robust.Report) cell {
			if k >= len(r.Geometry) {
				return none()
			}
			return share(r.Geometry[k].Mean)
		}))
	}
	return s
}

// span is where a curve begins and ends.
func span(c robust.Curve) string {
	return fmt.Sprintf("%g to %s", c.At[0], amount(c, c.At[len(c.At)-1]))
}

func amount(c robust.Curve, at float64) string {
	if c.Unit == "px" {
		return fmt.Sprintf("%g px", at)
	}
	return fmt.Sprintf("%g%s", at, c.Unit)
}

// least is the smallest accuracy of a curve, and where it is.
func least(c robust.Curve) (accuracy, at float64) {
	accuracy, at = c.Accuracy[0], c.At[0]
	for k, v := range c.Accuracy {
		if v < accuracy {
			accuracy, at = v, c.At[k]
		}
	}
	return accuracy, at
}

func gridSection(r result) section {
	s := section{Head: names(r)}
	g := r.Models[0].Report.Grid
	if g == nil {
		return s
	}
	s.Title = fmt.Sprintf("turns to ±%g° and shifts to ±%g px, %d of each image", g.Degrees, g.Pixels, g.Points)
	of := func(v func(g *robust.Grid) float64) func(r *robust.Report) cell {
		return func(r *robust.Report) cell {
			if r.Grid == nil {
				return none()
			}
			return share(v(r.Grid))
		}
	}
	s.Rows = []row{
		each(r, "mean", of(func(g *robust.Grid) float64 { return g.Mean })),
		each(r, "right at all of them", of(func(g *robust.Grid) float64 { return g.Worst.Accuracy })),
	}
	return s
}

// about says what was measured.
func about(r result) string {
	first := r.Models[0].Report
	list := make([]string, len(r.Models))
	for i, m := range r.Models {
		list[i] = m.Model
	}
	return fmt.Sprintf("%s on %d test images of %s, seed %d", strings.Join(list, ", "), first.Images, r.Data, first.Seed)
}
