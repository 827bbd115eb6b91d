package robust

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"tapenet/infer/robust"
)

//go:embed page.html
var source embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"shade": func(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) },
}).ParseFS(source, "page.html"))

// page is what the template shows.
type page struct {
	Title, About, Precision string
	Legend                  []key // of the curves, for several networks
	Sections                []section
	Warnings                []string // of attacks
	Charts                  []chart
	Networks                []network
	Six                     [colors]struct{} // to count the colours
}

type key struct {
	Name  string
	Color int
}

// network is what is shown of one network alone.
type network struct {
	Name     string
	Failures []failing
	Chapters []chapter
	Skipped  []robust.Skip
}

// failing is an image that fails first.
type failing struct {
	Before, After photo
	Class, What   string
	Failed, Of    int
}

// writePage writes the page, which needs no other file.
func writePage(w io.Writer, r result) error {
	p := page{
		Title: "Robustness of " + strings.Join(names(r), ", "), About: about(r), Precision: precision(r),
		Sections: sections(r), Warnings: warnings(r),
		Charts: slices.Concat(curves(r), severityCharts(r), attackChart(r), certificateChart(r), reliabilityChart(r)),
	}
	for i, name := range names(r) {
		p.Legend = append(p.Legend, key{name, i % colors})
		n, err := newNetwork(name, r.Models[i].Report)
		if err != nil {
			return err
		}
		p.Networks = append(p.Networks, n)
	}
	return pages.ExecuteTemplate(w, "page", p)
}

func newNetwork(name string, r *robust.Report) (n network, err error) {
	n = network{Name: name, Skipped: r.Skipped}
	if n.Chapters, err = chapters(r); err != nil {
		return n, err
	}
	for _, f := range r.FailFirst {
		next := failing{Class: className(r, f.Class), What: robust.Title(f.What), Failed: f.Failed, Of: f.Of}
		if next.Before, err = newPhoto(r, f.Original); err != nil {
			return n, err
		}
		if next.After, err = newPhoto(r, f.Changed); err != nil {
			return n, err
		}
		n.Failures = append(n.Failures, next)
	}
	return n, nil
}
