package data

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBox(t *testing.T) {
	for _, sigma := range []float64{0, 0.3, 1, 2.5, 4, 8} {
		const n = 101
		x, b := make([]float32, n*2), newBox(sigma)
		x[2*50] = 1
		b.smooth(x, n, 2, make([]float32, b.room(n)))
		var sum, variance float64
		for i := range n {
			v := float64(x[2*i])
			sum += v
			variance += v * float64((i-50)*(i-50))
			if want := math.Exp(-float64((i-50)*(i-50))/(2*sigma*sigma)) / (sigma * math.Sqrt(2*math.Pi)); sigma >= 1 && math.Abs(v-want) > 0.03/sigma {
				t.Errorf("sigma %v: at %d %v, want %v", sigma, i-50, v, want)
			}
			if x[2*i+1] != 0 {
				t.Fatal("wrote between the steps")
			}
		}
		if math.Abs(sum-1) > 1e-5 || math.Abs(math.Sqrt(variance)-sigma) > 1e-3 {
			t.Errorf("sigma %v: sum %v and deviation %v", sigma, sum, math.Sqrt(variance))
		}
	}
	for _, sigma := range []float64{math.NaN(), math.Inf(1), -3, 1e300} {
		x, b := []float32{1, 1, 1}, newBox(sigma)
		b.smooth(x, 3, 1, make([]float32, b.room(3)))
		if v := x[1]; !(v >= 0 && v <= 1) {
			t.Errorf("sigma %v: %v", sigma, x)
		}
	}
}

func TestElastic(t *testing.T) {
	im := &Image{C: 1, H: 200, W: 100}
	r := rand.New(rand.NewPCG(1, 2))
	Elastic{}.Apply(im, r)
	dy, dx := im.Displace()
	want := 34 / math.Sqrt(3) / (2 * 4 * math.Sqrt(math.Pi))
	for _, d := range [][]float32{dy, dx} {
		var inside, steps []float32
		for row := 15; row < 185; row++ {
			for col := 15; col < 85; col++ {
				inside = append(inside, d[row*100+col])
				steps = append(steps, d[row*100+col]-d[row*100+col-1])
			}
		}
		mean, deviation := statistics(inside)
		if math.Abs(deviation/want-1) > 0.15 || math.Abs(mean) > 0.2*want {
			t.Errorf("displacements of mean %.3f and deviation %.3f, want 0 and %.3f", mean, deviation, want)
		}
		// A Gaussian correlation of deviation √2·σ has neighbours that differ
		// by 1/(√2·σ) of the deviation.
		if _, step := statistics(steps); math.Abs(step/(deviation/(math.Sqrt2*4))-1) > 0.15 {
			t.Errorf("neighbours differ by %.3f, want %.3f", step, deviation/(math.Sqrt2*4))
		}
	}
	if slices.Equal(dy, dx) {
		t.Error("both directions are displaced alike")
	}
}
