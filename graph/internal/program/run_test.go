package program

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// failing is a kernel that panics, or takes its time.
type failing struct {
	message any
	pause   time.Duration
}

func (f *failing) Forward(y []float32, in [][]float32) {
	if f.message != nil {
		panic(f.message)
	}
	time.Sleep(f.pause)
	copy(y, in[0])
}

func (f *failing) Backward([][]float32, []float32, [][]float32) {}

// TestRunErrors: a panic of a kernel, or of what reads a bound tensor, is an error that
// names the step; the next run is a new one.
func TestRunErrors(t *testing.T) {
	n := newNet[float32](1)
	x, k, missing := n.bind("x", 1, 2, 3), &failing{}, false
	bound := n.Bind("bound", []int{2, 3}, false, func() []float32 {
		if missing {
			panic("no tensor")
		}
		return make([]float32, 6)
	})
	y := n.relu(n.add(n.Add("Failing", k, x.Shape, x), bound))
	n.Compile(results(y), Options{Inference: true})
	for _, test := range []struct {
		message any
		missing bool
		want    string
	}{{nil, false, ""}, {"bad label", false, "Failing: bad label"}, {nil, true, "Add: no tensor"}, {nil, false, ""}} {
		k.message, missing = test.message, test.missing
		got := ""
		if err := n.Run(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("panic %v, missing %v: error %q, want %q", test.message, test.missing, got, test.want)
		}
	}
}

// TestTimes: a watched run takes the time of each step. A step that does several ops'
// work has their marks, the last op's first.
func TestTimes(t *testing.T) {
	n := newNet[float32](1)
	x := n.input(1, 8, 4, 4)
	a := n.Program.Add("Slow", "first", &failing{pause: 20 * time.Millisecond}, x.Shape, x)
	b := n.conv(a, convolution{filters: 16})
	n.Compile(results(n.relu(b)), Options{Inference: true})
	took := func() (slow time.Duration, names []string) {
		if err := n.Run(); err != nil {
			t.Fatal(err)
		}
		for s, d := range n.Times() {
			if names = append(names, s.Name); s.Name == "Slow" {
				slow = d
			}
			if s.Name == "Conv2d+ReLU" && len(s.Marks) != 2 {
				t.Errorf("%s has %d marks, want 2", s.Name, len(s.Marks))
			}
			if want := 4 * (8*16 + 8*16); s.Name == "Slow" && (s.Bytes() != want || !slices.Equal(s.Marks, []any{"first"})) {
				t.Errorf("%s moves %d bytes and has the marks %v, want %d and its own", s.Name, s.Bytes(), s.Marks, want)
			}
		}
		return slow, names
	}
	if slow, _ := took(); slow != 0 {
		t.Errorf("the step took %v in a run that nobody watched", slow)
	}
	n.Watch(true)
	slow, names := took()
	if slow < 20*time.Millisecond {
		t.Errorf("the step took %v, want 20 ms or more", slow)
	}
	if got, want := strings.Join(names, ", "), "Slow, Turn, Conv2d+ReLU, Turn"; got != want {
		t.Errorf("steps %s, want %s", got, want)
	}
	n.Watch(false)
	if again, _ := took(); again != slow {
		t.Errorf("the step took %v in a run that nobody watched, want the last watched one's %v", again, slow)
	}
}

// TestBoundData: Data of a bound tensor is the tensor.
func TestBoundData(t *testing.T) {
	n := newNet[float64](1)
	data := []float64{1, 2, 3}
	x := n.Bind("x", []int{3}, false, func() []float64 { return data })
	y := n.relu(x)
	n.Compile([]*Value[float64]{y, x}, Options{})
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	if &x.Data()[0] != &data[0] || !slices.Equal(y.Data(), data) {
		t.Errorf("x is %v and y %v, want both %v, x the tensor itself", x.Data(), y.Data(), data)
	}
}
