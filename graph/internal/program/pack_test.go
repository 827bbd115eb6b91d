package program

import (
	"slices"
	"testing"
)

// recorder is a kernel that notes what the program tells it.
type recorder struct {
	prepares    []int
	fixed       bool
	forwardOnly []bool
	runs        int
}

func (r *recorder) Forward(y []float32, in [][]float32)          { r.runs++; copy(y, in[0]) }
func (r *recorder) Backward([][]float32, []float32, [][]float32) {}
func (r *recorder) Prepares() []int                              { return r.prepares }
func (r *recorder) Fix()                                         { r.fixed = true }
func (r *recorder) ForwardOnly(on bool)                          { r.forwardOnly = append(r.forwardOnly, on) }

// TestPack: a kernel is told of fixed operands if all that it prepares are fixed.
func TestPack(t *testing.T) {
	for _, test := range []struct {
		name        string
		prepares    []int
		x, w, other bool // which operands are fixed
		view        bool // whether w comes as a view
		want        bool
	}{
		{"weights", []int{1}, false, true, false, false, true},
		{"weights that change", []int{1}, false, false, true, false, false},
		{"one of two changes", []int{1, 2}, false, true, false, false, false},
		{"two", []int{1, 2}, false, true, true, false, true},
		{"a view of weights", []int{1}, false, true, false, true, true},
		{"the image is prepared too", []int{0, 1}, false, true, true, false, false},
		{"nothing is prepared", nil, false, false, false, false, true},
	} {
		n := newNet[float32](1)
		operand := func(name string, fixed bool) *Value[float32] {
			n.fixed = fixed
			return n.bind(name, 1, 2, 3)
		}
		x, w, other := operand("x", test.x), operand("w", test.w), operand("other", test.other)
		if test.view {
			w = n.View(w, []int{3, 2})
		}
		r := &recorder{prepares: test.prepares}
		n.Compile(results(n.Add("Recorder", r, x.Shape, x, w, other)), Options{Inference: true})
		if r.fixed != test.want {
			t.Errorf("%s: told so %v, want %v", test.name, r.fixed, test.want)
		}
	}
}

// TestOnce: a step whose operands are all fixed runs once, and what it gives is fixed;
// nobody else writes to its memory.
func TestOnce(t *testing.T) {
	n := newNet[float32](1)
	n.fixed = true
	w := n.bind("w", 1, 2, 3)
	n.fixed = false
	x := n.bind("x", 1, 2, 3)
	first, second, third := &recorder{}, &recorder{}, &recorder{prepares: []int{1}}
	a := n.Add("First", first, w.Shape, w)
	b := n.Add("Second", second, w.Shape, n.View(a, []int{3, 2}))
	c := n.Add("Third", third, w.Shape, x, b)
	n.Compile(results(n.relu(n.relu(c))), Options{Inference: true})
	for range 3 {
		n.spoil()
		if err := n.Run(); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := []int{first.runs, second.runs, third.runs}, []int{1, 1, 3}; !slices.Equal(got, want) {
		t.Errorf("the kernels ran %v times, want %v", got, want)
	}
	if !third.fixed {
		t.Error("the third kernel does not know that the second's result is fixed")
	}
	if !slices.Equal(b.Data(), w.Data()) {
		t.Errorf("after three runs the fixed result is %v, want %v", b.Data(), w.Data())
	}
}

// TestForget: a kernel knows whether a Backward follows its Forward.
func TestForget(t *testing.T) {
	for _, backward := range []bool{false, true} {
		n := newNet[float32](1)
		x := n.bind("x", 1, 2, 3)
		r := &recorder{}
		y := n.Add("Recorder", r, x.Shape, x)
		results := results(y)
		if backward {
			results = append(results, n.Gradient("RecorderGrad", nil, r, []*Value[float32]{x}, y, []bool{true}, false)...)
		}
		n.Compile(results, Options{})
		if len(r.forwardOnly) == 0 || r.forwardOnly[0] == backward {
			t.Errorf("backward %v: told ForwardOnly %v", backward, r.forwardOnly)
		}
	}
}

// TestFixedBits: fixed weights change no bit of a result.
func TestFixedBits(t *testing.T) {
	for seed := range uint64(programs() / 4) {
		free, results := randomNet[float32](seed, false)
		want := free.run(t, results, Options{Inference: true})
		fixed, results := randomNet[float32](seed, true)
		got := fixed.run(t, results, Options{Inference: true})
		for i := range want {
			if at := far(got[i], want[i], 0); at >= 0 {
				t.Fatalf("seed %d: element %d of result %d is %v, want %v in\n%s", seed, at, i, got[i][at], want[i][at], fixed.String())
			}
		}
	}
}
