package corrupt

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// all is every corruption of every list.
func all() []Corruption { return slices.Concat(MNIST(), Fashion(), Common()) }

// formula returns a picture that a formula makes: waves, one a channel.
func formula(c, h, w int) Picture {
	p := Picture{make([]float32, c*h*w), c, h, w}
	for i := range p.Pix {
		k, row, col := i/(h*w), i/w%h, i%w
		p.Pix[i] = float32((row*row*(k+2)+col*(5+3*k)+row*col*(k+1))%256) / 255
	}
	return p
}

// flat returns a grey picture of one value.
func flat(c, h, w int, v float32) Picture {
	p := Picture{make([]float32, c*h*w), c, h, w}
	for i := range p.Pix {
		p.Pix[i] = v
	}
	return p
}

// distance returns the mean of the absolute differences, in 1/255.
func distance(a, b Picture) (sum float64) {
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum * 255 / float64(len(a.Pix))
}

func TestApply(t *testing.T) {
	for _, c := range all() {
		t.Run(c.String(), func(t *testing.T) {
			channels := 1
			if c.Set == "common" {
				channels = 3
			}
			p := formula(channels, 28, 28)
			before := slices.Clone(p.Pix)
			got := c.Apply(p, 0, 1)
			if !slices.Equal(p.Pix, before) {
				t.Fatal("Apply changed its argument")
			}
			if err := got.Check(); err != nil || got.C != p.C || got.H != p.H || got.W != p.W {
				t.Fatalf("got %d×%d×%d, %v, want the size of the picture", got.C, got.H, got.W, err)
			}
			for i, v := range got.Pix {
				if b := math.Round(float64(v) * 255); v != float32(b)/255 || b < 0 || b > 255 {
					t.Fatalf("value %d is %g, want a multiple of 1/255 from 0 to 1", i, v)
				}
			}
			if again := c.Apply(p, 0, 1); !slices.Equal(got.Pix, again.Pix) {
				t.Error("the same seed gives another picture")
			}
			if published := c.Apply(p, c.Published, 1); !slices.Equal(got.Pix, published.Pix) {
				t.Errorf("severity 0 differs from %d, the published one", c.Published)
			}
			differ := false
			for seed := uint64(2); seed < 12; seed++ {
				differ = differ || !slices.Equal(got.Pix, c.Apply(p, 0, seed).Pix)
			}
			if differ != c.Random {
				t.Errorf("other seeds give another picture: %v, want %v", differ, c.Random)
			}
		})
	}
}

func TestApplyOutOfRange(t *testing.T) {
	c, err := Find("shot_noise")
	if err != nil {
		t.Fatal(err)
	}
	p := formula(1, 9, 9)
	for _, severities := range [][2]int{{-3, 0}, {6, 5}, {math.MaxInt, 5}, {math.MinInt, 0}} {
		if !slices.Equal(c.Apply(p, severities[0], 1).Pix, c.Apply(p, severities[1], 1).Pix) {
			t.Errorf("severity %d differs from %d", severities[0], severities[1])
		}
	}
	for _, bad := range []Picture{{}, {make([]float32, 5), 1, 2, 3}, {nil, -1, 1 << 40, 1 << 40}} {
		if bad.Check() == nil {
			t.Errorf("Check accepts %v", bad)
		}
		for _, got := range []Picture{c.Apply(bad, 1, 1), Rotate(bad, 1), Shift(bad, 1, 1), Elastic(bad, 1, 1, 1)} {
			if got.C != bad.C || got.H != bad.H || !slices.Equal(got.Pix, bad.Pix) {
				t.Errorf("got %v of %v, want a copy", got, bad)
			}
		}
	}
	nan := flat(1, 3, 3, float32(math.NaN()))
	if got := Rotate(nan, math.NaN()); !slices.Equal(got.Pix, flat(1, 3, 3, 0).Pix) {
		t.Errorf("got %v of what is no number, want zeros", got.Pix)
	}
}

func TestFind(t *testing.T) {
	for _, c := range all() {
		if got, err := Find(c.String()); err != nil || got.String() != c.String() {
			t.Errorf("Find(%q) returns %v, %v", c, got, err)
		}
	}
	for _, name := range names() {
		if _, err := Find(name); err != nil {
			t.Errorf("Find(%q): %v, but an error lists the name", name, err)
		}
	}
	for _, name := range []string{"", "melt", "mnist/", "mnist/melt", "shot noise"} {
		if _, err := Find(name); err == nil || !strings.Contains(err.Error(), "want one of shot_noise") {
			t.Errorf("Find(%q) returns the error %v", name, err)
		}
	}
}

func TestSeed(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(50) {
		for i := range 50 {
			seen[Seed(seed, i)] = true
		}
	}
	if len(seen) != 2500 {
		t.Errorf("2500 images have %d seeds", len(seen))
	}
}

// The functions of numbers.go against package math's.
func TestNumbers(t *testing.T) {
	for x := -690.0; x < 690; x += 1.37 {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-13*want {
			t.Fatalf("exp(%g) is %g, want %g", x, got, want)
		}
		sin, cos := sincos(x / 50)
		if s, c := math.Sincos(x / 50); math.Abs(s-sin) > 1e-14 || math.Abs(c-cos) > 1e-14 {
			t.Fatalf("sincos(%g) is %g, %g, want %g, %g", x/50, sin, cos, s, c)
		}
	}
	for x := 1e-300; x < 1e300; x *= 1.7 {
		if got, want := log(x), math.Log(x); math.Abs(got-want) > 1e-14*max(1, math.Abs(want)) {
			t.Fatalf("log(%g) is %g, want %g", x, got, want)
		}
	}
	for p := 1e-9; p < 1; p += 0.0007 {
		if got, want := normal(p), math.Sqrt2*math.Erfinv(2*p-1); math.Abs(got-want) > 2e-9*max(1, math.Abs(want)) {
			t.Fatalf("normal(%g) is %g, want %g", p, got, want)
		}
	}
}
