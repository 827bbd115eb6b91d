package chart

import (
	"fmt"
	"math"
	"strings"
)

const (
	swatch   = 22.0 // room for a piece of a line in front of its name
	maxDots  = 60   // points of a line that get a dot each
	fine     = 0.4  // distance below which points of a line cannot be told apart
	tickMark = 4.0
)

// panel is a chart that has its place.
type panel struct {
	Chart
	width  float64
	left   float64 // where the frame begins
	x, y   scale
	notes  []string
	legend [][]entry // by line
	below  []placed  // labels of X
	lines  int       // of these
}

// entry is a name of the legend.
type entry struct {
	line Line
	room float64 // for the name
	x    float64
}

// placed is a label of X.
type placed struct {
	tick
	middle float64 // of the text
	line   int
}

func newPanel(c Chart, width float64) *panel {
	p := &panel{Chart: c, width: width}
	var xs, ys []float64
	var joined, rest []float64 // values of Y
	lost := 0
	x, y := scale{Axis: c.X}, scale{Axis: c.Y}
	for _, l := range c.Lines {
		for i := range l.X {
			if !x.has(l.X[i]) || !y.has(l.Y[i]) {
				lost++
				continue
			}
			xs = append(xs, l.X[i])
			if l.Stroke == Unjoined {
				rest = append(rest, l.Y[i])
			} else {
				joined = append(joined, l.Y[i])
			}
		}
	}
	if lost > 0 {
		p.notes = append(p.notes, sayLost(lost))
	}
	ys = append(joined, rest...)
	if c.Y.Min >= c.Y.Max && !c.Y.Log && len(rest) == 0 {
		lo, hi, note := usual(ys)
		if note != "" {
			ys, p.notes = []float64{lo, hi}, append(p.notes, note)
		}
	}
	p.x, p.y = newScale(c.X, xs, across, false), newScale(c.Y, ys, upright, true)
	p.layLegend()
	return p
}

func sayLost(n int) string {
	if n == 1 {
		return "1 point has no place on the axes"
	}
	return fmt.Sprintf("%d points have no place on the axes", n)
}

// labelWidth is the room that the labels of Y need.
func (p *panel) labelWidth() (w float64) {
	for _, t := range p.y.ticks {
		w = max(w, width(t.label))
	}
	return w + 8
}

// layLegend breaks the legend into lines.
func (p *panel) layLegend() {
	x := p.width // so that the first begins a line
	for _, l := range p.Lines {
		if l.Name == "" {
			continue
		}
		e := entry{line: l, room: p.width - swatch}
		need := swatch + min(width(l.Name), e.room) + 14
		if x+need > p.width+14 {
			p.legend, x = append(p.legend, nil), 0
		}
		e.x = x
		x += need
		last := len(p.legend) - 1
		p.legend[last] = append(p.legend[last], e)
	}
}

// place lets the frame begin at left, and places the labels of X: names in as many lines as
// they need, of numbers those that have room.
func (p *panel) place(left float64) {
	p.left = left
	ends := []float64{math.Inf(-1)} // of the lines
	for _, t := range p.x.ticks {
		t.label = fitted(t.label, p.width/2)
		half := width(t.label) / 2
		middle := min(max(p.across(t.value), half), p.width-half)
		if p.X.Choices == nil {
			middle = p.across(t.value)
		}
		line := 0
		for line < len(ends) && middle-half < ends[line]+6 {
			line++
		}
		if line == len(ends) {
			if p.X.Choices == nil {
				continue
			}
			ends = append(ends, 0)
		}
		ends[line] = middle + half
		p.below = append(p.below, placed{t, middle, line})
	}
	p.lines = len(ends)
}

// across is where a value of X is in the panel.
func (p *panel) across(v float64) float64 { return p.left + (p.width-endRoom-p.left)*p.x.at(v) }

// head is the room for what is above the frame.
func (p *panel) head() float64 {
	h := 12.0 + float64(len(p.legend))*lineHeight
	for _, name := range []string{p.Title, p.Y.Name} {
		if name != "" {
			h += lineHeight
		}
	}
	return h
}

// foot is the room for what is below the frame.
func (p *panel) foot() float64 {
	h := tickMark + float64(p.lines+len(p.notes))*lineHeight
	if p.X.Name != "" {
		h += lineHeight
	}
	return h
}

// draw draws the panel at a point, with its frame so far below.
func (p *panel) draw(b *strings.Builder, x, y, head float64) {
	fmt.Fprintf(b, `<g transform="translate(%s %s)">`+"\n", coordinate(x), coordinate(y))
	at, weight := 12.0, ` font-weight="600"`
	for _, name := range []string{p.Title, p.Y.Name} {
		if name != "" {
			write(b, ink+weight, 0, at, name, p.width)
			at, weight = at+lineHeight, ""
		}
	}
	for _, line := range p.legend {
		for _, e := range line {
			e.draw(b, e.x, at)
		}
		at += lineHeight
	}
	fmt.Fprintf(b, `</g><g transform="translate(%s %s)">`+"\n", coordinate(x), coordinate(y+head))
	p.axes(b)
	for _, l := range p.Lines {
		p.line(b, l)
	}
	b.WriteString("</g>\n")
}

// axes draws what is around the frame, whose upper left corner is at (left,0).
func (p *panel) axes(b *strings.Builder) {
	right := p.width - endRoom
	rule := func(kind string, x1, y1, x2, y2 float64) {
		fmt.Fprintf(b, `<line %s x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", kind, coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2))
	}
	for _, t := range p.y.ticks {
		y := p.down(t.value)
		rule(grid, p.left, y, right, y)
		write(b, pale+` text-anchor="end"`, p.left-6, y+4, t.label, p.left)
	}
	for _, v := range p.x.small {
		rule(grid, p.across(v), frameHeight-tickMark, p.across(v), frameHeight)
	}
	for _, t := range p.x.ticks {
		if p.X.Log {
			rule(grid, p.across(t.value), 0, p.across(t.value), frameHeight)
		}
		rule(edge, p.across(t.value), frameHeight, p.across(t.value), frameHeight+tickMark)
	}
	rule(edge, p.left, frameHeight, right, frameHeight)
	y := frameHeight + tickMark
	for _, l := range p.below {
		write(b, pale+` text-anchor="middle"`, l.middle, y+float64(l.line)*lineHeight+12, l.label, p.width)
	}
	y += float64(p.lines)*lineHeight + 12
	if p.X.Name != "" {
		write(b, ink+` text-anchor="middle"`, (p.left+right)/2, y, p.X.Name, p.width)
		y += lineHeight
	}
	for _, note := range p.notes {
		write(b, pale+` text-anchor="end" font-style="italic"`, right, y, note, p.width)
		y += lineHeight
	}
}

// down is where a value of Y is, from the frame's upper end.
func (p *panel) down(v float64) float64 { return frameHeight * (1 - p.y.at(v)) }

// draw draws a name of the legend, whose base line begins at a point.
func (e entry) draw(b *strings.Builder, x, y float64) {
	l := e.line
	fmt.Fprintf(b, `<g %s>`, l.color())
	if l.Stroke != Unjoined {
		fmt.Fprintf(b, `<path %s d="M%s,%sh16"/>`, l.stroke(), coordinate(x), coordinate(y-4))
	}
	if l.Mark > NoMark {
		b.WriteString(l.mark(x+8, y-4, ""))
	}
	b.WriteString("</g>")
	write(b, ink, x+swatch, y, l.Name, e.room)
}

// point is a place of a frame, whose corners are (0,0) and (1,1).
type point struct{ x, y float64 }

// point is where a point of a line is. What is at an edge but for rounding is at the edge.
func (p *panel) point(x, y float64) point { return point{snapped(p.x.at(x)), snapped(p.y.at(y))} }

func snapped(v float64) float64 {
	if to := min(max(v, 0), 1); math.Abs(v-to) < 1e-9 {
		return to
	}
	return v
}

func (p point) inside() bool { return p.x >= 0 && p.x <= 1 && p.y >= 0 && p.y <= 1 }

// line draws a line with its marks.
func (p *panel) line(b *strings.Builder, l Line) {
	fmt.Fprintf(b, "<g %s>", l.color())
	if l.Stroke != Unjoined {
		for _, points := range p.pieces(l) {
			if text := p.polyline(points); text != "" {
				fmt.Fprintf(b, `<polyline %s points="%s"/>`, l.stroke(), text)
			}
		}
	}
	for i := range l.X {
		if l.Mark == NoMark || l.Mark == Dot && len(l.X) > maxDots || !p.x.has(l.X[i]) || !p.y.has(l.Y[i]) {
			continue
		}
		if p.point(l.X[i], l.Y[i]).inside() {
			b.WriteString(l.mark(p.across(l.X[i]), p.down(l.Y[i]), p.text(l, i)))
		}
	}
	b.WriteString("</g>\n")
}

// text says what a point is.
func (p *panel) text(l Line, i int) string {
	where := number(l.X[i])
	if p.X.Choices != nil {
		where = ""
	}
	text := strings.TrimSpace(p.X.Name+" "+where) + ": " + number(l.Y[i])
	if l.Name != "" {
		text = l.Name + ", " + text
	}
	return text
}

// pieces are the parts of a line that are in the frame.
func (p *panel) pieces(l Line) (pieces [][]point) {
	var last point
	open, joined := false, false // there is a last point; it ends the last piece
	for i := range l.X {
		if !p.x.has(l.X[i]) || !p.y.has(l.Y[i]) {
			open, joined = false, false
			continue
		}
		next := p.point(l.X[i], l.Y[i])
		if open {
			if from, to, ok := cut(last, next); ok {
				if !joined || from != last {
					pieces = append(pieces, []point{from})
				}
				k := len(pieces) - 1
				pieces[k] = append(pieces[k], to)
				joined = to == next
			} else {
				joined = false
			}
		}
		last, open = next, true
	}
	return pieces
}

// cut is the part of a line between two points that is in the frame (Liang and Barsky 1984).
func cut(a, b point) (from, to point, ok bool) {
	begin, end := 0.0, 1.0
	for _, side := range []struct{ step, room float64 }{
		{a.x - b.x, a.x}, {b.x - a.x, 1 - a.x}, {a.y - b.y, a.y}, {b.y - a.y, 1 - a.y},
	} {
		switch t := side.room / side.step; {
		case side.step == 0 && side.room < 0:
			return a, b, false
		case side.step < 0:
			begin = max(begin, t)
		case side.step > 0:
			end = min(end, t)
		}
	}
	if begin > end {
		return a, b, false
	}
	from, to = a, b
	if begin > 0 {
		from = point{a.x + begin*(b.x-a.x), a.y + begin*(b.y-a.y)}
	}
	if end < 1 {
		to = point{a.x + end*(b.x-a.x), a.y + end*(b.y-a.y)}
	}
	return from, to, true
}

// polyline has the points, but for those that cannot be told from the one before.
func (p *panel) polyline(points []point) string {
	var all []string
	var lastX, lastY float64
	for i, at := range points {
		x, y := p.left+(p.width-endRoom-p.left)*at.x, frameHeight*(1-at.y)
		if i == 0 || i == len(points)-1 || math.Abs(x-lastX) >= fine || math.Abs(y-lastY) >= fine {
			all = append(all, coordinate(x)+","+coordinate(y))
			lastX, lastY = x, y
		}
	}
	return strings.Join(all, " ")
}
