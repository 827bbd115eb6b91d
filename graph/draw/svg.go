package draw

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"tapenet/graph"
)

// Measures of a drawing, in pixels.
const (
	charWidth = 7.0 // of an average character of the 12 pixel font
	boxHeight = 22.0
	sideGap   = 24.0 // between tensors and the op that reads them
	nameGap   = 7.0  // between an op and its layer's name
	rowGap    = 38.0 // room for a shape
	framePad  = 9.0
	frameEnd  = 21.0 // below a frame's last box: there is a shape
	titleRoom = 17.0
	margin    = 16.0
	arrowRoom = 9.0 // the last piece of an arrow goes straight to its head
)

// What is drawn: as it is on white, and for readers that have chosen a dark page.
const (
	ground = `class="d-ground" fill="#ffffff"`
	framed = `class="d-frame" fill="#f6f6f6" stroke="#aaaaaa"`
	opBox  = `class="d-op" fill="#ffffff" stroke="#333333"`
	bound  = `class="d-tensor" fill="#e6effa" stroke="#333333"`
	ink    = `class="d-ink" fill="#222222"`
	pale   = `class="d-pale" fill="#5c5c5c"`
	arrow  = `class="d-arrow" stroke="#555555"`
	head   = `class="d-head" fill="#555555"`
	seam   = `class="d-seam" stroke="#cccccc"`

	darkStyle = "@media (prefers-color-scheme: dark) { .d-ground { fill: #16181b } .d-frame { fill: #1e2126; stroke: #5a6067 } .d-op { fill: #23272c; stroke: #a4a9ae }" +
		" .d-tensor { fill: #1d3247; stroke: #a4a9ae } .d-ink { fill: #e4e4e4 } .d-pale { fill: #a4a9ae; } .d-arrow { stroke: #a4a9ae } .d-head { fill: #a4a9ae } .d-seam { stroke: #4a4f55 } }"
)

// SVG draws a network from top to bottom, for people. Ops that follow each other and leave the
// shape as it is stand in one box, a line each, with the names of their layers at the right; at the left
// are the tensors that they read, but for those of BatchNorm, and below the shape of the result. A frame is around a layer that is made of others. In a network of many boxes, units
// that follow each other and are alike are drawn once, in a frame that says how often they come.
func SVG(nodes []graph.Node) string {
	d := newDrawing(newLayout(collapsed(cells(nodes))))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %[1]g %[2]g" font-family="system-ui, sans-serif" font-size="12">
<style>%s</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" %s/></marker></defs>
<rect %s width="100%%" height="100%%"/>
`, d.width, d.height, darkStyle, head, ground)
	for _, f := range d.framed {
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
	framed        []*frame
	x             []float64 // of each lane's middle, where its ops and lines are
	left, right   []float64 // of each lane
	top, bottom   []float64 // of each row
	width, height float64
}

func newDrawing(l *layout) *drawing {
	d := &drawing{layout: l, framed: l.frames()}
	lanes, rows := 0, 0
	for s := range l.taken {
		lanes, rows = max(lanes, s.lane+1), max(rows, s.row+1)
	}
	left, right, height := make([]float64, lanes), make([]float64, lanes), make([]float64, rows)
	for _, c := range l.cells {
		left[c.lane] = max(left[c.lane], c.left())
		right[c.lane] = max(right[c.lane], c.right())
		height[c.row] = max(height[c.row], c.height())
	}
	for _, f := range d.framed {
		left[f.left] = max(left[f.left], textWidth(f.title)+framePad) // the title ends before the lane's line
	}
	d.width = margin + framePad
	for i := range lanes {
		d.left = append(d.left, d.width)
		d.x = append(d.x, d.width+left[i])
		d.width += left[i] + right[i] + 2*framePad
		d.right = append(d.right, d.width-2*framePad)
	}
	d.width += margin - framePad
	d.height = margin
	for row, h := range height {
		d.height += d.above(row)
		d.top, d.bottom = append(d.top, d.height), append(d.bottom, d.height+h)
		d.height += h
	}
	d.height += rowGap
	return d
}

// above is the room above a row: for a shape, and for the frames that end or begin there.
func (d *drawing) above(row int) float64 {
	room, ends, begins := 0.0, 0.0, 0.0
	if row > 0 {
		room = rowGap
	}
	for _, f := range d.framed {
		if f.last == row-1 {
			ends = frameEnd
		}
		if f.first == row {
			begins = framePad + titleRoom
		}
	}
	return room + ends + begins
}

// texts are the lines in a cell's box.
func (c *cell) texts() (all []string) {
	for _, n := range c.nodes {
		if isTensor(n) {
			all = append(all, tensorText(n, ""))
		} else {
			all = append(all, short(opText(n)))
		}
	}
	return all
}

func (c *cell) width() (w float64) {
	for _, text := range c.texts() {
		w = max(w, textWidth(text)+22)
	}
	return w
}

func (c *cell) height() float64 { return boxHeight * float64(max(len(c.nodes), len(c.params))) }

// left is how far a cell reaches to the left of its lane's middle.
func (c *cell) left() float64 {
	w := max(c.width()/2, textWidth(shapeText(c.result()))+nameGap)
	if len(c.params) == 0 {
		return w
	}
	return max(w, c.width()/2+sideGap+c.paramsWidth())
}

// right is likewise, with the names of layers.
func (c *cell) right() (w float64) {
	for _, n := range c.nodes {
		if n.Layer != "" {
			w = max(w, textWidth(baseName(n.Layer))+nameGap)
		}
	}
	return max(w+c.width()/2, textWidth(shapeText(c.result()))+nameGap)
}

func (c *cell) paramsWidth() (w float64) {
	for _, n := range c.params {
		w = max(w, textWidth(tensorText(n, c.first().Layer))+14)
	}
	return w
}

// middle is the height of a row's middle.
func (d *drawing) middle(row int) float64 { return (d.top[row] + d.bottom[row]) / 2 }

// begins is the upper end of a cell's box.
func (d *drawing) begins(c *cell) float64 {
	return d.middle(c.row) - boxHeight*float64(len(c.nodes))/2
}

// ends is the lower end.
func (d *drawing) ends(c *cell) float64 { return d.middle(c.row) + boxHeight*float64(len(c.nodes))/2 }

func (d *drawing) cell(b *strings.Builder, c *cell) {
	x, y, w := d.x[c.lane], d.begins(c), c.width()
	if len(c.params) > 0 {
		d.params(b, c, x-w/2)
	}
	kind, radius := opBox, boxHeight/2
	if isTensor(c.first()) {
		kind, radius = bound, 0
	}
	fmt.Fprintf(b, `<rect %s x="%g" y="%g" width="%g" height="%g" rx="%g"/>`+"\n", kind, x-w/2, y, w, d.ends(c)-y, radius)
	for i, text := range c.texts() {
		at := y + boxHeight*float64(i)
		if i > 0 {
			fmt.Fprintf(b, `<path %s d="M%g,%gH%g"/>`+"\n", seam, x-w/2+1, at, x+w/2-1)
		}
		write(b, ink+` text-anchor="middle"`, x, at+15.5, text)
		if layer := c.nodes[i].Layer; layer != "" && (i == 0 || layer != c.nodes[i-1].Layer) {
			write(b, pale+` font-size="11"`, x+w/2+nameGap, at+15.5, baseName(layer))
		}
	}
	if !isTensor(c.first()) {
		side, anchor := -nameGap, "end"
		if d.turnsLeft(c) {
			side, anchor = nameGap, "start"
		}
		write(b, pale+` font-size="11" text-anchor="`+anchor+`"`, x+side, d.middle(c.row)+c.height()/2+15, shapeText(c.result()))
	}
}

// turnsLeft reports whether an arrow turns to the left below a cell.
func (d *drawing) turnsLeft(c *cell) bool {
	return slices.ContainsFunc(d.lines, func(l line) bool {
		to := l.to.lane
		if l.to.row > l.from.row+1 {
			to = l.lane
		}
		return l.from == c && to < c.lane
	})
}

// params draws the tensors beside a cell, one box for all, and the arrow to its box at x.
func (d *drawing) params(b *strings.Builder, c *cell, x float64) {
	w, high := c.paramsWidth(), boxHeight*float64(len(c.params))
	left, y := x-sideGap-w, d.begins(c)
	if high > boxHeight*float64(len(c.nodes)) {
		y = d.middle(c.row) - high/2
	}
	fmt.Fprintf(b, `<rect %s x="%g" y="%g" width="%g" height="%g"/>`+"\n", bound, left, y, w, high)
	for i, n := range c.params {
		write(b, ink+` text-anchor="middle"`, left+w/2, y+boxHeight*float64(i)+15.5, tensorText(n, c.first().Layer))
	}
	at := d.begins(c) + boxHeight/2 // the op that reads them is the first
	fmt.Fprintf(b, `<path %s d="M%g,%gH%g" marker-end="url(#arrow)"/>`+"\n", arrow, left+w, at, x)
}

func write(b *strings.Builder, attributes string, x, y float64, text string) {
	fmt.Fprintf(b, `<text %s x="%g" y="%g">%s</text>`+"\n", attributes, x, y, html.EscapeString(text))
}

// frame draws a box around cells, and its title.
func (d *drawing) frame(b *strings.Builder, f *frame) {
	x, y := d.left[f.left]-framePad, d.top[f.first]-framePad-titleRoom
	fmt.Fprintf(b, `<rect %s x="%g" y="%g" width="%g" height="%g" rx="4"/>`, framed, x, y, d.right[f.right]+framePad-x, d.bottom[f.last]+frameEnd-y)
	write(b, pale+` font-weight="600"`, x+7, y+15, f.title)
}

// line draws an arrow that changes lanes only between rows.
func (d *drawing) line(b *strings.Builder, l line) {
	x := d.x[l.from.lane]
	fmt.Fprintf(b, `<path %s d="M%g,%gV%g`, arrow, x, d.ends(l.from), d.bottom[l.from.row])
	turn := func(lane, below int, room float64) { // from row below-1 to so much above row below
		from, to, next := d.bottom[below-1], d.top[below]-room, d.x[lane]
		if next == x {
			return
		}
		half := (from + to) / 2
		fmt.Fprintf(b, "C%g,%g %g,%g %g,%g", x, half, next, half, next, to)
		x = next
	}
	if l.to.row > l.from.row+1 {
		turn(l.lane, l.from.row+1, 0)
		fmt.Fprintf(b, "V%g", d.bottom[l.to.row-1])
	}
	turn(l.to.lane, l.to.row, arrowRoom)
	fmt.Fprintf(b, `V%g" fill="none" marker-end="url(#arrow)"/>`+"\n", d.begins(l.to))
}

func textWidth(text string) float64 { return charWidth * float64(len([]rune(text))) }

// tensorText is a tensor's name and shape, without the path of the layer that
// it is drawn in, or of what that is a part of.
func tensorText(n graph.Node, layer string) string {
	within := strings.TrimSuffix(layer, baseName(layer))
	return strings.TrimPrefix(strings.TrimPrefix(n.Name, layer+"/"), within) + " " + shapeText(n)
}
