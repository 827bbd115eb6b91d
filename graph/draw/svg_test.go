package draw_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/draw"
)

// branched has a branch within a branch, and a sum of four.
func branched() graph.Layer {
	same := graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same, Activation: graph.ReLU}
	return graph.Sequential{
		same,
		graph.Residual{
			Body:     graph.Sequential{same, graph.Residual{Body: graph.Sequential{same, graph.BatchNorm{}}}, same},
			Shortcut: graph.Conv2D{Filters: 4, Kernel: 1},
		},
		graph.Concat{same, graph.Sequential{same, same}, graph.Conv2D{Filters: 2, Kernel: 1}, graph.Sequential{}},
		graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Unary(gorgonia.Tanh, x) }),
		graph.Flatten{},
		graph.Dense{Units: 3},
	}
}

// rect is a box of a drawing, and text the text that follows it.
type rect struct {
	x, y, w, h float64
	text       string
}

func (r rect) String() string {
	return fmt.Sprintf("%q (%g,%g) to (%g,%g)", r.text, r.x, r.y, r.x+r.w, r.y+r.h)
}

func (r rect) overlaps(o rect) bool {
	return r.x < o.x+o.w && o.x < r.x+r.w && r.y < o.y+o.h && o.y < r.y+r.h
}

func (r rect) inside(o rect) bool {
	return r.x >= o.x && r.x+r.w <= o.x+o.w && r.y >= o.y && r.y+r.h <= o.y+o.h
}

// rects parses a drawing: the whole picture, its boxes and its frames. Frames
// are the boxes with rx="4".
func rects(t *testing.T, svg string) (all rect, boxes, frames []rect) {
	t.Helper()
	var last *rect
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return all, boxes, frames
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.CharData:
			if text := strings.TrimSpace(string(e)); last != nil && text != "" {
				last.text, last = text, nil
			}
		case xml.StartElement:
			a := map[string]string{}
			number := func(name string) float64 { v, _ := strconv.ParseFloat(a[name], 64); return v }
			for _, attr := range e.Attr {
				a[attr.Name.Local] = attr.Value
			}
			r := rect{number("x"), number("y"), number("width"), number("height"), ""}
			switch {
			case e.Name.Local == "svg":
				all = r
			case e.Name.Local == "rect" && a["rx"] == "4":
				frames = append(frames, r)
				last = &frames[len(frames)-1]
			case e.Name.Local == "rect" && a["rx"] != "":
				boxes = append(boxes, r)
				last = &boxes[len(boxes)-1]
			}
		}
	}
}

// TestSVG holds that a drawing has a box for all that DOT has, each by itself
// and within the picture, and that each frame is a layer's and holds some.
func TestSVG(t *testing.T) {
	for name, l := range map[string]graph.Layer{"small CNN": smallCNN(), "branches": branched()} {
		for _, o := range []graph.Options{{}, {NoFusion: true}} {
			for _, mode := range []graph.Mode{graph.Train, graph.Infer} {
				t.Run(fmt.Sprintf("%s/%v/unfused=%t", name, mode, o.NoFusion), func(t *testing.T) {
					m := build(t, o, l, mode, 2, 1, 8, 8)
					checkDrawing(t, m)
				})
			}
		}
	}
}

func checkDrawing(t *testing.T, m *graph.Model) {
	t.Helper()
	svg, dot := draw.SVG(m.Nodes()), draw.DOT(m.Nodes())
	all, boxes, frames := rects(t, svg)
	if want := strings.Count(dot, "[shape="); len(boxes) != want {
		t.Errorf("%d boxes, want %d as in\n%s", len(boxes), want, dot)
	}
	if want := strings.Count(dot, "[label="); strings.Count(svg, "marker-end") != want {
		t.Errorf("%d arrows, want %d as in\n%s", strings.Count(svg, "marker-end"), want, dot)
	}
	layers := map[string]bool{}
	for _, l := range m.Layers() {
		layers[l.Path] = true
	}
	for i, b := range boxes {
		if !b.inside(all) || b.text == "" {
			t.Errorf("box %v in a picture %v", b, all)
		}
		for _, other := range boxes[:i] {
			if b.overlaps(other) {
				t.Errorf("%v and %v overlap", b, other)
			}
		}
	}
	for i, f := range frames {
		held := 0
		for _, b := range boxes {
			if b.inside(f) {
				held++
			} else if b.overlaps(f) {
				t.Errorf("box %v is half in frame %v", b, f)
			}
		}
		if held == 0 || !layers[f.text] || !f.inside(all) {
			t.Errorf("frame %v holds %d boxes of the layers %v", f, held, layers)
		}
		for _, other := range frames[:i] {
			if f.overlaps(other) {
				t.Errorf("frames %v and %v overlap", f, other)
			}
		}
	}
}

func TestSVGIsTheSameEachTime(t *testing.T) {
	want := ""
	for range 10 {
		got := draw.SVG(build(t, graph.Options{}, branched(), graph.Eval, 2, 1, 8, 8).Nodes())
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatal("two drawings of one network differ")
		}
	}
}
