package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// element is one of a drawing, with the text that is right inside it.
type element struct {
	name string
	attr map[string]string
	text string
}

// drawn are the elements of rows of charts. It demands sound XML.
func drawn(t *testing.T, rows ...Row) (all []element) {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, rows...); err != nil {
		t.Fatal(err)
	}
	return parsed(t, b.String())
}

func parsed(t *testing.T, svg string) (all []element) {
	t.Helper()
	var open []int
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch e := token.(type) {
		case xml.StartElement:
			attr := map[string]string{}
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
			}
			open = append(open, len(all))
			all = append(all, element{name: e.Name.Local, attr: attr})
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				all[open[len(open)-1]].text += string(e)
			}
		}
	}
}

// named are the elements of a name.
func named(all []element, name string) (some []element) {
	for _, e := range all {
		if e.name == name {
			some = append(some, e)
		}
	}
	return some
}

// texts are the texts of a drawing.
func texts(all []element) (some []string) {
	for _, e := range named(all, "text") {
		some = append(some, e.text)
	}
	return some
}

// points are those of a polyline.
func points(t *testing.T, e element) (x, y []float64) {
	t.Helper()
	for _, p := range strings.Fields(e.attr["points"]) {
		at, down, _ := strings.Cut(p, ",")
		px, err1 := strconv.ParseFloat(at, 64)
		py, err2 := strconv.ParseFloat(down, 64)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		x, y = append(x, px), append(y, py)
	}
	return x, y
}

// counting is 1, 2, … n.
func counting(n int) (x []float64) {
	for i := range n {
		x = append(x, float64(i+1))
	}
	return x
}

// values are f(0), f(1), ….
func values(n int, f func(i int) float64) (y []float64) {
	for i := range n {
		y = append(y, f(i))
	}
	return y
}

// one is a chart of one line.
func one(x, y []float64) Row {
	return Row{Charts: []Chart{{X: Axis{Name: "epoch"}, Y: Axis{Name: "loss"}, Lines: []Line{{Name: "training", X: x, Y: y}}}}}
}

// TestScale: every value is inside the frame, and few round ticks mark each axis.
func TestScale(t *testing.T) {
	for _, tt := range []struct {
		name   string
		epochs int
		value  func(i int) float64
		y      []string // labels, nil for any
	}{
		{"one epoch", 1, func(int) float64 { return 0.75 }, nil},
		{"zero", 3, func(int) float64 { return 0 }, []string{"0", "1"}},
		{"constant", 3, func(int) float64 { return 0.001 }, []string{"0", "2e-4", "4e-4", "6e-4", "8e-4", "1.0e-3"}},
		{"falling", 7, func(i int) float64 { return 1 / float64(i+1) }, []string{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{"nearly constant", 4, func(i int) float64 { return 0.98 + 0.001*float64(i) }, []string{"0.980", "0.981", "0.982", "0.983"}},
		{"accuracy", 6, func(i int) float64 { return 0.9413 + 0.009*float64(i) }, []string{"0.94", "0.95", "0.96", "0.97", "0.98", "0.99"}},
		{"negative", 5, func(i int) float64 { return float64(-i) }, []string{"-4", "-3", "-2", "-1", "0"}},
		{"learning rate", 5, func(i int) float64 { return 2e-5 * float64(i) }, []string{"0", "2e-5", "4e-5", "6e-5", "8e-5"}},
		{"fine", 4, func(i int) float64 { return 0.98 + 0.00001*float64(i) }, []string{"0.98000", "0.98001", "0.98002", "0.98003"}},
		{"finest", 3, func(i int) float64 { return 0.98 + 1e-7*float64(i) }, []string{"0.98000000", "0.98000005", "0.98000010", "0.98000015", "0.98000020"}},
		{"around zero", 3, func(i int) float64 { return 1e-4 * float64(i-1) }, []string{"-1.0e-4", "-5e-5", "0", "5e-5", "1.0e-4"}},
		{"many", 50000, func(int) float64 { return 1 }, nil},
		{"large", 1000, func(i int) float64 { return 1e9 * float64(i) }, []string{"0", "2e11", "4e11", "6e11", "8e11", "1.0e12"}},
		{"nearly constant and large", 3, func(i int) float64 { return 2e6 + float64(i) }, []string{"2.0000000e6", "2.0000005e6", "2.0000010e6", "2.0000015e6", "2.0000020e6"}},
		{"extreme", 2, func(i int) float64 { return 3e38 * float64(2*i-1) }, []string{"-4e38", "-2e38", "0", "2e38", "4e38"}},
		{"tiny", 2, func(i int) float64 { return 1e-300 * float64(i) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := drawn(t, one(counting(tt.epochs), values(tt.epochs, tt.value)))
			var labels, below []string
			for _, e := range named(all, "text") {
				switch e.attr["text-anchor"] {
				case "end":
					labels = append(labels, e.text)
				case "middle":
					below = append(below, e.text)
				}
			}
			if tt.y != nil && !slices.Equal(labels, tt.y) || len(labels) < 2 || len(labels) > 8 {
				t.Errorf("the axis has %q, want %q", labels, tt.y)
			}
			if below = below[:len(below)-1]; len(below) < 1 || len(below) > across+1 { // the last is the axis's name
				t.Errorf("marks %q for %d epochs", below, tt.epochs)
			}
			for _, mark := range below {
				if n, err := strconv.ParseFloat(mark, 64); err != nil || n != math.Trunc(n) || n < 1 || n > float64(tt.epochs) {
					t.Errorf("mark %q, want a whole epoch", mark)
				}
			}
			lines := named(all, "polyline")
			if len(lines) != min(1, tt.epochs-1) {
				t.Fatalf("%d lines for %d epochs", len(lines), tt.epochs)
			}
			for _, l := range lines {
				x, y := points(t, l)
				if slices.Min(x) < 20 || slices.Max(x) > onlyWidth-endRoom || slices.Min(y) < 0 || slices.Max(y) > frameHeight {
					t.Errorf("line from (%g,%g) to (%g,%g)", slices.Min(x), slices.Min(y), slices.Max(x), slices.Max(y))
				}
				if n := len(x); n > 3000 || tt.epochs <= 100 && n != tt.epochs {
					t.Errorf("%d points for %d epochs", n, tt.epochs)
				}
			}
			if dots := len(named(all, "circle")); (tt.epochs <= maxDots) != (dots > 0) {
				t.Errorf("%d dots for %d epochs", dots, tt.epochs)
			}
		})
	}
}

// TestOutlier: one loss that went off does not squeeze all others, and the drawing says so.
func TestOutlier(t *testing.T) {
	falling := func(i int) float64 { return 2.3 / math.Sqrt(float64(i+1)) }
	for _, tt := range []struct {
		name  string
		n     int
		value func(i int) float64
		note  string // "" for none
	}{
		{"none", 30, falling, ""},
		{"above", 30, func(i int) float64 { return falling(i) + 280*math.Floor(math.Exp(-math.Abs(float64(i-2)))) }, "1 value above 2.5 is not shown"},
		{"two above", 40, func(i int) float64 { return 1 + float64(i%7)/10 + 1e9*float64(i/38) }, "2 values above 1.6 are not shown"},
		{"below", 20, func(i int) float64 { return 0.98 + float64(i%3)/100 - 0.9*math.Floor(math.Exp(-float64(i))) }, "1 value below 0.98 is not shown"},
		{"too few to tell", 5, func(i int) float64 { return math.Pow(10, float64(i)) }, ""},
		{"many", 30, func(i int) float64 { return 1 + 1e6*float64(i%2) }, ""},
		{"not finite", 30, func(i int) float64 { return falling(i) / float64(i%2) }, "15 points have no place on the axes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := drawn(t, one(counting(tt.n), values(tt.n, tt.value)))
			note := ""
			for _, e := range named(all, "text") {
				if e.attr["font-style"] == "italic" {
					note += e.text
				}
			}
			if note != tt.note {
				t.Errorf("the note is %q, want %q", note, tt.note)
			}
			for _, l := range named(all, "polyline") {
				if _, y := points(t, l); slices.Min(y) < 0 || slices.Max(y) > frameHeight {
					t.Errorf("a line leaves the frame: %v", y)
				}
			}
		})
	}
}

// TestOutlierIsCut: the line goes to the frame's edge and comes back from there.
func TestOutlierIsCut(t *testing.T) {
	y := []float64{1, 2, 1, 2, 1000, 1, 2, 1, 2, 1}
	lines := named(drawn(t, one(counting(10), y)), "polyline")
	if len(lines) != 2 {
		t.Fatalf("%d pieces, want 2", len(lines))
	}
	_, first := points(t, lines[0])
	_, second := points(t, lines[1])
	if first[len(first)-1] != 0 || second[0] != 0 || len(first) != 5 || len(second) != 6 {
		t.Errorf("pieces %v and %v, want both to end at the top", first, second)
	}
}

// TestLogarithmic: equal factors are equally far apart, at powers of ten.
func TestLogarithmic(t *testing.T) {
	x := values(8, func(i int) float64 { return math.Pow(10, float64(i-6)) })
	r := one(x, counting(8))
	r.Charts[0].X.Log = true
	all := drawn(t, r)
	at, _ := points(t, named(all, "polyline")[0])
	for i := 2; i < len(at); i++ {
		if math.Abs(at[i]-at[i-1]-at[1]+at[0]) > 0.21 {
			t.Errorf("places %v, want equal distances", at)
		}
	}
	for _, want := range []string{"1e-6", "0.001", "10"} {
		if !slices.Contains(texts(all), want) {
			t.Errorf("no %s among %q", want, texts(all))
		}
	}
	r = one([]float64{0.01, 0.04, 0}, []float64{1, 2, 3})
	r.Charts[0].X.Log = true
	if all := texts(drawn(t, r)); !slices.Contains(all, "0.02") || !slices.Contains(all, "1 point has no place on the axes") {
		t.Errorf("%q, want 0.02 between powers, and that 0 has no place", all)
	}
}

// TestLegend: the names stand above the frame, in as many lines as they need, and one that is
// too long is there for those who point to it.
func TestLegend(t *testing.T) {
	long := strings.Repeat("a long name ", 20)
	var c Chart
	for i, name := range []string{"training", "validation", "under attack", "another name", "and another", "and one more", "", long} {
		c.Lines = append(c.Lines, Line{Name: name, X: counting(2), Y: counting(2), Style: Style{Color: i}})
	}
	p := newPanel(c, panelWidth)
	for _, line := range p.legend {
		end := 0.0
		for _, e := range line {
			if e.x < end {
				t.Errorf("%q begins at %g, want %g or more", e.line.Name, e.x, end)
			}
			if end = e.x + swatch + width(fitted(e.line.Name, e.room)); end > panelWidth {
				t.Errorf("%q ends at %g of %g", e.line.Name, end, panelWidth)
			}
		}
	}
	if n := len(p.legend); n < 3 || p.head() < float64(n)*lineHeight {
		t.Errorf("%d lines in %g", n, p.head())
	}
	all := drawn(t, Row{Charts: []Chart{c}})
	if titles := named(all, "title"); !slices.ContainsFunc(titles, func(e element) bool { return e.text == long }) {
		t.Error("no title has the long name")
	}
}

// TestChoices: names that have no room beside each other stand below each other.
func TestChoices(t *testing.T) {
	names := []string{"none", "shift=0.1,rotate=10", "shift=0.2,rotate=15,elastic", "crop"}
	c := Chart{X: Axis{Name: "augment", Choices: names}, Lines: []Line{{X: []float64{0, 3}, Y: []float64{1, 2}, Style: Style{Stroke: Unjoined, Mark: Cross}}}}
	p := newPanel(c, panelWidth)
	p.place(30)
	ends := map[int]float64{}
	for _, l := range p.below {
		half := width(l.label) / 2
		if l.middle-half < ends[l.line] || l.middle+half > panelWidth {
			t.Errorf("%q from %g to %g, behind %g", l.label, l.middle-half, l.middle+half, ends[l.line])
		}
		ends[l.line] = l.middle + half
	}
	if len(p.below) != len(names) || p.lines < 2 {
		t.Errorf("%d names in %d lines, want all", len(p.below), p.lines)
	}
	if all := drawn(t, Row{Charts: []Chart{c}}); len(named(all, "polyline")) != 0 {
		t.Error("marks are joined")
	}
}

// TestText: text is text, whatever is in it, and colours are there for both grounds.
func TestText(t *testing.T) {
	const hostile = "</text><script>\x00\xff\"'&"
	var b strings.Builder
	row := Row{Title: hostile, Key: []Line{{Name: hostile}}, Charts: []Chart{{Title: hostile, X: Axis{Name: hostile, Choices: []string{hostile}}, Y: Axis{Name: hostile}, Lines: []Line{{Name: hostile, X: []float64{0}, Y: []float64{1}}}}}}
	if err := Write(&b, row); err != nil {
		t.Fatal(err)
	}
	all := parsed(t, b.String())
	if len(named(all, "script")) > 0 || len(named(all, "text")) < 6 {
		t.Errorf("%d scripts and %d texts", len(named(all, "script")), len(named(all, "text")))
	}
	style := named(all, "style")
	if len(style) != 1 || !strings.Contains(style[0].text, "prefers-color-scheme: dark") {
		t.Errorf("styles %v, want one for the dark", style)
	}
	for i := range Colors {
		if !strings.Contains(CSS, ".c-"+strconv.Itoa(i)+" ") {
			t.Errorf("color %d has no dark one", i)
		}
	}
	inline, err := Inline(row.Charts[0])
	if err != nil {
		t.Fatal(err)
	}
	if all := parsed(t, inline); all[0].attr["width"] != "" || len(named(all, "style")) > 0 || len(named(all, "rect")) > 0 {
		t.Errorf("an inline chart has a width, a style or a ground: %.300s", inline)
	}
}

// TestRows: the frames of a drawing are in line, and nothing is outside it.
func TestRows(t *testing.T) {
	a, b := one(counting(5), counting(5)).Charts[0], one(counting(5), values(5, func(i int) float64 { return 1e5 * float64(i) })).Charts[0]
	b.Title = "a title"
	all := drawn(t, Row{Title: "first", Charts: []Chart{a, b}, Key: a.Lines}, Row{Charts: []Chart{b}}, Row{Key: a.Lines})
	starts := map[string]int{}
	for _, l := range named(all, "line") {
		if l.attr["class"] == "c-edge" && l.attr["y1"] == l.attr["y2"] {
			starts[l.attr["x1"]]++
		}
	}
	if len(starts) != 1 {
		t.Errorf("frames begin at %v, want one place", starts)
	}
	high, err := strconv.ParseFloat(all[0].attr["height"], 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range named(all, "text") {
		if y, err := strconv.ParseFloat(e.attr["y"], 64); err != nil || y > high-2 {
			t.Errorf("%q at %g of %g", e.text, y, high)
		}
	}
}

func TestEmpty(t *testing.T) {
	for name, rows := range map[string][]Row{"no rows": nil, "no lines": {{Charts: []Chart{{}}}}, "no points": {one(nil, nil)}} {
		if all := drawn(t, rows...); len(named(all, "svg")) != 1 {
			t.Errorf("%s: %v", name, all)
		}
	}
	want := `chart: line "training": 2 and 1 coordinates, want equally many`
	if err := Write(io.Discard, one(counting(2), counting(1))); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
