package chart

import (
	"fmt"
	"strings"
)

// Colors are those of lines on white: colours that the colour-blind tell apart too (Okabe and
// Ito 2008).
var Colors = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#222222"}

// dark has the same on black, lighter where they would be hard to see.
var dark = [len(Colors)]string{"#4a9fd8", "#ff8a3c", "#2fc597", "#e09cc4", "#9ad4f7", "#f2bd45", "#e4e4e4"}

// What is not a line: as the drawing says it, and as the dark style does.
const (
	ground = `class="c-ground" fill="#ffffff"`
	ink    = `class="c-ink" fill="#222222"`
	pale   = `class="c-pale" fill="#5c5c5c"`
	grid   = `class="c-grid" stroke="#e2e2e2"`
	edge   = `class="c-edge" stroke="#8a8a8a"`
)

// CSS are the styles for a page with inline charts, for readers that have chosen a dark one.
// Without it charts are as on white.
var CSS = darkStyle()

func darkStyle() string {
	var b strings.Builder
	b.WriteString("@media (prefers-color-scheme: dark) { .c-ground { fill: #16181b } .c-ink { fill: #e4e4e4 } .c-pale { fill: #a4a9ae } .c-grid { stroke: #34383d } .c-edge { stroke: #7a8087 }")
	for i, color := range dark {
		fmt.Fprintf(&b, " .c-%d { fill: %s; stroke: %[2]s }", i, color)
	}
	b.WriteString(" }")
	return b.String()
}

// color is the attributes of a group of lines and marks.
func (s Style) color() string {
	i := s.Color % len(Colors)
	return fmt.Sprintf(`class="c-%d" fill="%s" stroke="%[2]s"`, i, Colors[i])
}

// stroke is the attributes of a line.
func (s Style) stroke() string {
	return `fill="none" stroke-width="2" stroke-linejoin="round"` + map[Stroke]string{Dashed: ` stroke-dasharray="6 3"`, Dotted: ` stroke-dasharray="2 3"`}[s.Stroke]
}

// mark draws a mark, and inside it what a reader sees who points to it.
func (s Style) mark(x, y float64, text string) string {
	if text != "" {
		text = "<title>" + escaped(text) + "</title>"
	}
	shape := func(name, at string) string {
		return fmt.Sprintf("<%s %s>%s</%[1]s>", name, at, text)
	}
	path := func(d string, more string) string {
		return shape("path", fmt.Sprintf(`transform="translate(%s %s)" d="%s"%s`, coordinate(x), coordinate(y), d, more))
	}
	circle := func(radius string) string {
		return shape("circle", fmt.Sprintf(`cx="%s" cy="%s" r=%s`, coordinate(x), coordinate(y), radius))
	}
	switch s.Mark {
	case Square:
		return path("M-3.5,-3.5H3.5V3.5H-3.5z", "")
	case Triangle:
		return path("M0,-4.5L4.2,3.5H-4.2z", "")
	case Diamond:
		return path("M0,-5L5,0L0,5L-5,0z", "")
	case Cross:
		return path("M-3.5,-3.5L3.5,3.5M-3.5,3.5L3.5,-3.5", ` stroke-width="1.5"`)
	case Ring:
		return circle(`"8" fill="none" stroke-width="1.5"`)
	case Circle:
		return circle(`"3.8"`)
	}
	return circle(`"2.6"`)
}
