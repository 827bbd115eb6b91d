package chart

import (
	"fmt"
	"io"
	"strings"
)

// Row is charts side by side.
type Row struct {
	Title  string // above all of them; "" for none
	Charts []Chart
	Key    []Line // explained below the charts, each in a line of its own; their points do not count
}

// Chart is lines and marks in one frame.
type Chart struct {
	Title string // "" for the name of Y alone
	X, Y  Axis
	Lines []Line
}

// Axis is what lies along one side of a frame.
type Axis struct {
	Name     string
	Min, Max float64  // what it shows; equal: all that the lines have
	Log      bool     // equal factors are equally far apart; values have to be positive
	Choices  []string // names of 0, 1, 2 and so on, for an axis without numbers
}

// Line is points, and what joins them. X and Y are equally long.
type Line struct {
	Name string // "" keeps it out of the legend
	X, Y []float64
	Style
}

// Style says how a line looks. Its zero value is a solid line in the first colour, with a dot at each point if there are few.
type Style struct {
	Color  int // of Colors, beginning anew after the last
	Stroke Stroke
	Mark   Mark
}

// Stroke is how a line is drawn.
type Stroke int

const (
	Solid Stroke = iota
	Dashed
	Dotted
	Unjoined // marks alone
)

// Mark is what stands at each point.
type Mark int

const (
	Dot    Mark = iota // if there are few
	NoMark             // none
	Circle
	Square
	Triangle
	Diamond
	Cross
	Ring // larger than the others, around one of them
)

// Write draws rows of charts as one SVG, below each other.
func Write(w io.Writer, rows ...Row) error {
	d, err := newDrawing(rows, false)
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	_, err = io.WriteString(w, d.svg(true))
	return err
}

// Inline is a chart as an element of an HTML page that has CSS among its styles. The page
// shows through it.
func Inline(c Chart) (string, error) {
	d, err := newDrawing([]Row{{Charts: []Chart{c}}}, true)
	if err != nil {
		return "", fmt.Errorf("chart: %w", err)
	}
	return d.svg(false), nil
}

// check returns an error for a line whose points have no place.
func (c Chart) check() error {
	for _, l := range c.Lines {
		if len(l.X) != len(l.Y) {
			return fmt.Errorf("line %q: %d and %d coordinates, want equally many", l.Name, len(l.X), len(l.Y))
		}
	}
	return nil
}

// String says what is drawn over what.
func (c Chart) String() string {
	name := c.Y.Name
	if c.X.Name != "" {
		name += " over " + c.X.Name
	}
	return strings.TrimSpace(c.Title + " " + name)
}
