package draw_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/draw"
	"tapenet/graph/graphtest"
	"tapenet/modelzoo"
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

// rect is a box of a drawing, and text the first text that follows it.
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

// picture is a drawing that was parsed.
type picture struct {
	all           rect
	boxes, frames []rect
	arrows        []string // what their paths say
	text          string   // all of it, a line each
}

func parsed(t *testing.T, svg string) (p picture) {
	t.Helper()
	var wants *rect // a text
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.CharData:
			if text := strings.TrimSpace(string(e)); text != "" && !strings.HasPrefix(text, "@media") {
				p.text += text + "\n"
				if wants != nil {
					wants.text, wants = text, nil
				}
			}
		case xml.StartElement:
			at := map[string]string{}
			for _, a := range e.Attr {
				at[a.Name.Local] = a.Value
			}
			number := func(name string) float64 {
				v, err := strconv.ParseFloat(at[name], 64)
				if err != nil {
					t.Fatalf("%s of <%s>: %v", name, e.Name.Local, err)
				}
				return v
			}
			switch kind := at["class"]; {
			case e.Name.Local == "svg":
				p.all = rect{w: number("width"), h: number("height")}
			case e.Name.Local == "rect" && kind == "d-frame":
				p.frames = append(p.frames, rect{x: number("x"), y: number("y"), w: number("width"), h: number("height")})
				wants = &p.frames[len(p.frames)-1]
			case e.Name.Local == "rect" && kind != "d-ground":
				p.boxes = append(p.boxes, rect{x: number("x"), y: number("y"), w: number("width"), h: number("height")})
				wants = &p.boxes[len(p.boxes)-1]
			case at["marker-end"] != "":
				p.arrows = append(p.arrows, at["d"])
			}
		}
	}
}

// TestSVG holds that what a drawing has stands by itself and within the picture, and that each frame is a
// layer's and holds some.
func TestSVG(t *testing.T) {
	for name, l := range map[string]graph.Layer{"small CNN": smallCNN(), "branches": branched()} {
		for _, o := range []graph.Options{{}, {NoFusion: true}} {
			for _, mode := range []graph.Mode{graph.Train, graph.Infer} {
				t.Run(fmt.Sprintf("%s/%v/unfused=%t", name, mode, o.NoFusion), func(t *testing.T) {
					m := build(t, o, l, mode, 2, 1, 8, 8)
					p := parsed(t, draw.SVG(m.Nodes()))
					p.check(t)
					for _, f := range p.frames {
						if f.text != "residual" && f.text != "concat" {
							t.Errorf("frame %v, want one for each layer of others", f)
						}
					}
					for _, text := range []string{"input (2, 1, 8, 8)\n", "Conv2d", "ReLU", "weight (4, 1, 3, 3)\n", "bias (3)\n", "(2, 4, 8, 8)\n", "dense\n"} {
						if !strings.Contains(p.text, text) {
							t.Errorf("no %q among\n%s", text, p.text)
						}
					}
					for _, text := range []string{"gamma", "variance", "times", "Sequence", "Grad"} {
						if strings.Contains(p.text, text) {
							t.Errorf("%q among\n%s", text, p.text)
						}
					}
				})
			}
		}
	}
}

func (p picture) check(t *testing.T) {
	t.Helper()
	for i, b := range p.boxes {
		if !b.inside(p.all) || b.text == "" {
			t.Errorf("box %v in a picture %v", b, p.all)
		}
		for _, other := range p.boxes[:i] {
			if b.overlaps(other) {
				t.Errorf("%v and %v overlap", b, other)
			}
		}
	}
	for i, f := range p.frames {
		held := 0
		for _, b := range p.boxes {
			if b.inside(f) {
				held++
			} else if b.overlaps(f) {
				t.Errorf("box %v is half in frame %v", b, f)
			}
		}
		if held == 0 || !f.inside(p.all) {
			t.Errorf("frame %v holds %d boxes", f, held)
		}
		for _, other := range p.frames[:i] {
			if f.overlaps(other) {
				t.Errorf("frames %v and %v overlap", f, other)
			}
		}
	}
	for _, a := range p.arrows {
		checkArrow(t, a)
	}
}

// checkArrow holds that an arrow's last piece goes straight down or to the right, and is long enough to
// turn its head there.
func checkArrow(t *testing.T, path string) {
	t.Helper()
	at := strings.LastIndexAny(path, "VH")
	before := strings.FieldsFunc(path[:max(at, 0)], func(r rune) bool { return strings.ContainsRune("MVHC, ", r) })
	if at < 0 || len(before) == 0 {
		t.Errorf("arrow %s, want a straight end", path)
		return
	}
	to, err1 := strconv.ParseFloat(path[at+1:], 64)
	from := before[len(before)-1] // y; or x of an arrow that is M x,y H x
	if path[at] == 'H' {
		from = before[0]
	}
	was, err2 := strconv.ParseFloat(from, 64)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if to-was < 8 {
		t.Errorf("arrow %s ends with %g pixels, want 8 for its head", path, to-was)
	}
}

// TestArrows: heads point along their arrows, also into ops that have no tensors.
func TestArrows(t *testing.T) {
	l := graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 3, Activation: graph.ReLU}, graph.MaxPool2D{}, graph.Flatten{}, graph.Dense{Units: 3}}
	p := parsed(t, draw.SVG(build(t, graph.Options{NoFusion: true}, l, graph.Infer, 1, 1, 8, 8).Nodes()))
	if len(p.arrows) != 6 {
		t.Errorf("%d arrows, want one into each of four boxes and two from tensors", len(p.arrows))
	}
	p.check(t)
}

// TestDeep: a deep network is a page or two, and what repeats is drawn once.
func TestDeep(t *testing.T) {
	for _, tt := range []struct {
		name        string
		high, wide  float64
		has, hasNot []string
	}{
		{"cnn", 500, 500, nil, []string{"times"}},
		{"resnet20", 2000, 900, []string{"residual to residual_2: 3 times", "residual_3", "residual_4 to residual_5: 2 times", "residual_7 to residual_8: 2 times"}, []string{"variance"}},
		{"mobilenetv2", 4600, 700, []string{"residual_3 to residual_5: 3 times"}, nil},
		{"mlpmixer", 1500, 600, []string{"residual to residual_7: 4 times", "gamma (128)"}, nil},
		{"p4cnn", 1200, 600, []string{"weight (10, 40, 3, 3)"}, []string{"Rotate"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := modelzoo.Lookup(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			m := build(t, graph.Options{NoFusion: true}, spec.New(10), graph.Infer, 1, spec.Input[0], spec.Input[1], spec.Input[2])
			p := parsed(t, draw.SVG(m.Nodes()))
			p.check(t)
			if p.all.h > tt.high || p.all.w > tt.wide {
				t.Errorf("the drawing has %g×%g pixels, want at most %g×%g", p.all.w, p.all.h, tt.wide, tt.high)
			}
			for _, text := range tt.has {
				if !strings.Contains(p.text, text+"\n") {
					t.Errorf("no %q among\n%s", text, p.text)
				}
			}
			for _, text := range tt.hasNot {
				if strings.Contains(p.text, text) {
					t.Errorf("%q among\n%s", text, p.text)
				}
			}
		})
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

// TestSVGGolden: the drawing of a small network, to be looked at when it changes.
func TestSVGGolden(t *testing.T) {
	m := build(t, graph.Options{NoFusion: true}, smallCNN(), graph.Infer, 2, 1, 8, 8)
	graphtest.Golden(t, *update, "small_cnn.svg", draw.SVG(m.Nodes()))
}
