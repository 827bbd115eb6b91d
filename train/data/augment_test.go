package data

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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

// move is a fixed movement. TestMove holds where movements bring each pixel of
// a 2x3 image with two channels. TestMovesBlurOnce holds that half a pixel to
// the left and half a pixel to the right are no change at all. cross returns an
// image of 21x21 with a cross whose arms differ. moments returns the sum, the
// centre and the variances of an image of 21x21. TestGeometry holds that each
// movement stays within its range and uses it, over 400 seeds. lean returns how
// many columns the bright arm of the cross leans over for a row. TestCropWhole
// holds that a crop moves whole pixels. statistics returns mean and standard
// deviation. TestBox compares three boxes with the Gaussian they stand for.
// TestElastic holds that displacements are smooth and as large as the paper's:
// uniform numbers of deviation 1/√3, smoothed in two dimensions, have
// 1/√3/(2·σ·√π) times alpha.
func augmentedSet(t testing.TB, seed uint64) Dataset {
	d := mnist(t)
	d.Train = Limit(d.Train, 50)
	return Augment(d, seed, append(everyAugmentation(), Noise{})...) // the last one changes what others have made flat
}

// TestAugment holds that the result depends on seed, epoch and index alone, and
// that the test part is as before.
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

// raced says that this is the race detector's build, in which a sync.Pool throws a part of
// what it gets away.
var raced bool

// TestAugmentAllocates holds that steps allocate nothing once an Image has its
// buffers.
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
	if allocs != 0 && !raced {
		t.Errorf("allocates %v times, want 0", allocs)
	}
}

func TestAugmentError(t *testing.T) {
	s := augmentedSet(t, 1).Train
	_, err := s.Read(50, make([]float32, 784))
	wantError(t, err, "data: ", "sample 50, want 0 to 49")
}

func TestParseAugmentations(t *testing.T) {
	got, err := ParseAugmentations("shift=0.2, rotate=15,zoom=.3,shear=5,elastic=20,flip,vflip,crop=2,cutout=8,brightness=0.1,contrast=1,noise,elastic")
	want := []Augmentation{Shift{0.2}, Rotate{15}, Zoom{0.3}, Shear{5}, Elastic{Alpha: 20}, Flip{}, Flip{Vertical: true},
		Crop{2}, Cutout{8}, Brightness{0.1}, Contrast{1}, Noise{}, Elastic{}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v and error %v, want %v", got, err, want)
	}
	tests := []struct{ text, want string }{
		{"", `no augmentation "", want some of shift, rotate`},
		{"shift,,zoom", `no augmentation ""`},
		{"spin=3", `no augmentation "spin", want some of shift, rotate, zoom, shear, elastic, flip, vflip, crop, cutout, brightness, contrast, noise, randconv, curve, gamma, light, occlude, patch, grain, posterize, solarize, autocontrast, equalize, resizedcrop, jitter, randaugment, augmix, or a corruption as in shot_noise=2, with commas`},
		{"flip=1", `"flip=1", want flip without a number`},
		{"zoom=1", `"zoom=1", want a number above 0 and up to 0.9`},
		{"rotate=x", `"rotate=x", want a number above 0 and up to 180`},
		{"rotate=NaN", `"rotate=NaN", want a number`},
		{"shift=-0.1", `"shift=-0.1", want a number above 0`},
		{"shift=", `"shift=", want a number`},
		{"crop=1.5", `"crop=1.5", want a whole number above 0`},
		{"shot_noise=6", `"shot_noise=6", want a severity from 1 to 5`},
		{"mnist/rotate=1.5", `"mnist/rotate=1.5", want a severity from 1 to 5`},
		{"noise|", `no augmentation ""`},
		{"noise|melt", `no augmentation "melt"`},
		{"none,noise", `no augmentation "none"`},
		{strings.Repeat("flip,", 32) + strings.Repeat("none|", 32) + "flip", "65 augmentations, want at most 64"},
	}
	for _, tt := range tests {
		_, err := ParseAugmentations(tt.text)
		wantError(t, err, "data: ", tt.want)
	}
}

// FuzzAugment holds that no values of the structs, however odd, make an
// augmentation panic.
func FuzzAugment(f *testing.F) {
	f.Add(0.0, 0, uint64(1))
	f.Add(-1e300, -5, uint64(2))
	f.Add(math.NaN(), 1<<40, uint64(3))
	f.Add(math.Inf(1), 3, uint64(4))
	f.Fuzz(func(t *testing.T, v float64, n int, seed uint64) {
		x := cross()
		steps := []Augmentation{Shift{v}, Rotate{v}, Zoom{v}, Shear{v}, Elastic{v, v}, Elastic{Sigma: v}, Crop{n}, Cutout{n}, Brightness{v}, Contrast{v}, Noise{v},
			RandConv{v}, Curve{v}, Gamma{v}, Light{v}, Occlude{v}, Patch{Noise{v}}, Grain{v, v}, Posterize{n}, Solarize{v}, AutoContrast{}, Equalize{}, AugMix{Width: n, Depth: n}}
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
