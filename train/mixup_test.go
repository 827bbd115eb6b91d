package train

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"tapenet/train/data"
)

// Each image is mixed with the one behind it, the last with the first; the shares
// have the mean and the variance of Beta(α+1, α).
func TestMixUp(t *testing.T) {
	const n = 200_000
	from, to := make([]float32, 2*n), make([]float32, 2*n)
	for i := range n {
		from[2*i], from[2*i+1] = 1, float32(i%3)
	}
	from[1] = 2 // neighbours differ
	for _, alpha := range []float64{0.1, 0.4, 1, 3} {
		mixUp(to, from, 2, alpha, rand.New(rand.NewPCG(1, 2)))
		var sum, squares float64
		for i := range n {
			if math.Abs(float64(to[2*i])-1) > 1e-6 {
				t.Fatalf("α %g: the shares of image %d are %v in all", alpha, i, to[2*i])
			}
			own, other := from[2*i+1], from[(2*i+3)%(2*n)]
			share := float64(to[2*i+1]-other) / float64(own-other)
			if share < -1e-6 || share > 1+1e-6 {
				t.Fatalf("α %g: image %d has share %v", alpha, i, share)
			}
			sum, squares = sum+share, squares+share*share
		}
		mean := sum / n
		variance := squares/n - mean*mean
		a, b := alpha+1, alpha
		wantMean := a / (a + b)
		wantVariance := a * b / ((a + b) * (a + b) * (a + b + 1))
		if math.Abs(mean-wantMean) > 0.003 || math.Abs(variance-wantVariance) > 0.002 {
			t.Errorf("α %g: mean %.4f and variance %.4f of the shares, want %.4f and %.4f", alpha, mean, variance, wantMean, wantVariance)
		}
	}
}

// The mean loss of two images is that of the paper's mixed targets.
func TestMixUpLoss(t *testing.T) {
	const alpha, n = 0.4, 200_000
	r := rand.New(rand.NewPCG(3, 4))
	w := make([]float32, 16*3)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	x, y := make([]float32, 32), [2]int{0, 2}
	for i := range x {
		x[i] = r.Float32()
	}
	loss := func(x []float32, class int) float64 { return -math.Log(probabilities(x, w)[class]) }
	var got, want float64
	mixed := make([]float32, 32)
	for range n {
		mixUp(mixed, x, 16, alpha, r)
		got += loss(mixed[:16], y[0]) + loss(mixed[16:], y[1])

		a, b := gammaBelow1(alpha, r), gammaBelow1(alpha, r)
		share := a / (a + b)
		for i := range 16 {
			mixed[i] = float32(share)*x[i] + float32(1-share)*x[16+i]
		}
		want += 2 * (share*loss(mixed[:16], y[0]) + (1-share)*loss(mixed[:16], y[1]))
	}
	if got, want = got/n, want/n; math.Abs(got-want) > 0.01*want {
		t.Errorf("mean loss %.4f, of mixed targets %.4f", got, want)
	}
}

// gammaBelow1 draws from the gamma distribution of a shape below 1 (Ahrens and
// Dieter 1974, algorithm GS).
func gammaBelow1(shape float64, r *rand.Rand) float64 {
	b := 1 + shape/math.E
	for {
		if p := b * r.Float64(); p <= 1 {
			if x := math.Pow(p, 1/shape); r.Float64() <= math.Exp(-x) {
				return x
			}
		} else if x := -math.Log((b - p) / shape); r.Float64() <= math.Pow(x, shape-1) {
			return x
		}
	}
}

// Another seed or another step gives other shares, and a run that goes on the same.
func TestMixupResumes(t *testing.T) {
	d := func() data.Dataset { return blobSet(53, 5) }
	c := Config{Epochs: 3, Batch: 10, Mixup: 0.5}
	straight := fit(t, plainNet(), d(), c)
	plain := c
	plain.Mixup = 0
	if reflect.DeepEqual(bits(straight.Network), bits(fit(t, plainNet(), d(), plain).Network)) {
		t.Error("mixup changes nothing")
	}
	c.Dir, c.Epochs = t.TempDir(), 1
	fit(t, plainNet(), d(), c)
	c.Epochs, c.Resume = 3, true
	if got := fit(t, plainNet(), d(), c); !reflect.DeepEqual(bits(got.Network), bits(straight.Network)) {
		t.Error("a run that goes on is another one")
	}
	c = Config{Epochs: 3, Batch: 10, CutMix: 1}
	if reflect.DeepEqual(bits(fit(t, plainNet(), d(), c).Network), bits(fit(t, plainNet(), d(), plain).Network)) {
		t.Error("cutmix changes nothing")
	}
}

// TestCutMix: each image keeps its pixels but for a rectangle of the one behind it, whose
// share of the area is that of Beta(α, α+1) but for whole pixels.
func TestCutMix(t *testing.T) {
	const n, h, w = 4000, 16, 24
	shape := [3]int{2, h, w}
	size := 2 * h * w
	from, to := make([]float32, n*size), make([]float32, n*size)
	for i := range from {
		from[i] = float32(i / size)
	}
	for _, alpha := range []float64{0.4, 1} {
		cutMix(to, from, shape, alpha, rand.New(rand.NewPCG(1, 2)))
		sum := 0.0
		for i := range n {
			own, other := float32(i), float32((i+1)%n)
			rows, cols, count := map[int]bool{}, map[int]bool{}, 0
			for k, v := range to[i*size:][:size] {
				if v != own && v != other {
					t.Fatalf("image %d: value %v, want %v or %v", i, v, own, other)
				}
				if v == other {
					rows[k/w%h], cols[k%w] = true, true
					count++
				}
			}
			if count != 2*len(rows)*len(cols) {
				t.Fatalf("image %d: %d values of the other one in %d rows and %d columns, want a rectangle", i, count, len(rows), len(cols))
			}
			sum += float64(count) / float64(size)
		}
		if want := alpha / (2*alpha + 1); math.Abs(sum/n-want) > 0.01 {
			t.Errorf("α %g: %.4f of the images is the others', want %.4f", alpha, sum/n, want)
		}
	}
}
