package draw

import (
	"fmt"
	"html"
	"strings"

	"tapenet/graph"
)

// Measures of a drawing, in pixels.
const (
	charWidth = 6.6 // of an average character of the 12 pixel font
	boxHeight = 22.0
	boxGap    = 5.0  // between the tensors beside an op
	sideGap   = 26.0 // between them and the op
	rowGap    = 54.0 // room for a shape, and for a frame's end and the next one's title
	framePad  = 9.0
	titleRoom = 16.0
	margin    = 16.0
)

// SVG draws what DOT describes: a network's forward graph from top to bottom,
// a frame around each layer, the tensors beside the ops that read them, and
// below each op the shape of its result.
func SVG(nodes []graph.Node) string {
	d := newDrawing(newLayout(nodes))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %[1]g %[2]g" font-family="Helvetica, Arial, sans-serif" font-size="12">
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>
<rect width="100%%" height="100%%" fill="white"/>
`, d.width, d.height)
	for _, f := range d.frames() {
		d.frame(&b, f)
	}
	for _, l := range d.lines {
		d.line(&b, l)
	}
	for _, c := range d.cells {
		d.cell(&b, c)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawing is a layout in pixels.
type drawing struct {
	*layout
	x             []float64 // of each lane's middle, where its ops and lines are
	top, bottom   []float64 // of each row
	width, height float64
}

func newDrawing(l *layout) *drawing {
	d := &drawing{layout: l}
	lanes, rows := 0, 0
	for s := range l.taken {
		lanes, rows = max(lanes, s.lane+1), max(rows, s.row+1)
	}
	left, right, height := make([]float64, lanes), make([]float64, lanes), make([]float64, rows)
	for _, c := range l.cells {
		left[c.lane] = max(left[c.lane], c.left()+framePad, textWidth(c.node.Layer)+2*framePad)
		right[c.lane] = max(right[c.lane], c.width()/2+framePad, textWidth(shapeText(c.node))+2*framePad)
		height[c.row] = max(height[c.row], c.height())
	}
	d.width = margin
	for i := range lanes {
		d.x = append(d.x, d.width+left[i])
		d.width += left[i] + right[i] + margin
	}
	d.height = margin + framePad + titleRoom
	for _, h := range height {
		d.top, d.bottom = append(d.top, d.height), append(d.bottom, d.height+h)
		d.height += h + rowGap
	}
	return d
}

func (c *cell) label() string {
	if isTensor(c.node) {
		return tensorText(c.node, "")
	}
	return opText(c.node)
}

func (c *cell) width() float64 { return textWidth(c.label()) + 22 }

// left is how far a cell reaches to the left of its lane's middle.
func (c *cell) left() float64 {
	if len(c.beside) == 0 {
		return c.width() / 2
	}
	return c.width()/2 + sideGap + c.besideWidth()
}

func (c *cell) besideWidth() (w float64) {
	for _, n := range c.beside {
		w = max(w, textWidth(tensorText(n, c.node.Layer))+14)
	}
	return w
}

func (c *cell) height() float64 {
	return max(boxHeight, float64(len(c.beside))*(boxHeight+boxGap)-boxGap)
}

// middle is the height of a row's middle.
func (d *drawing) middle(row int) float64 { return (d.top[row] + d.bottom[row]) / 2 }

func (d *drawing) cell(b *strings.Builder, c *cell) {
	x, y, w := d.x[c.lane], d.middle(c.row), c.width()
	side, sideWidth := x-c.left(), c.besideWidth()
	for i, n := range c.beside {
		at := y - c.height()/2 + boxHeight/2 + float64(i)*(boxHeight+boxGap)
		fmt.Fprintf(b, `<path d="M%g,%g L%g,%g" stroke="#555" marker-end="url(#arrow)"/>`+"\n", side+sideWidth, at, x-w/2, y)
		drawBox(b, side+sideWidth/2, at, sideWidth, 0, "#eef3fb", tensorText(n, c.node.Layer))
	}
	radius, fill := boxHeight/2, "white"
	if isTensor(c.node) {
		radius, fill = 0, "#eef3fb"
	}
	drawBox(b, x, y, w, radius, fill, c.label())
	if !isTensor(c.node) {
		fmt.Fprintf(b, `<text x="%g" y="%g" font-size="11" fill="#555" stroke="white" stroke-width="3" paint-order="stroke">%s</text>`+"\n", x+7, d.bottom[c.row]+20, shapeText(c.node))
	}
}

// drawBox draws a box with a text, both centred at (x,y).
func drawBox(b *strings.Builder, x, y, width, radius float64, fill, text string) {
	fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" rx="%g" fill="%s" stroke="#333"/>`,
		x-width/2, y-boxHeight/2, width, boxHeight, radius, fill)
	fmt.Fprintf(b, `<text x="%g" y="%g" text-anchor="middle">%s</text>`+"\n", x, y+4, html.EscapeString(text))
}

// frame draws the box around the cells of a layer, and its title.
func (d *drawing) frame(b *strings.Builder, cells []*cell) {
	first, last := cells[0], cells[len(cells)-1]
	left, right := textWidth(first.node.Layer)+framePad, 0.0 // the title ends before the lane's line
	for i, c := range cells {
		left, right = max(left, c.left()), max(right, c.width()/2)
		if i < len(cells)-1 {
			right = max(right, textWidth(shapeText(c.node)))
		}
	}
	x, y := d.x[first.lane]-left-framePad, d.top[first.row]-framePad-titleRoom
	fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" rx="4" fill="#fafafa" stroke="#aaa"/>`,
		x, y, left+right+2*framePad, d.bottom[last.row]+framePad-y)
	fmt.Fprintf(b, `<text x="%g" y="%g" fill="#555">%s</text>`+"\n", x+7, y+15, html.EscapeString(first.node.Layer))
}

// line draws an arrow that changes lanes only between rows.
func (d *drawing) line(b *strings.Builder, l line) {
	x, y := d.x[l.from.lane], d.middle(l.from.row)+boxHeight/2
	fmt.Fprintf(b, `<path d="M%g,%g V%g`, x, y, d.bottom[l.from.row])
	turn := func(lane, below int) { // from row below-1 to row below
		y, next := d.bottom[below-1], d.x[lane]
		half := y + rowGap/2
		fmt.Fprintf(b, " C%g,%g %g,%g %g,%g", x, half, next, half, next, y+rowGap)
		x = next
	}
	if l.to.row > l.from.row+1 {
		turn(l.lane, l.from.row+1)
		fmt.Fprintf(b, " V%g", d.bottom[l.to.row-1])
	}
	turn(l.to.lane, l.to.row)
	fmt.Fprintf(b, ` V%g" fill="none" stroke="#555" marker-end="url(#arrow)"/>`+"\n", d.middle(l.to.row)-boxHeight/2)
}

func textWidth(text string) float64 { return charWidth * float64(len([]rune(text))) }

// tensorText is a tensor's name and shape, without the path of the layer that
// it is drawn in.
func tensorText(n graph.Node, layer string) string {
	return strings.TrimPrefix(n.Name, layer+"/") + " " + shapeText(n)
}
