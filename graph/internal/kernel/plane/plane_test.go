package plane

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// randomCorrelation makes a geometry whose rows have cols pixels, with gaps between
// rows and planes.
func randomCorrelation(r *rand.Rand, cols int) *Correlation {
	g := &Correlation{C: 1 + r.IntN(3), F: 1 + r.IntN(14), KH: 1 + r.IntN(5), KW: 1 + r.IntN(7), Rows: 1 + r.IntN(5), Cols: cols}
	g.XRow = Reach(cols) + g.KW - 1 + r.IntN(3)
	g.XPlane = (g.Rows+g.KH-1)*g.XRow + r.IntN(9)
	g.YRow = cols + r.IntN(3)
	g.YPlane = g.Rows*g.YRow + r.IntN(9)
	return g
}

// xSize and ySize are the numbers of elements that may be touched.
func (g *Correlation) xSize() int {
	return (g.C-1)*g.XPlane + (g.Rows+g.KH-2)*g.XRow + Reach(g.Cols) + g.KW - 1
}
func (g *Correlation) ySize() int { return (g.F-1)*g.YPlane + (g.Rows-1)*g.YRow + g.Cols }

// eachPixel calls do for all pixels of all filters.
func (g *Correlation) eachPixel(do func(f, i, j, at int)) {
	for f := range g.F {
		for i := range g.Rows {
			for j := range g.Cols {
				do(f, i, j, f*g.YPlane+i*g.YRow+j)
			}
		}
	}
}

// TestCorrelate: every tier computes its formula, writes nothing else, and AVX-512 has
// the bits of AVX2.
func TestCorrelate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for cols := 1; cols <= 70; cols++ {
		g := randomCorrelation(r, cols)
		t.Run(fmt.Sprintf("%+v", *g), func(t *testing.T) { checkCorrelate(t, g, r) })
	}
}

func checkCorrelate(t *testing.T, g *Correlation, r *rand.Rand) {
	x, w, shift := kerneltest.Normal[float32](r, g.xSize()), kerneltest.Normal[float32](r, g.Weights()), kerneltest.Normal[float32](r, g.F)
	want := kerneltest.Unset[float32](g.ySize())
	bound := make([]float64, len(want))
	g.eachPixel(func(f, i, j, at int) {
		sum, scale := float64(shift[f]), math.Abs(float64(shift[f]))
		for k := range g.taps() {
			p := float64(w[k*g.F+f]) * float64(x[g.seen(k)+i*g.XRow+j])
			sum, scale = sum+p, scale+math.Abs(p)
		}
		want[at], bound[at] = float32(sum), scale
	})
	check(t, g, want, bound, g.taps(), func(atEnd bool) []float32 {
		in := kerneltest.CopyFenced(t, [][]float32{x, w, shift}, atEnd)
		y := kerneltest.Fenced[float32](t, g.ySize(), atEnd) // all NaN
		Correlate(g, y, in[0], in[1], in[2])
		return y
	})
}

// TestAddGradient is the same for the gradient of the weights.
func TestAddGradient(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for cols := 1; cols <= 70; cols++ {
		g := randomCorrelation(r, cols)
		t.Run(fmt.Sprintf("%+v", *g), func(t *testing.T) { checkAddGradient(t, g, r) })
	}
}

func checkAddGradient(t *testing.T, g *Correlation, r *rand.Rand) {
	x, dy, dw := kerneltest.Normal[float32](r, g.xSize()), kerneltest.Normal[float32](r, g.ySize()), kerneltest.Normal[float32](r, g.Weights()*Lanes)
	sums, bound := make([]float64, len(dw)), make([]float64, len(dw))
	for i, v := range dw {
		sums[i], bound[i] = float64(v), math.Abs(float64(v))
	}
	g.eachPixel(func(f, i, j, at int) {
		for k := range g.taps() {
			p := float64(dy[at]) * float64(x[g.seen(k)+i*g.XRow+j])
			to := (k*g.F+f)*Lanes + j%Lanes
			sums[to], bound[to] = sums[to]+p, bound[to]+math.Abs(p)
		}
	})
	want := make([]float32, len(sums))
	for i, s := range sums {
		want[i] = float32(s)
	}
	check(t, g, want, bound, g.Rows*g.Cols, func(atEnd bool) []float32 {
		in := kerneltest.CopyFenced(t, [][]float32{dw, dy, x}, atEnd)
		AddGradient(g, in[0], in[1], in[2])
		return in[0]
	})
}

// check compares what all tiers compute with want, NaN where nothing is to be written,
// given the sums of the terms' sizes and the number of terms, and the bits of those
// with assembly with each other.
func check(t *testing.T, g *Correlation, want []float32, bound []float64, terms int, run func(atEnd bool) []float32) {
	var first []float32
	kerneltest.EachTier(t, func(t *testing.T) {
		for _, atEnd := range []bool{false, true} {
			got := run(atEnd)
			for i, v := range got {
				off := math.Abs(float64(v) - float64(want[i]))
				if !(off <= float64(terms+2)*kerneltest.Epsilon[float32]()*bound[i]) && (v == v || want[i] == want[i]) {
					t.Fatalf("element %d: got %v, want %v", i, v, want[i])
				}
			}
			if cpu.Active() == cpu.TierGo {
				continue
			}
			if first == nil {
				first = slices.Clone(got)
			}
			if !slices.Equal(kerneltest.Float32Bits(got), kerneltest.Float32Bits(first)) {
				t.Fatal("got other bits than the tier before")
			}
		}
	})
}

// TestTotal: a weight's sums are added up two by two.
func TestTotal(t *testing.T) {
	sums := make([]float32, Lanes+1)
	for i := range sums {
		sums[i] = float32(int(1) << i)
	}
	if got := Total(sums); got != 1<<Lanes-1 {
		t.Errorf("got %v, want %v", got, 1<<Lanes-1)
	}
}
