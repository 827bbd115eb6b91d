package chart

import (
	"fmt"
	"strings"
)

// Measures of a drawing.
const (
	panelWidth  = 380.0
	onlyWidth   = 560.0 // of a panel that has no other beside it anywhere
	frameHeight = 190.0
	gap         = 24.0 // between panels
	rowGap      = 18.0 // below a row
	margin      = 12.0
	endRoom     = 12.0 // behind a frame, for half of its last label
)

// drawing is rows of panels.
type drawing struct {
	rows          []row
	panel         float64 // width of each
	left          float64 // room for labels in front of each frame
	margin        float64
	width, height float64
}

// row is panels whose frames are in line.
type row struct {
	Row
	panels     []*panel
	head, foot float64 // room above the frames, and below them
}

// newDrawing places all; an inline one is for a page, which has margins.
func newDrawing(rows []Row, inline bool) (*drawing, error) {
	columns := 1
	for _, r := range rows {
		columns = max(columns, len(r.Charts))
	}
	d := &drawing{panel: panelWidth, margin: margin}
	if inline {
		d.margin = 2
	} else if columns == 1 {
		d.panel = onlyWidth
	}
	d.width = 2*d.margin + float64(columns)*(d.panel+gap) - gap
	for _, r := range rows {
		drawn := row{Row: r}
		for _, c := range r.Charts {
			if err := c.check(); err != nil {
				return nil, err
			}
			p := newPanel(c, d.panel)
			d.left = max(d.left, p.labelWidth())
			drawn.panels = append(drawn.panels, p)
		}
		d.rows = append(d.rows, drawn)
	}
	d.height = 2*d.margin - rowGap
	for i := range d.rows {
		r := &d.rows[i]
		for _, p := range r.panels {
			p.place(d.left)
			r.head, r.foot = max(r.head, p.head()), max(r.foot, p.foot())
		}
		d.height += r.height()
	}
	return d, nil
}

// height is that of a row with its title and its key.
func (r row) height() float64 {
	h := float64(len(r.Key)) * lineHeight
	if r.Title != "" {
		h += titleHeight
	}
	if len(r.panels) > 0 {
		h += r.head + frameHeight + r.foot
	}
	return h + rowGap
}

// svg is the drawing as a file, or for a page: without a ground, and as wide as there is room.
func (d *drawing) svg(file bool) string {
	var b strings.Builder
	var names []string
	for _, r := range d.rows {
		for _, c := range r.Charts {
			names = append(names, c.String())
		}
	}
	size := ""
	if file {
		size = fmt.Sprintf(` xmlns="http://www.w3.org/2000/svg" width="%s" height="%s"`, coordinate(d.width), coordinate(d.height))
	}
	fmt.Fprintf(&b, `<svg%s viewBox="0 0 %s %s" role="img" aria-label="%s" font-family="system-ui, sans-serif" font-size="%g">`+"\n",
		size, coordinate(d.width), coordinate(d.height), escaped(strings.Join(names, "; ")), fontSize)
	if file {
		fmt.Fprintf(&b, "<style>%s</style>\n<rect %s width=\"100%%\" height=\"100%%\"/>\n", CSS, ground)
	}
	y := d.margin
	for _, r := range d.rows {
		d.row(&b, r, y)
		y += r.height()
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// row draws a row from y down.
func (d *drawing) row(b *strings.Builder, r row, y float64) {
	if r.Title != "" {
		write(b, ink+` font-weight="600" font-size="14"`, d.margin, y+15, r.Title, d.width-2*d.margin)
		y += titleHeight
	}
	for i, p := range r.panels {
		p.draw(b, d.margin+float64(i)*(d.panel+gap), y, r.head)
	}
	if len(r.panels) > 0 {
		y += r.head + frameHeight + r.foot
	}
	for _, l := range r.Key {
		y += lineHeight
		entry{line: l, room: d.width - 2*d.margin - swatch}.draw(b, d.margin, y)
	}
}

// write draws a text whose base line begins at a point. What has no room is cut off, and there for those who point to it.
func write(b *strings.Builder, attributes string, x, y float64, text string, room float64) {
	shown := fitted(text, room)
	whole := ""
	if shown != text {
		whole = "<title>" + escaped(text) + "</title>"
	}
	fmt.Fprintf(b, `<text %s x="%s" y="%s">%s%s</text>`+"\n", attributes, coordinate(x), coordinate(y), escaped(shown), whole)
}
