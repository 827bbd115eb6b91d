package conv_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// ender is a kernel that can do the work of an op behind it.
type ender interface {
	End(next conv.Ending) (both any, ok bool)
}

// ended lets a convolution do the work of ops behind it, on images channels last if it
// can.
func ended(t *testing.T, s conv.Shape, bias bool, endings ...conv.Ending) any {
	t.Helper()
	var k any = conv.NewConv2d[float32](s, bias)
	if last, ok := k.(*conv.Conv2d[float32]).Lastly(); ok {
		k = last
	}
	for _, e := range endings {
		both, ok := k.(ender).End(e)
		if !ok {
			t.Fatalf("%T does not take over %+v", k, e)
		}
		k = both
	}
	return k
}

// part is a kernel that a layer stands for, with its operands but the first.
type part struct {
	kernel kerneltest.Operation[float32]
	rest   [][]float32
	ending conv.Ending
}

// parts are the ops behind a convolution: a normalisation, a sum and an activation,
// each or not.
func parts(r *rand.Rand, s conv.Shape, mode int) (all []part) {
	if mode&1 > 0 {
		norm := &kernel.BatchNorm[float32]{N: s.N, C: s.F, Pixels: s.OH * s.OW, Epsilon: 0.1}
		p := part{norm, nil, norm.Ending()}
		for range 4 {
			p.rest = append(p.rest, kerneltest.Normal[float32](r, s.F))
		}
		for i, v := range p.rest[3] {
			p.rest[3][i] = v * v
		}
		all = append(all, p)
	}
	if mode&2 > 0 {
		sum := kernel.NewAdd[float32](2)
		all = append(all, part{sum, [][]float32{kerneltest.Normal[float32](r, s.N*s.OutSize())}, sum.Ending()})
	}
	switch relu, silu := kernel.NewReLU[float32](), kernel.NewActivation[float32](vector.SiLU); mode >> 2 {
	case 1:
		all = append(all, part{relu, nil, relu.Ending()})
	case 2:
		all = append(all, part{silu, nil, silu.Ending()})
	}
	return all
}

// TestLayerEqualsItsParts: a layer computes what the convolution and the kernels
// behind it compute one by one.
func TestLayerEqualsItsParts(t *testing.T) {
	for _, c := range layerPartsCases {
		for mode := range 12 {
			t.Run(fmt.Sprintf("%s/%d", c.name, mode), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(mode), 1))
				s, bias := c.shape, mode%3 == 0
				in := [][]float32{kerneltest.Normal[float32](r, s.N*s.InSize()), kerneltest.Normal[float32](r, s.Weights())}
				if bias {
					in = append(in, kerneltest.Normal[float32](r, s.F))
				}
				y := make([]float32, s.N*s.OutSize())
				conv.NewConv2d[float32](s, bias).Forward(y, in)
				var endings []conv.Ending
				for _, p := range parts(r, s, mode) {
					next := make([]float32, len(y))
					p.kernel.Forward(next, append([][]float32{y}, p.rest...))
					y, in, endings = next, append(in, p.rest...), append(endings, p.ending)
				}
				k := ended(t, s, bias, endings...)
				got := lastly(t, k.(*conv.Layer[float32]), s, in)
				kerneltest.CheckRelative(t, "y", got, y, 1e-5)
			})
		}
	}
}

// layerPartsCases have each of the engines.
var layerPartsCases = []struct {
	name  string
	shape conv.Shape
}{
	{"sliding", conv.Shape{N: 2, C: 20, H: 9, W: 8, F: 21, KH: 3, KW: 2, StrideH: 2, StrideW: 1, PadTop: 1, DilationH: 1, DilationW: 2, Groups: 1, OH: 5, OW: 6}},
	{"few channels", conv.Shape{N: 2, C: 3, H: 16, W: 16, F: 12, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3, DilationH: 1, DilationW: 1, Groups: 1, OH: 8, OW: 8}},
	{"windowed", conv.Shape{N: 2, C: 20, H: 9, W: 9, F: 20, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 20, OH: 9, OW: 9}},
	{"tiled", conv.Shape{N: 2, C: 64, H: 24, W: 24, F: 36, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 24, OW: 24}},
}

// lastly runs a layer on images that are turned to channels last, and back.
func lastly(t *testing.T, l *conv.Layer[float32], s conv.Shape, in [][]float32) []float32 {
	t.Helper()
	planes := make([]pixel.Layout, len(in))
	image, output := pixel.Planes(s.N, s.C, s.H, s.W), pixel.Planes(s.N, s.F, s.OH, s.OW)
	if planes[0] = image; l.Residual {
		planes[len(in)-1] = output
	}
	wants, out, ok := l.Lay(planes)
	if !ok {
		t.Fatal("the layer takes planes alone")
	}
	places, operands := make([]pixel.Layout, len(in)), append([][]float32{}, in...)
	for i, w := range wants {
		if places[i] = w.Layout; w.Last {
			operands[i] = turned(planes[i], w.Layout, in[i])
		}
	}
	l.Place(places, out)
	y := kerneltest.Unset[float32](out.Size())
	l.Forward(y, operands)
	return turned(out, output, y)
}

// turned gives images another layout, with a border of zeros if that has one.
func turned(from, to pixel.Layout, x []float32) []float32 {
	k, y := kernel.NewTurn[float32](), kerneltest.Unset[float32](to.Size())
	k.Place([]pixel.Layout{from}, to)
	k.Forward(y, [][]float32{x})
	pixel.Clear(to, y, 0, to.N)
	return y
}

// TestEnd: what a convolution takes over, and in which order. Pooling it takes over
// as a block, if the image has few channels.
func TestEnd(t *testing.T) {
	norm, sum, relu := conv.Ending{Norm: &conv.Norm{Epsilon: 1}}, conv.Ending{Sum: true}, conv.Ending{Act: &conv.ReLU}
	silu, pool := conv.Ending{Act: &conv.Act{Curve: &vector.SiLU}}, conv.Ending{Pool: &conv.Pool{KH: 2, KW: 2}}
	tanh, mean := conv.Ending{Act: &conv.Act{Curve: &vector.Tanh}}, conv.Ending{Pool: &conv.Pool{KH: 2, KW: 2, Mean: true}}
	few, many := layerPartsCases[1].shape, layerPartsCases[0].shape
	planar := conv.Shape{N: 2, C: 1, H: 28, W: 28, F: 6, KH: 5, KW: 5, StrideH: 1, StrideW: 1, PadTop: 2, PadLeft: 2, DilationH: 1, DilationW: 1, Groups: 1, OH: 28, OW: 28}
	for _, test := range []struct {
		name   string
		shape  conv.Shape
		before []conv.Ending
		next   conv.Ending
		layer  string // the kernel that does both, "" for none
	}{
		{"normalisation", many, nil, norm, "Layer"},
		{"sum", many, nil, sum, "Layer"},
		{"activation", many, nil, relu, "Layer"},
		{"curve", many, nil, silu, "Layer"},
		{"two normalisations", many, []conv.Ending{norm}, norm, ""},
		{"normalisation, activation", many, []conv.Ending{norm}, relu, "Layer"},
		{"activation, normalisation", many, []conv.Ending{relu}, norm, ""},
		{"two activations", many, []conv.Ending{relu}, relu, ""},
		{"activation, sum", many, []conv.Ending{relu}, sum, ""},
		{"pooling", many, nil, pool, ""},
		{"pooling of few channels", few, nil, pool, "ConvBlock"},
		{"activation, pooling of few channels", few, []conv.Ending{relu}, pool, "ConvBlock"},
		{"normalisation, activation, pooling of few channels", few, []conv.Ending{norm, relu}, pool, "ConvBlock"},
		{"activation behind a pooling", few, []conv.Ending{pool}, relu, ""},
		{"means of a planar convolution's tangents", planar, []conv.Ending{tanh}, mean, "PlanarBlock"},
		{"means of a planar convolution", planar, nil, mean, ""},
		{"means behind another curve", planar, []conv.Ending{silu}, mean, ""},
		{"means behind a normalisation", planar, []conv.Ending{norm, tanh}, mean, ""},
		{"means of tangents, not planar", many, []conv.Ending{tanh}, mean, ""},
		{"means of three by two", planar, []conv.Ending{tanh}, conv.Ending{Pool: &conv.Pool{KH: 3, KW: 2, Mean: true}}, ""},
		{"nothing", many, nil, conv.Ending{}, ""},
	} {
		kerneltest.EachTier(t, func(t *testing.T) {
			want, got := test.layer, "" // on every tier
			if both, ok := ended(t, test.shape, true, test.before...).(ender).End(test.next); ok {
				got = strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", both), "*conv."), "[float32]")
			}
			if got != want {
				t.Errorf("%s: %q, want %q", test.name, got, want)
			}
		})
	}
}
