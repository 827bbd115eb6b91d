package program

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

// trainingCase is a small program with gradients, in either precision.
type trainingCase[T cpu.Float] struct {
	name string
	make func(n *net[T]) []*Value[T]
}

// backward are the gradients of what y is made of, y being the last of the results. The
// gradient of y is a bound tensor, as planes.
func (n *net[T]) backward(y *Value[T], more ...*Value[T]) []*Value[T] {
	return append(append(n.gradients(y, n.bind("dy", 1, y.Shape...)), more...), y)
}

// padded appends channels of zeros.
func (n *net[T]) padded(x *Value[T], channels int) *Value[T] {
	pixels := elements(x.Shape[2:])
	k := &kernel.PadChannels[T]{N: x.Shape[0], From: x.Shape[1] * pixels, To: channels * pixels}
	return n.Add("PadChannels", k, []int{x.Shape[0], channels, x.Shape[2], x.Shape[3]}, x)
}

// layBackCases show which layouts values and gradients get in training, and where they
// are turned.
func layBackCases[T cpu.Float]() []trainingCase[T] {
	three := convolution{filters: 16, kernel: 3}
	return []trainingCase[T]{
		{"pictures are taken as they are", func(n *net[T]) []*Value[T] {
			return n.backward(n.relu(n.conv(n.input(2, 3, 8, 8), three)))
		}},
		{"no reader of a lonely convolution", func(n *net[T]) []*Value[T] {
			return n.backward(n.conv(n.relu(n.input(2, 16, 8, 8)), three))
		}},
		{"pixel by pixel on planes", func(n *net[T]) []*Value[T] {
			x := n.input(2, 16, 8, 8)
			return n.backward(n.pool(n.add(n.relu(x), x), false, 2, 2))
		}},
		{"border of the next filters", func(n *net[T]) []*Value[T] {
			a := n.conv(n.relu(n.conv(n.input(2, 3, 8, 8), three)), three)
			return n.backward(n.relu(n.conv(a, convolution{filters: 8, kernel: 5})))
		}},
		{"residual", func(n *net[T]) []*Value[T] {
			x := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			return n.backward(n.relu(n.add(n.conv(n.relu(n.conv(x, three)), three), x)))
		}},
		{"value and gradient turned", func(n *net[T]) []*Value[T] {
			x := n.relu(n.input(2, 16, 8, 8)) // planes, of which a sum wants pixels
			return n.backward(n.relu(n.add(n.conv(x, three), x)))
		}},
		{"product of both layouts", func(n *net[T]) []*Value[T] {
			x := n.input(2, 16, 8, 8)
			return n.backward(n.product(n.curve("Sigmoid", vector.Sigmoid, n.conv(x, three)), x))
		}},
		{"planes in the middle", func(n *net[T]) []*Value[T] {
			n.training = true
			a := n.relu(n.norm(n.relu(n.conv(n.input(2, 3, 8, 8), three))))
			return n.backward(n.relu(n.conv(a, three)))
		}},
		{"readers of both layouts", func(n *net[T]) []*Value[T] {
			n.training = true
			a := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			return n.backward(n.add(n.norm(a), n.conv(a, three)))
		}},
		{"three readers", func(n *net[T]) []*Value[T] { // whose three gradients are added up in one
			a := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			b := n.add(n.conv(a, three), n.pool(a, true, 3, 1))
			return n.backward(n.product(b, a))
		}},
		{"results in the middle", func(n *net[T]) []*Value[T] {
			a := n.conv(n.input(2, 3, 8, 8), three)
			b := n.relu(a)
			return n.backward(n.relu(n.conv(b, three)), a, b, b)
		}},
		{"flattened", func(n *net[T]) []*Value[T] {
			a := n.pool(n.relu(n.conv(n.input(2, 3, 8, 8), three)), false, 2, 2)
			return n.backward(n.dense(n.flat(a), 10))
		}},
		{"another shape in between", func(n *net[T]) []*Value[T] {
			a := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			return n.backward(n.relu(n.conv(n.View(a, []int{2, 64, 4, 4}), three)))
		}},
		{"the same shape in between", func(n *net[T]) []*Value[T] {
			a := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			v := n.View(a, a.Shape)
			return n.backward(n.relu(n.add(n.conv(v, three), a)), v)
		}},
		{"one channel", func(n *net[T]) []*Value[T] {
			a := n.relu(n.conv(n.input(2, 1, 8, 8), convolution{filters: 1, kernel: 3}))
			return n.backward(n.pool(n.relu(n.conv(a, convolution{filters: 1, kernel: 3})), true, 2, 2))
		}},
		{"shortcut without weights", func(n *net[T]) []*Value[T] {
			a := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			b := n.conv(a, convolution{filters: 20, kernel: 3, stride: 2})
			return n.backward(n.relu(n.add(b, n.padded(n.pool(a, true, 1, 2), 20))))
		}},
		{"channels of planes padded", func(n *net[T]) []*Value[T] {
			return n.backward(n.relu(n.conv(n.padded(n.input(2, 3, 8, 8), 8), three)))
		}},
		{"poolings", func(n *net[T]) []*Value[T] {
			a := n.pool(n.relu(n.conv(n.input(2, 3, 8, 8), three)), false, 3, 1)
			return n.backward(n.mean(n.relu(n.conv(n.pool(a, false, 2, 2), three))))
		}},
		{"a block of one kernel", func(n *net[T]) []*Value[T] {
			return n.backward(n.relu(n.conv(n.block(n.block(n.input(2, 3, 8, 8), 16), 8), three)))
		}},
		{"residual blocks of one kernel", func(n *net[T]) []*Value[T] {
			a := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			b := n.shortcut(n.relu(n.conv(a, three)), a)
			return n.backward(n.relu(n.conv(n.shortcut(n.relu(n.conv(b, three)), b), three)))
		}},
		{"groups", func(n *net[T]) []*Value[T] {
			a := n.relu(n.conv(n.input(2, 16, 8, 8), convolution{filters: 16, kernel: 3, groups: 4}))
			return n.backward(n.relu(n.conv(a, convolution{filters: 16, kernel: 3, groups: 16})))
		}},
		{"joined channels", func(n *net[T]) []*Value[T] {
			a := n.relu(n.conv(n.input(2, 3, 8, 8), three))
			return n.backward(n.relu(n.conv(n.concat(a, n.relu(n.conv(a, three))), three)))
		}},
		{"the same operand twice", func(n *net[T]) []*Value[T] {
			a := n.conv(n.input(2, 3, 8, 8), convolution{filters: 20, kernel: 3})
			b := n.product(a, a)
			return n.backward(n.relu(n.add(b, b)))
		}},
		{"gradient that filters read too", func(n *net[T]) []*Value[T] {
			a := n.conv(n.input(2, 3, 8, 8), three)
			y := n.relu(n.conv(a, three))
			return append(n.gradients(y, a), y)
		}},
		{"infinite derivative at zero", func(n *net[T]) []*Value[T] {
			a := n.curve("Sigmoid", vector.Sigmoid, n.conv(n.input(2, 3, 8, 8), convolution{filters: 20, kernel: 3}))
			return n.backward(n.curve("Sqrt", vector.Sqrt, a))
		}},
	}
}

// borders are those of layouts, as printed.
var borders = regexp.MustCompile(`\+\d+,\d+,\d+,\d+`)

// TestLayBack compares with the golden files. In plain Go convolutions unroll their
// images, for which they want no border: there all is compared but the borders.
func TestLayBack(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		for _, c := range layBackCases[float32]() {
			t.Run(c.name, func(t *testing.T) {
				got := passCase(c).printed(Options{Unplaced: true})
				if cpu.Active() > cpu.TierGo {
					checkGolden(t, "layback", c.name, got)
					return
				}
				if *update {
					return // the other tiers write the files
				}
				golden, err := os.ReadFile(goldenFile("layback", c.name))
				if err != nil {
					t.Fatal(err)
				}
				if want := borders.ReplaceAllString(string(golden), ""); borders.ReplaceAllString(got, "") != want {
					t.Errorf("got\n%swant, but for borders,\n%s", got, want)
				}
			})
		}
	})
}

// TestLayBackChangesNothing: what the programs above compute is what they compute on
// planes, whatever memory holds before.
func TestLayBackChangesNothing(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testLayBackChangesNothing[float32](t, 2e-5) })
	t.Run("float64", func(t *testing.T) { testLayBackChangesNothing[float64](t, 1e-9) })
}

func testLayBackChangesNothing[T cpu.Float](t *testing.T, bound float64) {
	for _, c := range layBackCases[T]() {
		t.Run(c.name, func(t *testing.T) {
			plain := newNet[T](1)
			want := plain.run(t, c.make(plain), Options{NoLayout: true, Unplaced: true})
			for _, o := range []Options{{}, {Unplaced: true}} {
				laid := newNet[T](1)
				got := laid.run(t, c.make(laid), o)
				for i := range want {
					if at := far(got[i], want[i], bound); at >= 0 {
						t.Errorf("%+v: element %d of result %d is %v, want %v in\n%s", o, at, i, got[i][at], want[i][at], laid.String())
					}
				}
			}
		})
	}
}

// TestTrainingLayouts: in programs at random gradients lie as the values do that they
// belong to, without a border, backward steps read what their forward steps read, and
// no value is turned twice.
func TestTrainingLayouts(t *testing.T) {
	last := 0
	for seed := range uint64(programs()) {
		n, results := randomTraining[float32](seed)
		n.Compile(results, Options{})
		forward, turned := map[Kernel[float32]]*Step[float32]{}, map[string]bool{}
		for _, s := range n.steps {
			if s.Dy == nil {
				forward[s.Kernel] = s
				if s.Name == "Turn" {
					key := fmt.Sprintf("%p %v %d", s.In[0], s.Out.Layout.Last, s.Out.Layout.Stride)
					if turned[key] {
						t.Errorf("seed %d: a value is turned twice in\n%s", seed, n.String())
					}
					turned[key] = true
				}
				continue
			}
			f := forward[s.Kernel]
			if s.Dy.Layout != f.Out.Layout.Unbordered() || !slices.Equal(s.In, f.In) {
				t.Errorf("seed %d: %s gives %v and has the gradient %v in\n%s", seed, f.Name, f.Out.Layout, s.Dy.Layout, n.String())
			}
			for i, d := range s.DIn {
				if d != nil && d.Layout != s.In[i].Layout.Unbordered() {
					t.Errorf("seed %d: operand %d of %s is %v and its gradient %v in\n%s", seed, i, f.Name, s.In[i].Layout, d.Layout, n.String())
				}
				if d != nil && d.Layout.Last {
					last++
				}
			}
		}
	}
	if last == 0 {
		t.Error("no gradient lies channels last")
	}
}
