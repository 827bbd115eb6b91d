package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// everyAugmentation is one of each kind.
func everyAugmentation() []Augmentation {
	var steps []Augmentation
	for _, a := range augmentations {
		steps = append(steps, a.new(0))
	}
	return steps
}

// augmented applies steps to an image.
func augmented(shape [3]int, x []float32, seed uint64, steps ...Augmentation) []float32 {
	im := images.Get().(*Image)
	im.start(shape, x)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, s := range steps {
		s.Apply(im, r)
	}
	y := make([]float32, len(x))
	im.finish(y)
	return y
}

// move is a fixed movement.
type move [6]float64

func (m move) Apply(im *Image, _ *rand.Rand) { im.Move(m[0], m[1], m[2], m[3], m[4], m[5]) }

// TestMove holds where movements bring each pixel of a 2x3 image with two channels.
func TestMove(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	tests := []struct {
		name  string
		steps []Augmentation
		want  []float32
	}{
		{"nothing", []Augmentation{move{1, 0, 0, 0, 1, 0}}, x},
		{"down", []Augmentation{move{1, 0, -1, 0, 1, 0}}, []float32{0, 0, 0, 1, 2, 3, 0, 0, 0, 7, 8, 9}},
		{"left", []Augmentation{move{1, 0, 0, 0, 1, 1}}, []float32{2, 3, 0, 5, 6, 0, 8, 9, 0, 11, 12, 0}},
		{"half left", []Augmentation{move{1, 0, 0, 0, 1, 0.5}}, []float32{1.5, 2.5, 1.5, 4.5, 5.5, 3, 7.5, 8.5, 4.5, 10.5, 11.5, 6}},
		{"half down", []Augmentation{move{1, 0, -0.5, 0, 1, 0}}, []float32{0.5, 1, 1.5, 2.5, 3.5, 4.5, 3.5, 4, 4.5, 8.5, 9.5, 10.5}},
		{"mirrored", []Augmentation{move{1, 0, 0, 0, -1, 0}}, []float32{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10}},
		{"mirrored, then left", []Augmentation{move{1, 0, 0, 0, -1, 0}, move{1, 0, 0, 0, 1, 1}}, []float32{2, 1, 0, 5, 4, 0, 8, 7, 0, 11, 10, 0}},
		{"left, then mirrored", []Augmentation{move{1, 0, 0, 0, 1, 1}, move{1, 0, 0, 0, -1, 0}}, []float32{0, 3, 2, 0, 6, 5, 0, 9, 8, 0, 12, 11}},
		{"far away", []Augmentation{move{1, 0, 1e30, 0, 1, 0}}, make([]float32, 12)},
		{"nowhere", []Augmentation{move{math.NaN(), 0, 0, 0, math.Inf(1), 0}}, make([]float32, 12)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := augmented([3]int{2, 2, 3}, x, 1, tt.steps...); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// TestMovesBlurOnce holds that half a pixel to the left and half a pixel to the right are no change at all.
func TestMovesBlurOnce(t *testing.T) {
	x := []float32{0, 0, 1, 0, 0}
	there, back := move{1, 0, 0, 0, 1, 0.5}, move{1, 0, 0, 0, 1, -0.5}
	if got := augmented([3]int{1, 1, 5}, x, 1, there, back); !slices.Equal(got, x) {
		t.Errorf("%v, want %v", got, x)
	}
}

// cross returns an image of 21x21 with a cross whose arms differ.
func cross() []float32 {
	x := make([]float32, 21*21)
	for k := -8; k <= 8; k++ {
		x[(10+k)*21+10], x[10*21+10+k] = 1, 0.5
	}
	return x
}

// moments returns the sum, the centre and the variances of an image of 21x21.
func moments(x []float32) (sum, cy, cx, vy, vx float64) {
	for i, v := range x {
		sum += float64(v)
		cy += float64(v) * float64(i/21)
		cx += float64(v) * float64(i%21)
	}
	cy, cx = cy/sum, cx/sum
	for i, v := range x {
		vy += float64(v) * math.Pow(float64(i/21)-cy, 2)
		vx += float64(v) * math.Pow(float64(i%21)-cx, 2)
	}
	return sum, cy, cx, vy / sum, vx / sum
}

// TestGeometry holds that each movement stays within its range and uses it, over 400 seeds.
func TestGeometry(t *testing.T) {
	tests := []struct {
		name      string
		step      Augmentation
		measure   func(x []float32) float64
		low, high float64
		slack     float64 // how far from low and high the extremes may stay
	}{
		{"shift down", Shift{}, func(x []float32) float64 { _, cy, _, _, _ := moments(x); return cy - 10 }, -2.1, 2.1, 0.1},
		{"shift right", Shift{0.05}, func(x []float32) float64 { _, _, cx, _, _ := moments(x); return cx - 10 }, -1.05, 1.05, 0.05},
		{"zoom", Zoom{0.2}, func(x []float32) float64 {
			_, _, _, vy, _ := moments(x)
			_, _, _, own, _ := moments(cross())
			return math.Sqrt(vy / own)
		}, 0.8, 1.2, 0.04},
		{"rotation leaves the middle", Rotate{180}, func(x []float32) float64 { return float64(x[10*21+10]) }, 0.5, 0.5, 1e-6},
		{"crop", Crop{}, func(x []float32) float64 { _, cy, _, _, _ := moments(x[:]); return math.Abs(cy - 10) }, 0, 4, 2},
		{"shear", Shear{45}, func(x []float32) float64 { return lean(x) }, -1, 1, 0.05},
		{"rotation", Rotate{20}, func(x []float32) float64 { return lean(x) }, -math.Tan(20 * math.Pi / 180), math.Tan(20 * math.Pi / 180), 0.03},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			low, high := math.Inf(1), math.Inf(-1)
			for seed := range uint64(400) {
				v := tt.measure(augmented([3]int{1, 21, 21}, cross(), seed, tt.step))
				low, high = min(low, v), max(high, v)
			}
			const rounding = 0.02
			if low < tt.low-rounding || low > tt.low+tt.slack || high > tt.high+rounding || high < tt.high-tt.slack {
				t.Errorf("from %.3f to %.3f, want %.3f to %.3f", low, high, tt.low, tt.high)
			}
		})
	}
}

// lean returns how many columns the bright arm of the cross leans over for a row.
func lean(x []float32) float64 {
	place := func(row int) float64 {
		var sum, at float64
		for col := range 21 {
			if v := float64(x[row*21+col]); v > 0 {
				sum, at = sum+v, at+v*float64(col)
			}
		}
		return at / sum
	}
	return (place(14) - place(6)) / 8
}

func TestFlip(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	count := map[string]int{}
	for seed := range uint64(100) {
		count[fmt.Sprint(augmented([3]int{1, 2, 2}, x, seed, Flip{}))]++
		count[fmt.Sprint("v", augmented([3]int{1, 2, 2}, x, seed, Flip{Vertical: true}))]++
	}
	for _, want := range []string{"[1 2 3 4]", "[2 1 4 3]", "v[1 2 3 4]", "v[3 4 1 2]"} {
		if n := count[want]; n < 30 || n > 70 {
			t.Errorf("%s in %d of 100, want about 50", want, n)
		}
	}
	if len(count) != 4 {
		t.Errorf("results %v, want four", count)
	}
}

// TestCropWhole holds that a crop moves whole pixels.
func TestCropWhole(t *testing.T) {
	x := make([]float32, 49)
	x[24] = 1
	places := map[int]bool{}
	for seed := range uint64(300) {
		y := augmented([3]int{1, 7, 7}, x, seed, Crop{1})
		at := slices.Index(y, 1)
		if at < 0 {
			t.Fatalf("no whole pixel in %v", y)
		}
		places[at] = true
	}
	if len(places) != 9 {
		t.Errorf("%d places, want 9", len(places))
	}
}

func TestCutout(t *testing.T) {
	x := make([]float32, 2*12*16)
	for i := range x {
		x[i] = 1
	}
	most := 0
	for seed := range uint64(200) {
		y := augmented([3]int{2, 12, 16}, x, seed, Cutout{})
		n := 0
		for i := range 12 * 16 {
			if y[i] != y[12*16+i] {
				t.Fatal("the channels have different squares")
			}
			if y[i] == 0 {
				n++
			}
		}
		if n < 9 || n > 36 { // a quarter of the square of 6 at a corner
			t.Fatalf("%d pixels cut out, want 9 to 36", n)
		}
		most = max(most, n)
	}
	if most != 36 {
		t.Errorf("at most %d pixels cut out, want 36", most)
	}
	if y := augmented([3]int{2, 12, 16}, x, 1, Cutout{1000}); slices.Max(y) != 0 {
		t.Error("a square larger than the image leaves a part of it")
	}
}

// statistics returns mean and standard deviation.
func statistics(x []float32) (mean, deviation float64) {
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		deviation += math.Pow(float64(v)-mean, 2) / float64(len(x))
	}
	return mean, math.Sqrt(deviation)
}

func TestTone(t *testing.T) {
	x := make([]float32, 1000) // mean 0.5, far enough from 0 and 1
	for i := range x {
		x[i] = 0.45 + 0.1*float32(i)/999
	}
	_, own := statistics(x)
	tests := []struct {
		name      string
		step      Augmentation
		mean      [2]float64 // lowest and highest of 200 seeds
		deviation [2]float64 // as a multiple of x's
	}{
		{"brightness", Brightness{0.3}, [2]float64{0.2, 0.8}, [2]float64{1, 1}},
		{"contrast", Contrast{0.4}, [2]float64{0.5, 0.5}, [2]float64{0.6, 1.4}},
		{"noise", Noise{}, [2]float64{0.5, 0.5}, [2]float64{math.Hypot(1, 0.05/own), math.Hypot(1, 0.05/own)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lows, highs := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{}
			for seed := range uint64(200) {
				mean, deviation := statistics(augmented([3]int{1, 10, 100}, x, seed, tt.step))
				for k, v := range [2]float64{mean, deviation / own} {
					lows[k], highs[k] = min(lows[k], v), max(highs[k], v)
				}
			}
			for k, want := range [2][2]float64{tt.mean, tt.deviation} {
				if bound := 0.05 * want[1]; math.Abs(lows[k]-want[0]) > 2*bound || math.Abs(highs[k]-want[1]) > 2*bound {
					t.Errorf("number %d from %.3f to %.3f, want %v", k, lows[k], highs[k], want)
				}
			}
		})
	}
	for _, step := range []Augmentation{Brightness{5}, Contrast{50}, Noise{5}} {
		y := augmented([3]int{1, 10, 100}, x, 3, step)
		if slices.Min(y) < 0 || slices.Max(y) > 1 {
			t.Errorf("%T: values from %v to %v, want 0 to 1", step, slices.Min(y), slices.Max(y))
		}
	}
}

// TestBox compares three boxes with the Gaussian they stand for.
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

// TestElastic holds that displacements are smooth and as large as the paper's: uniform numbers of deviation
// 1/√3, smoothed in two dimensions, have 1/√3/(2·σ·√π) times alpha.
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
		// A Gaussian correlation of deviation √2·σ has neighbours that differ by 1/(√2·σ) of the deviation.
		if _, step := statistics(steps); math.Abs(step/(deviation/(math.Sqrt2*4))-1) > 0.15 {
			t.Errorf("neighbours differ by %.3f, want %.3f", step, deviation/(math.Sqrt2*4))
		}
	}
	if slices.Equal(dy, dx) {
		t.Error("both directions are displaced alike")
	}
}

func augmentedSet(t testing.TB, seed uint64) Dataset {
	d := mnist(t)
	d.Train = Limit(d.Train, 50)
	return Augment(d, seed, everyAugmentation()...)
}

// TestAugment holds that the result depends on seed, epoch and index alone, and that the test part is as before.
func TestAugment(t *testing.T) {
	d := augmentedSet(t, 1)
	want := values(t, Epoch(d.Train, 3), 784)
	if low, high := slices.Min(want), slices.Max(want); !(low >= 0 && high <= 1) {
		t.Errorf("values from %v to %v, want 0 to 1", low, high)
	}
	var wg sync.WaitGroup
	for worker := range 4 { // each in another order
		wg.Go(func() {
			s, x := Epoch(augmentedSet(t, 1).Train, 3), make([]float32, 784)
			for _, i := range Order(s, uint64(worker), 0) {
				if _, err := s.Read(i, x); err != nil || !slices.Equal(x, want[i*784:][:784]) {
					t.Errorf("sample %d differs in another order, or has the error %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	for name, s := range map[string]Samples{
		"epoch": Epoch(d.Train, 4), "seed": Epoch(augmentedSet(t, 2).Train, 3), "no augmentation": Limit(mnist(t).Train, 50),
	} {
		got := values(t, s, 784)
		for i := range 50 {
			if slices.Equal(got[i*784:][:784], want[i*784:][:784]) {
				t.Errorf("another %s gives the same sample %d", name, i)
			}
		}
	}
	if slices.Equal(want[:784], want[784:2*784]) {
		t.Error("two samples are alike")
	}
	if !slices.Equal(values(t, Limit(d.Test, 9), 784), values(t, Limit(mnist(t).Test, 9), 784)) {
		t.Error("the test part is changed")
	}
	if same := Augment(mnist(t), 1); same.Train != mnist(t).Train {
		t.Error("no steps, and other samples")
	}
}

// TestAugmentAllocates holds that steps allocate nothing once an Image has its buffers.
func TestAugmentAllocates(t *testing.T) {
	im, r, x := new(Image), rand.New(rand.NewPCG(1, 2)), cross()
	steps := everyAugmentation()
	allocs := testing.AllocsPerRun(100, func() {
		im.start([3]int{1, 21, 21}, x)
		for _, s := range steps {
			s.Apply(im, r)
		}
		im.finish(x)
	})
	if allocs != 0 {
		t.Errorf("allocates %v times, want 0", allocs)
	}
}

func TestAugmentError(t *testing.T) {
	s := augmentedSet(t, 1).Train
	_, err := s.Read(50, make([]float32, 784))
	wantError(t, err, "data: ", "sample 50, expected 0 to 49")
}

func TestParseAugmentations(t *testing.T) {
	got, err := ParseAugmentations("shift=0.2, rotate=15,zoom=.3,shear=5,elastic=20,flip,vflip,crop=2,cutout=8,brightness=0.1,contrast=1,noise,elastic")
	want := []Augmentation{Shift{0.2}, Rotate{15}, Zoom{0.3}, Shear{5}, Elastic{Alpha: 20}, Flip{}, Flip{Vertical: true},
		Crop{2}, Cutout{8}, Brightness{0.1}, Contrast{1}, Noise{}, Elastic{}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v and error %v, want %v", got, err, want)
	}
	tests := []struct{ text, want string }{
		{"", `no augmentation "", expected some of shift, rotate`},
		{"shift,,zoom", `no augmentation ""`},
		{"spin=3", `no augmentation "spin", expected some of shift, rotate, zoom, shear, elastic, flip, vflip, crop, cutout, brightness, contrast, noise, with commas`},
		{"flip=1", `"flip=1", expected flip without a number`},
		{"zoom=1", `"zoom=1", expected a number above 0 and up to 0.9`},
		{"rotate=x", `"rotate=x", expected a number above 0 and up to 180`},
		{"rotate=NaN", `"rotate=NaN", expected a number`},
		{"shift=-0.1", `"shift=-0.1", expected a number above 0`},
		{"shift=", `"shift=", expected a number`},
		{"crop=1.5", `"crop=1.5", expected a whole number above 0`},
	}
	for _, tt := range tests {
		_, err := ParseAugmentations(tt.text)
		wantError(t, err, "data: ", tt.want)
	}
}

// FuzzAugment holds that no values of the structs, however odd, make an augmentation panic.
func FuzzAugment(f *testing.F) {
	f.Add(0.0, 0, uint64(1))
	f.Add(-1e300, -5, uint64(2))
	f.Add(math.NaN(), 1<<40, uint64(3))
	f.Add(math.Inf(1), 3, uint64(4))
	f.Fuzz(func(t *testing.T, v float64, n int, seed uint64) {
		x := cross()
		steps := []Augmentation{Shift{v}, Rotate{v}, Zoom{v}, Shear{v}, Elastic{v, v}, Elastic{Sigma: v}, Crop{n}, Cutout{n}, Brightness{v}, Contrast{v}, Noise{v}}
		for _, s := range steps {
			if y := augmented([3]int{1, 21, 21}, x, seed, s); len(y) != len(x) {
				t.Fatalf("%v: %d values", s, len(y))
			}
		}
		augmented([3]int{1, 21, 21}, x, seed, steps...)
	})
}

func BenchmarkAugment(b *testing.B) {
	for _, a := range augmentations {
		b.Run(a.name, func(b *testing.B) {
			d := Augment(mnist(b), 1, a.new(0))
			x := make([]float32, 784)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := d.Train.Read(i%60000, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Datasets that are changed otherwise say so.
func TestChanges(t *testing.T) {
	d := Dataset{Name: "numbers", Shape: [3]int{1, 1, 1}, Train: numbered{20, 2}, Test: numbered{1, 1}}
	st := Stats{Mean: []float64{0.5}, Deviation: []float64{0.25}}
	normal, err := Normalize(d, st)
	if err != nil {
		t.Fatal(err)
	}
	if got := normal.Stats; len(got.Mean) != 1 || got.Mean[0] != 0.5 || got.Deviation[0] != 0.25 || d.Stats.Mean != nil {
		t.Errorf("statistics %+v, want %+v", got, st)
	}
	seen := map[string]bool{"": true}
	for _, c := range []string{
		normal.Changes, Augment(d, 1, Shift{0.1}).Changes, Augment(d, 2, Shift{0.1}).Changes, Augment(d, 1, Shift{0.2}).Changes,
		Augment(d, 1, Rotate{0.1}).Changes, Augment(d, 1, Shift{0.1}, Flip{}).Changes, Augment(normal, 1, Shift{0.1}).Changes,
	} {
		if seen[c] {
			t.Errorf("%q twice", c)
		}
		seen[c] = true
	}
	if c := Augment(d, 1).Changes; c != "" {
		t.Errorf("no steps are %q", c)
	}
}
