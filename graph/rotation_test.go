package graph_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/graphtest"
)

// planes are images (N,C,H,W) of equal sides.
type planes struct {
	n, c, side int
	v          []float64
}

// at is a pixel, 0 outside.
func (p planes) at(n, c, row, column int) float64 {
	if row < 0 || row >= p.side || column < 0 || column >= p.side {
		return 0
	}
	return p.v[((n*p.c+c)*p.side+row)*p.side+column]
}

// turned are the images a quarter turn anticlockwise, each field's channels moved up
// by one quarter of the group.
func (p planes) turned(rotations int) planes {
	to := planes{p.n, p.c, p.side, make([]float64, len(p.v))}
	for i := range to.v {
		column, row, c, n := i%p.side, i/p.side%p.side, i/(p.side*p.side)%p.c, i/(p.side*p.side*p.c)
		from := c/rotations*rotations + (c%rotations+rotations-max(1, rotations/4)%rotations)%rotations
		to.v[i] = p.at(n, from, column, p.side-1-row)
	}
	return to
}

// double runs a layer on images in float64.
func doubled(t *testing.T, l graph.Layer, mode graph.Mode, w *graph.Weights, x planes) planes {
	t.Helper()
	m := build(t, graph.Options{Float64: true, Loss: graph.MSE{}, Weights: w, Seed: 5}, l, mode, x.n, x.c, x.side, x.side)
	copy(m.Input.Float64s(), x.v)
	run(t, m)
	s := m.OutputShape()
	y := planes{n: s[0], c: s[1], side: 1, v: append([]float64{}, m.Output().Float64s()...)}
	if len(s) == 4 {
		y.side = s[2]
	}
	return y
}

func noisePlanes(name string, n, c, side int) planes {
	return planes{n, c, side, graphtest.Random(name, 1, n, c, side, side).Float64s()}
}

func wantPlanes(t *testing.T, what string, got, want planes, within float64) {
	t.Helper()
	if got.n != want.n || got.c != want.c || got.side != want.side {
		t.Fatalf("%s: images (%d,%d,%d), want (%d,%d,%d)", what, got.n, got.c, got.side, want.n, want.c, want.side)
	}
	top := 0.0
	for _, v := range want.v {
		top = max(top, math.Abs(v))
	}
	if top == 0 {
		t.Fatalf("%s: nothing but zeros to compare with", what)
	}
	for i, w := range want.v {
		if d := math.Abs(got.v[i] - w); !(d <= within*top) {
			t.Fatalf("%s: element %d is %v, want %v, the largest being %g", what, i, got.v[i], w, top)
		}
	}
}

// equivariant is a network of every layer of fields, of images whose side is even.
func equivariant(rotations int, end ...graph.Layer) graph.Layer {
	return append(graph.Sequential{
		graph.LiftConv2D{Filters: 3, Kernel: 5, Rotations: rotations, Padding: graph.Pad(2)},
		graph.GroupBatchNorm{Rotations: rotations}, graph.ReLU,
		graph.MaxPool2D{},
		graph.GroupConv2D{Filters: 2, Kernel: 4, Rotations: rotations, BiasInit: graph.Ones, Padding: graph.Pad(1)},
		graph.MaxPool2D{Size: 2, Stride: 1},
		graph.BlurPool2D{Size: 3, Stride: 1, Padding: graph.Pad(1)},
		graph.GroupBatchNorm{Rotations: rotations}, graph.Tanh,
		graph.GroupConv2D{Filters: 3, Kernel: 3, Rotations: rotations},
	}, end...)
}

// TestQuarterTurns: a picture that is turned by a quarter gives the feature maps
// turned, their channels moved, and with all rotations and places pooled the same
// logits: in training, whose statistics move, and after it, in inference.
func TestQuarterTurns(t *testing.T) {
	for _, rotations := range []int{4, 8, 12, 16} {
		for _, mode := range []graph.Mode{graph.Train, graph.Infer} {
			t.Run(fmt.Sprint(rotations, mode), func(t *testing.T) {
				maps := equivariant(rotations)
				pooled := equivariant(rotations, graph.GroupMaxPool{Rotations: rotations})
				logits := equivariant(rotations, graph.GroupMaxPool{Rotations: rotations}, graph.GlobalAvgPool2D{}, graph.Dense{Units: 4})
				x := noisePlanes("turned", 2, 2, 12)
				for _, l := range []struct {
					name      string
					layer     graph.Layer
					rotations int
				}{{"feature maps", maps, rotations}, {"pooled maps", pooled, 1}, {"logits", logits, 1}} {
					w := &graph.Weights{}
					doubled(t, l.layer, graph.Train, w, noisePlanes("before", 2, 2, 12)) // moves the statistics
					picture, want := x, doubled(t, l.layer, mode, w, x)
					for quarters := 1; quarters < 4; quarters++ {
						picture, want = picture.turned(1), want.turned(l.rotations)
						got := doubled(t, l.layer, mode, &graph.Weights{From: w.Map()}, picture)
						wantPlanes(t, fmt.Sprintf("%s, %d quarters", l.name, quarters), got, want, 1e-9)
					}
				}
			})
		}
	}
}

// TestGroupConvAgainstLoops compares the convolutions with the formulas of their
// comments.
func TestGroupConvAgainstLoops(t *testing.T) {
	for _, tt := range []struct {
		layer                    graph.Layer
		fields, kernel, rotation int
		channels, from           int
		within                   float64
	}{
		{graph.LiftConv2D{Filters: 3, Kernel: 3, BiasInit: graph.GlorotUniform}, 3, 3, 4, 2, 1, 1e-12},
		{graph.LiftConv2D{Filters: 2, Kernel: 4, BiasInit: graph.GlorotUniform}, 2, 4, 4, 2, 1, 1e-12},
		{graph.GroupConv2D{Filters: 2, Kernel: 3, BiasInit: graph.GlorotUniform}, 2, 3, 4, 8, 4, 1e-12},
		{graph.LiftConv2D{Filters: 2, Kernel: 5, Rotations: 8, BiasInit: graph.GlorotUniform}, 2, 5, 8, 2, 1, 1e-6},
		{graph.GroupConv2D{Filters: 2, Kernel: 3, Rotations: 8, BiasInit: graph.GlorotUniform}, 2, 3, 8, 16, 8, 1e-6},
		{graph.GroupConv2D{Filters: 1, Kernel: 4, Rotations: 12, BiasInit: graph.GlorotUniform}, 1, 4, 12, 12, 12, 1e-6},
	} {
		t.Run(fmt.Sprintf("%T%d/%d", tt.layer, tt.kernel, tt.rotation), func(t *testing.T) {
			x, w := noisePlanes("loops", 2, tt.channels, 7), &graph.Weights{}
			got := doubled(t, tt.layer, graph.Infer, w, x)
			var weight, bias *tensor.Dense
			for name, value := range w.Map() {
				if strings.HasSuffix(name, "/bias") {
					bias = value
				} else {
					weight = value
				}
			}
			out := 7 - tt.kernel + 1
			want := planes{2, tt.fields * tt.rotation, out, nil}
			for n := range 2 {
				for f := range tt.fields {
					for r := range tt.rotation {
						for i := range out * out {
							sum := bias.Float64s()[f]
							for c := range tt.channels {
								from := c/tt.from*tt.from + ((c%tt.from-r)%tt.from+tt.from)%tt.from
								for u := range tt.kernel {
									for v := range tt.kernel {
										sum += filterAt(weight, f, from, tt.kernel, u, v, float64(r)/float64(tt.rotation)) * x.at(n, c, i/out+u, i%out+v)
									}
								}
							}
							want.v = append(want.v, sum)
						}
					}
				}
			}
			wantPlanes(t, "output", got, want, tt.within)
		})
	}
}

// filterAt is a pixel of a filter that is turned anticlockwise by a part of a full
// turn: one of its pixels, or a sum of circular harmonics there.
func filterAt(weight *tensor.Dense, f, c, kernel, u, v int, part float64) float64 {
	centre := float64(kernel-1) / 2
	y, x := centre-float64(u), float64(v)-centre
	if s := weight.Shape(); len(s) == 4 {
		sin, cos := math.Sincos(-2 * math.Pi * part)
		row, column := centre-(cos*y+sin*x), centre+cos*x-sin*y
		return weight.Float64s()[((f*s[1]+c)*kernel+int(math.Round(row)))*kernel+int(math.Round(column))]
	}
	s, sum, k := weight.Shape(), 0.0, 0
	share := func() float64 { k++; return weight.Float64s()[(f*s[1]+c)*s[2]+k-1] }
	for radius := centre - math.Floor(centre); radius <= centre; radius++ {
		ring := func(y, x float64) float64 {
			d := math.Sqrt(y*y+x*x) - radius
			return math.Exp(-d * d / (2 * 0.6 * 0.6))
		}
		squares := 0.0
		for i := range kernel * kernel {
			squares += math.Pow(ring(float64(i/kernel)-centre, float64(i%kernel)-centre), 2)
		}
		sum += share() * ring(y, x) / math.Sqrt(squares)
		angle := math.Atan2(y, x) - 2*math.Pi*part
		for m := 1; m <= int(2*radius); m++ {
			a, b := share(), share()
			if y != 0 || x != 0 {
				sum += (a*math.Cos(float64(m)*angle) + b*math.Sin(float64(m)*angle)) * ring(y, x) / math.Sqrt(squares/2)
			}
		}
	}
	return sum
}

// blobs are smooth pictures, as a camera sees them when the scene is turned
// anticlockwise by an angle.
func blobs(side int, angle float64) planes {
	p, centre := planes{1, 1, side, nil}, float64(side-1)/2
	sin, cos := math.Sincos(angle)
	for i := range side * side {
		y, x := centre-float64(i/side), float64(i%side)-centre
		y, x = cos*y-sin*x, sin*y+cos*x
		sum := 0.0
		for _, b := range [][4]float64{{3, 2, 1, 6}, {-2, 4, 0.7, 4}, {-3, -3, -0.8, 8}, {1, -5, 0.9, 4}} {
			sum += b[2] * math.Exp(-(math.Pow(y-b[0], 2)+math.Pow(x-b[1], 2))/b[3])
		}
		p.v = append(p.v, sum)
	}
	return p
}

// TestFineTurns measures how well finer turns are kept: the mean of each field's
// largest channel, whose values for a smooth picture at eight angles differ by so much
// of their mean. Eight rotations of harmonics keep it five times as well (0.7 %) as
// quarter turns of pixels (3.9 %).
func TestFineTurns(t *testing.T) {
	spread := func(rotations int) float64 {
		l := graph.Sequential{
			graph.LiftConv2D{Filters: 8, Kernel: 5, Rotations: rotations, Activation: graph.ReLU},
			graph.GroupConv2D{Filters: 8, Kernel: 5, Rotations: rotations, Activation: graph.ReLU},
			graph.GroupMaxPool{Rotations: rotations}, graph.GlobalAvgPool2D{},
		}
		w, sum, apart := &graph.Weights{}, 0.0, 0.0
		base := doubled(t, l, graph.Infer, w, blobs(29, 0))
		for k := 1; k < 8; k++ {
			y := doubled(t, l, graph.Infer, w, blobs(29, float64(k)*math.Pi/4))
			for i, v := range y.v {
				sum, apart = sum+math.Abs(base.v[i]), apart+math.Abs(v-base.v[i])
			}
		}
		return apart / sum
	}
	quarter, eighth := spread(4), spread(8)
	if !(eighth < 0.01 && eighth < quarter/4) {
		t.Errorf("eighth turns change the output by %.4f with 8 rotations and by %.4f with 4, want less than 0.01 and a quarter", eighth, quarter)
	}
}
